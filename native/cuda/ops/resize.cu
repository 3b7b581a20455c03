// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Images at another size by linear interpolation along height and width, channels last, and the gradient. A thread
// makes one vector of channels and gathers: the gradient asks for each place of the image which places of the
// output were made of it, so nothing is added by atomics and the order of summation is fixed.
#include <math.h>

#include "elementwise.h"
#include "view.h"

namespace rbn {
namespace {

// From the output's coordinate to the image's along one dimension: the source is scale·(i + shift) − shift. In double,
// as on tfjs's cpu backend.
struct Axis {
  int64_t image, output;  // sizes
  double scale, shift;    // shift: 0.5 where coordinates are of centers of pixels

  // What an element of the output is made of: (1 − fraction)·image[low] + fraction·image[high].
  struct Source {
    int64_t low, high;
    float fraction;
  };

  __device__ __forceinline__ Source source(int64_t i) const {
    const double at = scale * (static_cast<double>(i) + shift) - shift;
    const double below = floor(at);
    // Past the ends the two are one element, whatever the fraction.
    const int64_t low = at > 0 ? static_cast<int64_t>(below) : 0;
    const int64_t high = at > 0 ? static_cast<int64_t>(ceil(at)) : 0;
    const int64_t last = image - 1;
    return {low < last ? low : last, high < last ? high : last, static_cast<float>(at > 0 ? at - below : 0)};
  }

  // What part of element i of the output comes from element `element` of the image.
  __device__ __forceinline__ float weight(int64_t i, int64_t element) const {
    const Source s = source(i);
    return (s.low == element ? 1 - s.fraction : 0) + (s.high == element ? s.fraction : 0);
  }

  // Elements [first, last) of the output: all those made of `element` are among them, and few others. Sources between
  // element − 1 and element + 1, and one more each way for what rounding does; at the ends all that lie beyond.
  __device__ __forceinline__ void made_of(int64_t element, int64_t* first, int64_t* last) const {
    const double place = static_cast<double>(element) + shift;
    const double from = (place - 1) / scale - shift - 1, to = (place + 1) / scale - shift + 2;
    // A scale of 0: all of the output is made of one element. The quotient is infinite then, or NaN.
    *first = element == 0 || !(from > 0) ? 0 : from < output ? static_cast<int64_t>(from) : output;
    *last = element == image - 1 || !(to < output) ? output : to > 0 ? static_cast<int64_t>(to) : 0;
  }
};

Axis axis_of(int64_t image, int64_t output, bool align_corners, bool half_pixel_centers) {
  const bool corners = align_corners && output > 1;
  const double from = static_cast<double>(corners ? image - 1 : image);
  return {image, output, from / static_cast<double>(corners ? output - 1 : output), half_pixel_centers ? 0.5 : 0};
}

// One vector of channels a thread; at: image, row, column, channel.
using Places = Box<4>;

template <int kWidth>
struct alignas(4 * kWidth) Channels {
  float at[kWidth];
};

template <int kWidth>
__global__ void __launch_bounds__(kElementThreads)
    rbn_resize_bilinear_kernel(const float* __restrict__ images, float* __restrict__ out,
                               const __grid_constant__ Places places, uint32_t count, int64_t channels,
                               const __grid_constant__ Axis rows, const __grid_constant__ Axis columns) {
  const uint32_t index = blockIdx.x * kElementThreads + threadIdx.x;
  if (index >= count) return;
  int64_t at[4];
  places.locate(index, at);
  using Vector = Channels<kWidth>;
  const Axis::Source r = rows.source(at[1]), c = columns.source(at[2]);
  const auto* const from = reinterpret_cast<const Vector*>(images) + at[3];
  const int64_t top = (at[0] * rows.image + r.low) * columns.image;
  const int64_t bottom = (at[0] * rows.image + r.high) * columns.image;
  const Vector top_left = from[(top + c.low) * channels], top_right = from[(top + c.high) * channels];
  const Vector bottom_left = from[(bottom + c.low) * channels], bottom_right = from[(bottom + c.high) * channels];
  Vector y;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    const float above = top_left.at[k] + (top_right.at[k] - top_left.at[k]) * c.fraction;
    const float below = bottom_left.at[k] + (bottom_right.at[k] - bottom_left.at[k]) * c.fraction;
    y.at[k] = above + (below - above) * r.fraction;
  }
  reinterpret_cast<Vector*>(out)[((at[0] * rows.output + at[1]) * columns.output + at[2]) * channels + at[3]] = y;
}

// 4 blocks a multiprocessor: 64 registers a thread. Without it ptxas spills some, for more threads than are worth it.
template <int kWidth>
__global__ void __launch_bounds__(kElementThreads, 4)
    rbn_resize_bilinear_grad_kernel(const float* __restrict__ dy, float* __restrict__ dx,
                                    const __grid_constant__ Places places, uint32_t count, int64_t channels,
                                    const __grid_constant__ Axis rows, const __grid_constant__ Axis columns) {
  const uint32_t index = blockIdx.x * kElementThreads + threadIdx.x;
  if (index >= count) return;
  int64_t at[4];
  places.locate(index, at);
  using Vector = Channels<kWidth>;
  const auto* const from = reinterpret_cast<const Vector*>(dy) + at[3];
  int64_t top, bottom, left, right;
  rows.made_of(at[1], &top, &bottom);
  columns.made_of(at[2], &left, &right);
  Vector sum = {};
#pragma unroll 1
  for (int64_t r = top; r < bottom; ++r) {
    const float of_row = rows.weight(r, at[1]);
    if (of_row == 0) continue;
    const int64_t row = (at[0] * rows.output + r) * columns.output;
    Vector row_sum = {};
#pragma unroll 1
    for (int64_t c = left; c < right; ++c) {
      const float of_column = columns.weight(c, at[2]);
      if (of_column == 0) continue;
      const Vector gradient = from[(row + c) * channels];
#pragma unroll
      for (int k = 0; k < kWidth; ++k) row_sum.at[k] += of_column * gradient.at[k];
    }
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum.at[k] += of_row * row_sum.at[k];
  }
  reinterpret_cast<Vector*>(dx)[((at[0] * rows.image + at[1]) * columns.image + at[2]) * channels + at[3]] = sum;
}

// Of x, images or their gradient, and y, the resized ones or theirs: the axes, and a launch for every vector of
// channels of `made`. attributes: alignCorners, halfPixelCenters.
template <class F>
int32_t resize(RbnContext* context, const RbnCall& call, const RbnTensor& x, const RbnTensor& y, const RbnTensor& made,
               RbnError* error, F&& f) {
  int32_t status = check_tensor<float>("input", 0, call.inputs[0], error);
  if (status == RBN_OK) status = check_tensor<float>("output", 0, call.outputs[0], error);
  if (status != RBN_OK) return status;
  if (x.rank != 4 || y.rank != 4 || x.shape[0] != y.shape[0] || x.shape[3] != y.shape[3])
    return fail(error, RBN_INVALID_ARGUMENT, "expected tensors of rank 4 with as many images and channels");
  if (element_count(made) > 0 && (x.shape[1] == 0 || x.shape[2] == 0))
    return fail(error, RBN_INVALID_ARGUMENT, "images: expected at least one pixel");
  const bool align = call.attributes[0] != 0, centers = call.attributes[1] != 0;
  const Axis rows = axis_of(x.shape[1], y.shape[1], align, centers);
  const Axis columns = axis_of(x.shape[2], y.shape[2], align, centers);
  const bool wide = made.shape[3] % 4 == 0;
  const int64_t channels = wide ? made.shape[3] / 4 : made.shape[3];
  return for_each_box({made.shape[0], made.shape[1], made.shape[2], channels},
                      [&](const Places& places, int64_t count) {
                        LaunchConfig config;
                        config.grid = dim3(element_blocks(count));
                        config.block = dim3(kElementThreads);
                        config.stream = context->stream;
                        return check(error,
                                     launch(config, wide ? f(std::integral_constant<int, 4>())
                                                         : f(std::integral_constant<int, 1>()),
                                            static_cast<const float*>(call.inputs[0].data),
                                            static_cast<float*>(call.outputs[0].data), places,
                                            static_cast<uint32_t>(count), channels, rows, columns),
                                     "launch");
                      });
}

// inputs: images.
int32_t resize_bilinear_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return resize(context, call, call.inputs[0], call.outputs[0], call.outputs[0], error,
                [](auto width) { return rbn_resize_bilinear_kernel<decltype(width)::value>; });
}

// inputs: dy.
int32_t resize_bilinear_grad_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return resize(context, call, call.outputs[0], call.inputs[0], call.outputs[0], error,
                [](auto width) { return rbn_resize_bilinear_grad_kernel<decltype(width)::value>; });
}

constexpr Operation kOperations[] = {
    {"ResizeBilinear", 1, 1, 2, false, resize_bilinear_operation},
    {"ResizeBilinearGrad", 1, 1, 2, false, resize_bilinear_grad_operation},
};

}  // namespace

OperationTable resize_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
