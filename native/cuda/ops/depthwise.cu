// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Depthwise convolution of images, and its gradients: channel c of x makes the channels c·m to c·m
// + m − 1 of y, where m, the multiplier, is the filter's last size. So few products belong to an
// element that the kernels wait for memory: a thread makes one element, neighbours make
// neighbouring channels.
#include <algorithm>

#include "conv_shape.h"
#include "split_sum.h"

namespace rbn {
namespace {

// Images are [batch, height, width, channels]. Numbers below 2^31.
struct Depthwise {
  struct Axis {
    int32_t in, out, filter, stride, dilation, pad;
  };
  Axis height, width;
  int64_t in_batch, out_batch;  // elements of an image of x, of y
  uint32_t in_channels, out_channels, multiplier, unused;
  Divider by_multiplier;
};

Depthwise depthwise_of(const ConvShape& shape) {
  const auto axis_of = [](const ConvShape::Axis& axis) {
    return Depthwise::Axis{static_cast<int32_t>(axis.in),       static_cast<int32_t>(axis.out),
                           static_cast<int32_t>(axis.filter),   static_cast<int32_t>(axis.stride),
                           static_cast<int32_t>(axis.dilation), static_cast<int32_t>(axis.pad)};
  };
  const int64_t multiplier = shape.in_channels > 0 ? shape.out_channels / shape.in_channels : 1;
  return {axis_of(shape.height),
          axis_of(shape.width),
          shape.pixels_in() * shape.in_channels,
          shape.pixels_out() * shape.out_channels,
          static_cast<uint32_t>(shape.in_channels),
          static_cast<uint32_t>(shape.out_channels),
          static_cast<uint32_t>(multiplier),
          0,
          Divider::of(std::max<int64_t>(multiplier, 1))};
}

// box: images, rows, columns and channels of y.
__global__ void __launch_bounds__(kElementThreads, kResidentBlocks)
    rbn_depthwise_kernel(const float* __restrict__ x, const float* __restrict__ filter,
                         float* __restrict__ y, Depthwise shape, Box<4> box, Ending ending,
                         uint32_t count) {
  const uint32_t index = blockIdx.x * kElementThreads + threadIdx.x;
  if (index >= count) return;
  int64_t at[4];
  box.locate(index, at);
  const uint32_t o = static_cast<uint32_t>(at[3]), c = shape.by_multiplier.quotient(o);
  const int32_t row0 = static_cast<int32_t>(at[1]) * shape.height.stride - shape.height.pad;
  const int32_t column0 = static_cast<int32_t>(at[2]) * shape.width.stride - shape.width.pad;
  const float* const image = x + at[0] * shape.in_batch + c;
  float sum = 0;
  for (int32_t a = 0; a < shape.height.filter; ++a) {
    const int32_t row = row0 + a * shape.height.dilation;
    if (row < 0 || row >= shape.height.in) continue;
    for (int32_t b = 0; b < shape.width.filter; ++b) {
      const int32_t column = column0 + b * shape.width.dilation;
      if (column < 0 || column >= shape.width.in) continue;
      sum += image[(static_cast<int64_t>(row) * shape.width.in + column) * shape.in_channels] *
             filter[static_cast<int64_t>(a * shape.width.filter + b) * shape.out_channels + o];
    }
  }
  y[at[0] * shape.out_batch + (at[1] * shape.width.out + at[2]) * shape.out_channels + o] =
      ending(sum, o);
}

// The pixel of y whose tap number `tap` reads `at` of x; −1 where there is none.
__device__ __forceinline__ int32_t read_by(const Depthwise::Axis& axis, int32_t at, int32_t tap) {
  const int32_t reach = at + axis.pad - tap * axis.dilation;
  if (reach < 0 || reach % axis.stride != 0) return -1;
  const int32_t pixel = reach / axis.stride;
  return pixel < axis.out ? pixel : -1;
}

// box: images, rows, columns and channels of dx.
__global__ void __launch_bounds__(kElementThreads, kResidentBlocks)
    rbn_depthwise_input_kernel(const float* __restrict__ dy, const float* __restrict__ filter,
                               float* __restrict__ dx, Depthwise shape, Box<4> box,
                               uint32_t count) {
  const uint32_t index = blockIdx.x * kElementThreads + threadIdx.x;
  if (index >= count) return;
  int64_t at[4];
  box.locate(index, at);
  const int64_t first = at[3] * shape.multiplier;  // channel of y
  const float* const image = dy + at[0] * shape.out_batch + first;
  float sum = 0;
  for (int32_t a = 0; a < shape.height.filter; ++a) {
    const int32_t row = read_by(shape.height, static_cast<int32_t>(at[1]), a);
    if (row < 0) continue;
    for (int32_t b = 0; b < shape.width.filter; ++b) {
      const int32_t column = read_by(shape.width, static_cast<int32_t>(at[2]), b);
      if (column < 0) continue;
      const float* const gradient =
          image + (static_cast<int64_t>(row) * shape.width.out + column) * shape.out_channels;
      const float* const weights =
          filter + static_cast<int64_t>(a * shape.width.filter + b) * shape.out_channels + first;
      for (uint32_t m = 0; m < shape.multiplier; ++m) sum += gradient[m] * weights[m];
    }
  }
  dx[at[0] * shape.in_batch + (at[1] * shape.width.in + at[2]) * shape.in_channels + at[3]] = sum;
}

// The filter's gradient is a sum over all pixels: a block makes one tap of kFilterColumns channels
// over a chunk of pixels, which its lanes share.
constexpr int kFilterColumns = 32, kFilterLanes = kElementThreads / kFilterColumns;

struct FilterPlan {
  int64_t pixels, chunk, chunks;
  Divider by_width, by_height;
};

// partial: [chunks, taps, channels of y]; the filter's gradient itself where there is one chunk.
__global__ void __launch_bounds__(kElementThreads)
    rbn_depthwise_filter_kernel(const float* __restrict__ x, const float* __restrict__ dy,
                                float* __restrict__ partial, Depthwise shape, FilterPlan plan) {
  RBN_SHARED(float, scratch, kElementThreads);
  const uint32_t tiles = (shape.out_channels + kFilterColumns - 1) / kFilterColumns;
  const uint32_t taps = static_cast<uint32_t>(shape.height.filter * shape.width.filter);
  const uint32_t tap = blockIdx.x / tiles % taps;
  const int64_t chunk = blockIdx.x / tiles / taps;
  const uint32_t o = blockIdx.x % tiles * kFilterColumns + threadIdx.x % kFilterColumns;
  const uint32_t lane = threadIdx.x / kFilterColumns;
  float sum = 0;
  if (o < shape.out_channels) {
    const uint32_t c = shape.by_multiplier.quotient(o);
    const int32_t a = static_cast<int32_t>(tap) / shape.width.filter;
    const int32_t b = static_cast<int32_t>(tap) % shape.width.filter;
    const int64_t begin = chunk * plan.chunk;
    const int64_t end = begin + plan.chunk < plan.pixels ? begin + plan.chunk : plan.pixels;
    for (int64_t pixel = begin + lane; pixel < end; pixel += kFilterLanes) {
      const uint32_t i = static_cast<uint32_t>(pixel);
      const uint32_t line = plan.by_width.quotient(i), batch = plan.by_height.quotient(line);
      const int32_t y_row = static_cast<int32_t>(line - batch * shape.height.out);
      const int32_t y_column = static_cast<int32_t>(i - line * shape.width.out);
      const int32_t row =
          y_row * shape.height.stride - shape.height.pad + a * shape.height.dilation;
      const int32_t column =
          y_column * shape.width.stride - shape.width.pad + b * shape.width.dilation;
      if (row < 0 || row >= shape.height.in || column < 0 || column >= shape.width.in) continue;
      sum += x[batch * shape.in_batch +
               (static_cast<int64_t>(row) * shape.width.in + column) * shape.in_channels + c] *
             dy[pixel * shape.out_channels + o];
    }
  }
  scratch[threadIdx.x] = sum;
  for (int half = kFilterLanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) {
      sum += scratch[threadIdx.x + half * kFilterColumns];
      scratch[threadIdx.x] = sum;
    }
  }
  if (lane == 0 && o < shape.out_channels)
    partial[(chunk * taps + tap) * shape.out_channels + o] = sum;
}

// A thread an element.
LaunchConfig each_element(RbnContext* context, int64_t count) {
  LaunchConfig config;
  config.grid = dim3(element_blocks(count));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return config;
}

int32_t depthwise_shape(const RbnTensor& x, const RbnTensor& filter, const RbnTensor& y,
                        const double* attributes, ConvShape* shape, RbnError* error) {
  const int32_t status = conv_shape(x, filter, y, true, attributes, shape, error);
  if (status == RBN_OK && shape->channels_first)
    return fail(error, RBN_INVALID_ARGUMENT, "attribute 0: expected 0, channels last");
  return status;
}

// inputs: x, filter, then what ending.h says. attributes: what conv_shape.h says, then what
// ending.h says.
int32_t forward_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  if (call.input_count < 2 || call.attribute_count != kConvAttributes + kEndingAttributes)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected at least 2 inputs and %d attributes, received %d and %d",
                kConvAttributes + kEndingAttributes, call.input_count, call.attribute_count);
  const RbnTensor &x = call.inputs[0], &filter = call.inputs[1], &y = call.outputs[0];
  ConvShape shape = {};
  Ending ending = {};
  int32_t status = depthwise_shape(x, filter, y, call.attributes, &shape, error);
  if (status == RBN_OK) status = ending_of(call, shape.out_channels, &ending, error);
  if (status != RBN_OK) return status;
  return for_each_box<4>(
      {shape.batch, shape.height.out, shape.width.out, shape.out_channels},
      [&](const Box<4>& box, int64_t units) {
        return check(error,
                     launch(each_element(context, units), rbn_depthwise_kernel, floats(x),
                            floats(filter), static_cast<float*>(y.data), depthwise_of(shape), box,
                            ending, static_cast<uint32_t>(units)),
                     "launch");
      });
}

// inputs: dy, filter. attributes: what conv_shape.h says.
int32_t input_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor &dy = call.inputs[0], &filter = call.inputs[1], &dx = call.outputs[0];
  ConvShape shape = {};
  const int32_t status = depthwise_shape(dx, filter, dy, call.attributes, &shape, error);
  if (status != RBN_OK) return status;
  return for_each_box<4>({shape.batch, shape.height.in, shape.width.in, shape.in_channels},
                         [&](const Box<4>& box, int64_t units) {
                           return check(
                               error,
                               launch(each_element(context, units), rbn_depthwise_input_kernel,
                                      floats(dy), floats(filter), static_cast<float*>(dx.data),
                                      depthwise_of(shape), box, static_cast<uint32_t>(units)),
                               "launch");
                         });
}

// Blocks that a large GPU wants, eight a multiprocessor, and the fewest pixels worth a chunk. Small
// on the simulator, so that small tests see chunks.
#ifdef RBN_SIMULATOR
constexpr int64_t kFilterBlocks = 32, kLeastPixels = 16;
#else
constexpr int64_t kFilterBlocks = 1024, kLeastPixels = 256;
#endif

// inputs: x, dy. attributes: what conv_shape.h says.
int32_t filter_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor &x = call.inputs[0], &dy = call.inputs[1], &filter = call.outputs[0];
  ConvShape shape = {};
  int32_t status = depthwise_shape(x, filter, dy, call.attributes, &shape, error);
  if (status != RBN_OK || element_count(filter) == 0) return status;
  FilterPlan plan = {};
  plan.pixels = shape.batch * shape.pixels_out();
  const int64_t tiles = shape.taps() * ((shape.out_channels + kFilterColumns - 1) / kFilterColumns);
  if (plan.pixels > INT32_MAX || tiles > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected fewer than 2^31 pixels and elements of the filter");
  const int64_t chunks =
      std::max<int64_t>(std::min(plan.pixels / kLeastPixels, kFilterBlocks / tiles), 1);
  plan.chunk = std::max<int64_t>((plan.pixels + chunks - 1) / chunks, 1);
  plan.chunks = std::max<int64_t>((plan.pixels + plan.chunk - 1) / plan.chunk, 1);
  plan.by_width = Divider::of(std::max<int64_t>(shape.width.out, 1));
  plan.by_height = Divider::of(std::max<int64_t>(shape.height.out, 1));
  auto* const result = static_cast<float*>(filter.data);
  Workspace workspace(context);
  if (plan.chunks > 1) {
    status = check(error, workspace.allocate(plan.chunks * element_count(filter) * sizeof(float)),
                   "workspace");
    if (status != RBN_OK) return status;
  }
  auto* const partial = plan.chunks > 1 ? static_cast<float*>(workspace.memory()) : result;
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(tiles * plan.chunks));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  status = check(error,
                 launch(config, rbn_depthwise_filter_kernel, floats(x), floats(dy), partial,
                        depthwise_of(shape), plan),
                 "launch");
  if (status != RBN_OK || plan.chunks == 1) return status;
  return check(error,
               launch_split_sum<float>(context, partial, result,
                                       Lines::of(shape.taps(), 0, shape.out_channels, 1), Ending(),
                                       1, shape.taps(), shape.out_channels, plan.chunks),
               "launch");
}

constexpr Operation kOperations[] = {
    {"DepthwiseConv2dNative", kAny, 1, kAny, false, forward_operation},
    {"DepthwiseConv2dNativeBackpropInput", 2, 1, kConvAttributes, false, input_operation},
    {"DepthwiseConv2dNativeBackpropFilter", 2, 1, kConvAttributes, false, filter_operation},
};

}  // namespace

OperationTable depthwise_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
