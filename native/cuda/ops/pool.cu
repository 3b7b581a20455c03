// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Pooling over windows of height and width, channels last, and its gradients. A thread makes one vector of
// channels of the output and gathers what it is made of, in a fixed order: the gradients, too, go from an input's
// place to the windows that cover it, so nothing is added by atomics.
#include <math.h>

#include "elementwise.h"
#include "view.h"

namespace rbn {
namespace {

// Window (i, j) begins at (i, j)·stride − pad; what lies outside of the image does not count.
struct Windows {
  int32_t images_height, images_width, rows, columns;  // of the images, and how many windows there are
  int32_t height, width, stride_y, stride_x, pad_top, pad_left;

  // The part [first, last) of window `index` that is inside of `size` elements.
  static __device__ __forceinline__ void inside(int64_t index, int32_t stride, int32_t pad, int32_t length,
                                                int32_t size, int32_t* first, int32_t* last) {
    const int64_t corner = index * stride - pad;
    *first = static_cast<int32_t>(corner < 0 ? 0 : corner < size ? corner : size);
    *last = static_cast<int32_t>(corner + length < size ? corner + length : size);
  }

  // The windows [first, last) among `count` that cover an element.
  static __device__ __forceinline__ void covering(int64_t element, int32_t stride, int32_t pad, int32_t length,
                                                  int32_t count, int32_t* first, int32_t* last) {
    const int64_t from = element + pad - length + 1, to = (element + pad) / stride + 1;
    *first = static_cast<int32_t>(from > 0 ? (from + stride - 1) / stride : 0);
    *last = static_cast<int32_t>(to < count ? to : count);
  }
};

// Of a float32 window the greatest that is no NaN, as on tfjs's cpu backend; −∞ of none.
template <class T>
__device__ __forceinline__ T lowest() {
  if constexpr (std::is_same<T, float>::value) return -INFINITY;
  else return INT32_MIN;
}

template <int kWidth, class T>
struct alignas(kWidth * sizeof(T)) Channels {
  T at[kWidth];
};

// Where the vector of channels of a pixel or window is; `channels` in vectors.
template <int kWidth, class T>
__device__ __forceinline__ const Channels<kWidth, T>* vector_at(const T* x, int64_t pixel, int64_t channels,
                                                                int64_t channel) {
  return reinterpret_cast<const Channels<kWidth, T>*>(x) + (pixel * channels + channel);
}

// One vector of channels a thread; at: image, row, column, channel.
using Places = Box<4>;

__device__ __forceinline__ uint32_t place_index() { return blockIdx.x * blockDim.x + threadIdx.x; }

// positions: where not null, the index of each maximum in its image, or in x where `across`; −1 where there is none.
template <int kWidth, class T>
__global__ void __launch_bounds__(kElementThreads)
    rbn_max_pool_kernel(const T* __restrict__ x, T* __restrict__ y, int32_t* __restrict__ positions, bool across,
                        const __grid_constant__ Places places, uint32_t count, int64_t channels,
                        const __grid_constant__ Windows w) {
  if (place_index() >= count) return;
  int64_t at[4];
  places.locate(place_index(), at);
  int32_t top, bottom, left, right;
  Windows::inside(at[1], w.stride_y, w.pad_top, w.height, w.images_height, &top, &bottom);
  Windows::inside(at[2], w.stride_x, w.pad_left, w.width, w.images_width, &left, &right);
  Channels<kWidth, T> greatest;
  int32_t position[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) greatest.at[k] = lowest<T>(), position[k] = -1;
  const auto* image = vector_at<kWidth>(x, at[0] * w.images_height * w.images_width, channels, at[3]);
  for (int32_t r = top; r < bottom; ++r) {
    const int64_t row = static_cast<int64_t>(r) * w.images_width;
    for (int32_t c = left; c < right; ++c) {
      const auto value = image[(row + c) * channels];
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        // The least int32 is greater than nothing, too.
        const bool first = !std::is_same<T, float>::value && position[k] < 0;
        if (!(value.at[k] > greatest.at[k] || first)) continue;
        greatest.at[k] = value.at[k];
        position[k] = static_cast<int32_t>(row + c);
      }
    }
  }
  const int64_t place = ((at[0] * w.rows + at[1]) * w.columns + at[2]) * channels + at[3];
  if (!std::is_same<T, float>::value) {
    // Of an empty window: −∞, which an Int32Array holds as 0.
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      if (top >= bottom || left >= right) greatest.at[k] = 0;
    }
  }
  reinterpret_cast<Channels<kWidth, T>*>(y)[place] = greatest;
  if (!positions) return;
  const int64_t first = across ? at[0] * w.images_height * w.images_width : 0;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    const int64_t element = ((first + static_cast<uint32_t>(position[k])) * channels + at[3]) * kWidth + k;
    positions[place * kWidth + k] = position[k] < 0 ? -1 : static_cast<int32_t>(element);
  }
}

// The mean of those inside; NaN of none, in int32 0. float32 is added up row by row: two short sums.
template <int kWidth, class T>
__global__ void __launch_bounds__(kElementThreads)
    rbn_avg_pool_kernel(const T* __restrict__ x, T* __restrict__ y, const __grid_constant__ Places places,
                        uint32_t count, int64_t channels, const __grid_constant__ Windows w) {
  using Sum = std::conditional_t<std::is_same<T, float>::value, float, double>;
  if (place_index() >= count) return;
  int64_t at[4];
  places.locate(place_index(), at);
  int32_t top, bottom, left, right;
  Windows::inside(at[1], w.stride_y, w.pad_top, w.height, w.images_height, &top, &bottom);
  Windows::inside(at[2], w.stride_x, w.pad_left, w.width, w.images_width, &left, &right);
  Sum sum[kWidth] = {};
  for (int32_t r = top; r < bottom; ++r) {
    const auto* from = vector_at<kWidth>(x, (at[0] * w.images_height + r) * w.images_width + left, channels, at[3]);
    Sum of_row[kWidth] = {};
#pragma unroll 2
    for (int32_t c = left; c < right; ++c, from += channels) {
      const auto value = *from;
#pragma unroll
      for (int k = 0; k < kWidth; ++k) of_row[k] += static_cast<Sum>(value.at[k]);
    }
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum[k] += of_row[k];
  }
  const Sum elements = static_cast<Sum>(top < bottom && left < right
                                            ? static_cast<int64_t>(bottom - top) * (right - left)
                                            : 0);
  Channels<kWidth, T> mean;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    if constexpr (std::is_same<T, float>::value) mean.at[k] = sum[k] / elements;
    else mean.at[k] = to_int32(sum[k] / elements);
  }
  reinterpret_cast<Channels<kWidth, T>*>(y)[((at[0] * w.rows + at[1]) * w.columns + at[2]) * channels + at[3]] =
      mean;
}

// Blocks a multiprocessor: 64 registers a thread. Without it ptxas spills some, for more threads than are worth it.
constexpr int kGatherBlocks = 4;

// A window's gradient goes to the first of its maxima; of a window of −∞ and NaN alone to none. y is read to find
// maxima; only where x equals it the elements before are looked at.
template <int kWidth, class T>
__global__ void __launch_bounds__(kElementThreads, kGatherBlocks)
    rbn_max_pool_grad_kernel(const float* __restrict__ dy, const T* __restrict__ x, const T* __restrict__ y,
                             float* __restrict__ dx, const __grid_constant__ Places places, uint32_t count,
                             int64_t channels, const __grid_constant__ Windows w) {
  if (place_index() >= count) return;
  int64_t at[4];
  places.locate(place_index(), at);
  const int64_t image = at[0] * w.images_height * w.images_width;
  const int64_t place = (image + at[1] * w.images_width + at[2]) * channels + at[3];
  const auto own = reinterpret_cast<const Channels<kWidth, T>*>(x)[place];
  int32_t top, bottom, left, right;
  Windows::covering(at[1], w.stride_y, w.pad_top, w.height, w.rows, &top, &bottom);
  Windows::covering(at[2], w.stride_x, w.pad_left, w.width, w.columns, &left, &right);
  Channels<kWidth, float> sum = {};
#pragma unroll 1
  for (int32_t i = top; i < bottom; ++i) {
#pragma unroll 1
    for (int32_t j = left; j < right; ++j) {
      const int64_t window = (at[0] * w.rows + i) * w.columns + j;
      const auto greatest = *vector_at<kWidth>(y, window, channels, at[3]);
      bool wins[kWidth], any = false;
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        wins[k] = own.at[k] == greatest.at[k];
        if constexpr (std::is_same<T, float>::value) wins[k] = wins[k] && own.at[k] > -INFINITY;
        any = any || wins[k];
      }
      if (!any) continue;
      int32_t first_row, last_row, first_column, last_column;
      Windows::inside(i, w.stride_y, w.pad_top, w.height, w.images_height, &first_row, &last_row);
      Windows::inside(j, w.stride_x, w.pad_left, w.width, w.images_width, &first_column, &last_column);
#pragma unroll 1
      for (int32_t r = first_row; r <= at[1]; ++r) {
        const int32_t end = r < at[1] ? last_column : static_cast<int32_t>(at[2]);
        const auto* from = vector_at<kWidth>(x, image + static_cast<int64_t>(r) * w.images_width + first_column,
                                             channels, at[3]);
#pragma unroll 1
        for (int32_t c = first_column; c < end; ++c, from += channels) {
          const auto before = *from;
#pragma unroll
          for (int k = 0; k < kWidth; ++k) wins[k] = wins[k] && before.at[k] != own.at[k];
        }
      }
      const auto gradient = *vector_at<kWidth>(dy, window, channels, at[3]);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        if (wins[k]) sum.at[k] += gradient.at[k];
      }
    }
  }
  reinterpret_cast<Channels<kWidth, float>*>(dx)[place] = sum;
}

// As on tfjs's cpu backend each window's gradient is divided by the window's size, wherever the image ends.
template <int kWidth>
__global__ void __launch_bounds__(kElementThreads)
    rbn_avg_pool_grad_kernel(const float* __restrict__ dy, float* __restrict__ dx,
                             const __grid_constant__ Places places, uint32_t count, int64_t channels,
                             const __grid_constant__ Windows w) {
  if (place_index() >= count) return;
  int64_t at[4];
  places.locate(place_index(), at);
  int32_t top, bottom, left, right;
  Windows::covering(at[1], w.stride_y, w.pad_top, w.height, w.rows, &top, &bottom);
  Windows::covering(at[2], w.stride_x, w.pad_left, w.width, w.columns, &left, &right);
  Channels<kWidth, float> sum = {};
  for (int32_t i = top; i < bottom; ++i) {
    const auto* from = vector_at<kWidth>(dy, (at[0] * w.rows + i) * w.columns + left, channels, at[3]);
    Channels<kWidth, float> of_row = {};
#pragma unroll 2
    for (int32_t j = left; j < right; ++j, from += channels) {
      const auto gradient = *from;
#pragma unroll
      for (int k = 0; k < kWidth; ++k) of_row.at[k] += gradient.at[k];
    }
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum.at[k] += of_row.at[k];
  }
  const float size = static_cast<float>(static_cast<int64_t>(w.height) * w.width);
#pragma unroll
  for (int k = 0; k < kWidth; ++k) sum.at[k] /= size;
  const int64_t place = ((at[0] * w.images_height + at[1]) * w.images_width + at[2]) * channels + at[3];
  reinterpret_cast<Channels<kWidth, float>*>(dx)[place] = sum;
}

constexpr int32_t kWindowAttributes = 6;  // height, width, strides along both, padding above and left

// Of images and of one element a window, [N, H, W, C] both.
int32_t windows_of(const RbnCall& call, const RbnTensor& images, const RbnTensor& windows, Windows* result,
                   RbnError* error) {
  if (images.rank != 4 || windows.rank != 4 || images.shape[0] != windows.shape[0] ||
      images.shape[3] != windows.shape[3])
    return fail(error, RBN_INVALID_ARGUMENT, "expected images and windows of rank 4 with as many images and channels");
  // Sums of two of them are still below 2^31.
  constexpr int64_t kMost = 1 << 30;
  for (int32_t d = 1; d <= 2; ++d) {
    if (images.shape[d] > kMost || windows.shape[d] > kMost)
      return fail(error, RBN_INVALID_ARGUMENT, "height and width: expected at most 2^30");
  }
  if (images.shape[1] * images.shape[2] > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT, "images: expected less than 2^31 pixels each");
  int64_t value[kWindowAttributes];
  for (int32_t i = 0; i < kWindowAttributes; ++i) {
    if (!whole(call.attributes[i], i < 4 ? 1 : 0, kMost, &value[i]))
      return fail(error, RBN_INVALID_ARGUMENT, "attribute %d: expected a whole number from %d to 2^30", i,
                  i < 4 ? 1 : 0);
  }
  *result = {static_cast<int32_t>(images.shape[1]),  static_cast<int32_t>(images.shape[2]),
             static_cast<int32_t>(windows.shape[1]), static_cast<int32_t>(windows.shape[2]),
             static_cast<int32_t>(value[0]),         static_cast<int32_t>(value[1]),
             static_cast<int32_t>(value[2]),         static_cast<int32_t>(value[3]),
             static_cast<int32_t>(value[4]),         static_cast<int32_t>(value[5])};
  return RBN_OK;
}

// Calls f(width, configuration, and what all kernels end with: places, their number, vectors of channels) for all
// vectors of channels of `out`; memory in `all` is read and written in vectors.
template <class F>
int32_t for_each_place(RbnContext* context, const RbnTensor& out, std::initializer_list<const void*> all,
                       RbnError* error, F&& f) {
  int64_t channels = out.shape[3];
  const bool wide = widest(4, &channels, all) == 16;
  if (!wide) channels = out.shape[3];  // pairs are not worth kernels of their own
  const int64_t sizes[] = {out.shape[0], out.shape[1], out.shape[2], channels};
  return for_each_box(sizes, [&](const Places& places, int64_t units) {
    LaunchConfig config;
    config.grid = dim3(element_blocks(units));
    config.block = dim3(kElementThreads);
    config.stream = context->stream;
    const uint32_t count = static_cast<uint32_t>(units);
    const cudaError_t code = wide ? f(std::integral_constant<int, 4>(), config, places, count, channels)
                                  : f(std::integral_constant<int, 1>(), config, places, count, channels);
    return check(error, code, "launch");
  });
}

// `f` with a null pointer of float or int32_t.
template <class F>
int32_t dispatch_number(const RbnTensor& x, RbnError* error, F&& f) {
  switch (x.dtype) {
    case RBN_TENSOR_FLOAT32: return f(static_cast<float*>(nullptr));
    case RBN_TENSOR_INT32: return f(static_cast<int32_t*>(nullptr));
    default: return wrong_type("input", 0, "float32 or int32", x.dtype, error);
  }
}

int32_t expect_type(const char* kind, int32_t index, const RbnTensor& t, int32_t dtype, RbnError* error) {
  static const char* const kNames[] = {"float32", "int32", "bool"};
  return t.dtype == dtype ? RBN_OK : wrong_type(kind, index, kNames[dtype], t.dtype, error);
}

// Checks an operation from x to y, and launches f(null pointer of x's type, width, configuration, what kernels end with).
template <class F>
int32_t pool(RbnContext* context, const RbnCall& call, RbnError* error, F&& f) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& y = call.outputs[0];
  Windows windows;
  int32_t status = expect_type("output", 0, y, x.dtype, error);
  if (status == RBN_OK) status = windows_of(call, x, y, &windows, error);
  if (status != RBN_OK) return status;
  return dispatch_number(x, error, [&](auto* type) {
    return for_each_place(context, y, {x.data, y.data}, error,
                          [&](auto width, const LaunchConfig& config, auto... places) {
                            return f(type, width, config, places..., windows);
                          });
  });
}

// positions: null where nobody asks for them.
int32_t max_pool(RbnContext* context, const RbnCall& call, int32_t* positions, bool across, RbnError* error) {
  return pool(context, call, error, [&](auto* type, auto width, const LaunchConfig& config, auto... rest) {
    using T = std::remove_pointer_t<decltype(type)>;
    return launch(config, rbn_max_pool_kernel<decltype(width)::value, T>, static_cast<const T*>(call.inputs[0].data),
                  static_cast<T*>(call.outputs[0].data), positions, across, rest...);
  });
}

// inputs: x. attributes: the window's.
int32_t max_pool_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return max_pool(context, call, nullptr, false, error);
}

// inputs: x. outputs: y, and int32 positions. attributes: the window's, and whether positions count through all images.
int32_t max_pool_with_argmax_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& positions = call.outputs[1];
  const int32_t status = expect_type("output", 1, positions, RBN_TENSOR_INT32, error);
  if (status != RBN_OK) return status;
  if (!same_shape(positions, call.outputs[0]))
    return fail(error, RBN_INVALID_ARGUMENT, "outputs: expected one shape");
  return max_pool(context, call, static_cast<int32_t*>(positions.data), call.attributes[kWindowAttributes] != 0, error);
}

// inputs: x. attributes: the window's.
int32_t avg_pool_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return pool(context, call, error, [&](auto* type, auto width, const LaunchConfig& config, auto... rest) {
    using T = std::remove_pointer_t<decltype(type)>;
    return launch(config, rbn_avg_pool_kernel<decltype(width)::value, T>, static_cast<const T*>(call.inputs[0].data),
                  static_cast<T*>(call.outputs[0].data), rest...);
  });
}

// inputs: x, y = MaxPool(x), dy. attributes: the window's.
int32_t max_pool_grad_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& y = call.inputs[1];
  const RbnTensor& dy = call.inputs[2];
  const RbnTensor& dx = call.outputs[0];
  Windows windows;
  int32_t status = expect_type("input", 1, y, x.dtype, error);
  if (status == RBN_OK) status = expect_type("input", 2, dy, RBN_TENSOR_FLOAT32, error);
  if (status == RBN_OK) status = expect_type("output", 0, dx, RBN_TENSOR_FLOAT32, error);
  if (status == RBN_OK) status = windows_of(call, x, y, &windows, error);
  if (status != RBN_OK) return status;
  if (!same_shape(x, dx) || !same_shape(y, dy))
    return fail(error, RBN_INVALID_ARGUMENT, "expected dx of x's shape and dy of y's");
  return dispatch_number(x, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    return for_each_place(context, dx, {x.data, y.data, dy.data, dx.data}, error,
                          [&](auto width, const LaunchConfig& config, auto... places) {
                            return launch(config, rbn_max_pool_grad_kernel<decltype(width)::value, T>,
                                          static_cast<const float*>(dy.data), static_cast<const T*>(x.data),
                                          static_cast<const T*>(y.data), static_cast<float*>(dx.data), places...,
                                          windows);
                          });
  });
}

// inputs: dy. attributes: the window's.
int32_t avg_pool_grad_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& dy = call.inputs[0];
  const RbnTensor& dx = call.outputs[0];
  Windows windows;
  int32_t status = expect_type("input", 0, dy, RBN_TENSOR_FLOAT32, error);
  if (status == RBN_OK) status = expect_type("output", 0, dx, RBN_TENSOR_FLOAT32, error);
  if (status == RBN_OK) status = windows_of(call, dx, dy, &windows, error);
  if (status != RBN_OK) return status;
  return for_each_place(context, dx, {dy.data, dx.data}, error,
                        [&](auto width, const LaunchConfig& config, auto... places) {
                          return launch(config, rbn_avg_pool_grad_kernel<decltype(width)::value>,
                                        static_cast<const float*>(dy.data), static_cast<float*>(dx.data), places...,
                                        windows);
                        });
}

constexpr Operation kOperations[] = {
    {"MaxPool", 1, 1, kWindowAttributes, false, max_pool_operation},
    {"MaxPoolWithArgmax", 1, 2, kWindowAttributes + 1, false, max_pool_with_argmax_operation},
    {"MaxPoolGrad", 3, 1, kWindowAttributes, false, max_pool_grad_operation},
    {"AvgPool", 1, 1, kWindowAttributes, false, avg_pool_operation},
    {"AvgPoolGrad", 1, 1, kWindowAttributes, false, avg_pool_grad_operation},
};

}  // namespace

OperationTable pool_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
