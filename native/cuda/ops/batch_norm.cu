// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Batch normalization by given statistics: y = (x − mean)·scale·r + offset, r = 1/√(variance + ε). Forward it is
// element by element with broadcasting; all five gradients come of one pass over x and dy, which sums for each
// channel, and a small one over partial sums. The order of summation follows from the shape alone.
#include <math.h>

#include <algorithm>

#include "elementwise.h"
#include "view.h"

namespace rbn {
namespace {

struct Normalize {
  float epsilon;
  __host__ __device__ float operator()(float x, float mean, float variance, float offset, float scale) const {
    return (x - mean) * (scale / sqrtf(variance + epsilon)) + offset;
  }
};

// inputs: x, mean, variance, offset, scale; all but x are broadcast. attributes: epsilon.
int32_t batch_norm_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const Normalize normalize = {static_cast<float>(call.attributes[0])};
  return elementwise<float, float, float, float, float, float>(context, normalize, call, error);
}

constexpr int kThreads = 256;
constexpr int kUnrolledRows = 4;

// x as rows of channels. A block takes `columns` vectors of channels, with kThreads / columns threads each, and a chunk
// of rows.
struct Layout {
  int64_t rows, channels;
  int64_t chunk;  // rows
  int columns;    // a power of two up to 32
};

// Each [channels].
struct Parameters {
  const float *mean, *variance, *scale;
  double epsilon;

  __device__ __forceinline__ double inverse(int64_t channel) const {
    return 1 / sqrt(static_cast<double>(variance[channel]) + epsilon);
  }
};

template <int kWidth>
struct alignas(4 * kWidth) Channels {
  float at[kWidth];
};

// partial: Σ dy and Σ dy·(x − mean), [chunks, 2, channels]. blockIdx.y is the chunk.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    rbn_batch_norm_grad_kernel(const float* __restrict__ dy, const float* __restrict__ x, float* __restrict__ dx,
                               double* __restrict__ partial, const __grid_constant__ Parameters p,
                               const __grid_constant__ Layout layout) {
  using Vector = Channels<kWidth>;
  RBN_SHARED(double, scratch, 2 * kWidth * kThreads);
  const int columns = layout.columns, lanes = kThreads / columns;
  const int column = threadIdx.x % columns, lane = threadIdx.x / columns;
  const int64_t vectors = layout.channels / kWidth;
  const int64_t vector = static_cast<int64_t>(blockIdx.x) * columns + column;
  double sum[2 * kWidth] = {};  // of dy, then of dy·(x − mean)
  if (vector < vectors) {
    const int64_t begin = blockIdx.y * layout.chunk;
    const int64_t end = begin + layout.chunk < layout.rows ? begin + layout.chunk : layout.rows;
    float mean[kWidth], factor[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const int64_t channel = vector * kWidth + k;
      mean[k] = p.mean[channel];
      factor[k] = static_cast<float>(p.scale[channel] * p.inverse(channel));
    }
    const int64_t first = (begin + lane) * vectors + vector, step = lanes * vectors;
    const auto* from_dy = reinterpret_cast<const Vector*>(dy) + first;
    const auto* from_x = reinterpret_cast<const Vector*>(x) + first;
    auto* to = reinterpret_cast<Vector*>(dx) + first;
    // A few rows in float32, their sums in double.
    for (int64_t row = begin + lane; row < end;) {
      float some[2 * kWidth] = {};
#pragma unroll
      for (int i = 0; i < kUnrolledRows; ++i) {
        if (row < end) {
          const Vector g = *from_dy, v = *from_x;
          Vector result;
#pragma unroll
          for (int k = 0; k < kWidth; ++k) {
            result.at[k] = g.at[k] * factor[k];
            some[k] += g.at[k];
            some[kWidth + k] += g.at[k] * (v.at[k] - mean[k]);
          }
          *to = result;
        }
        row += lanes, from_dy += step, from_x += step, to += step;
      }
#pragma unroll
      for (int k = 0; k < 2 * kWidth; ++k) sum[k] += some[k];
    }
  }
#pragma unroll
  for (int k = 0; k < 2 * kWidth; ++k) scratch[k * kThreads + threadIdx.x] = sum[k];
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane >= half) continue;
#pragma unroll
    for (int k = 0; k < 2 * kWidth; ++k) {
      sum[k] += scratch[k * kThreads + threadIdx.x + half * columns];
      scratch[k * kThreads + threadIdx.x] = sum[k];
    }
  }
  if (lane > 0 || vector >= vectors) return;
  double* const sums = partial + blockIdx.y * 2 * layout.channels + vector * kWidth;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    sums[k] = sum[k];
    sums[layout.channels + k] = sum[kWidth + k];
  }
}

constexpr int kFinalColumns = 8;

// Each [channels].
struct Gradients {
  float *mean, *variance, *scale, *offset;
};

// A block adds up the chunks of kFinalColumns channels, with kThreads / kFinalColumns threads each.
__global__ void __launch_bounds__(kThreads)
    rbn_batch_norm_grad_finalize_kernel(const double* __restrict__ partial, int64_t chunks, int64_t channels,
                                        const __grid_constant__ Parameters p, Gradients out) {
  RBN_SHARED(double, scratch, 2 * kThreads);
  constexpr int kLanes = kThreads / kFinalColumns;
  const int lane = threadIdx.x / kFinalColumns;
  const int64_t channel = static_cast<int64_t>(blockIdx.x) * kFinalColumns + threadIdx.x % kFinalColumns;
  double sum = 0, product = 0;
  if (channel < channels) {
    for (int64_t i = lane; i < chunks; i += kLanes) {
      sum += partial[2 * i * channels + channel];
      product += partial[(2 * i + 1) * channels + channel];
    }
  }
  scratch[threadIdx.x] = sum;
  scratch[kThreads + threadIdx.x] = product;
  for (int half = kLanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane >= half) continue;
    sum += scratch[threadIdx.x + half * kFinalColumns];
    product += scratch[kThreads + threadIdx.x + half * kFinalColumns];
    scratch[threadIdx.x] = sum;
    scratch[kThreads + threadIdx.x] = product;
  }
  if (lane > 0 || channel >= channels) return;
  const double r = p.inverse(channel), scale = p.scale[channel];
  out.mean[channel] = static_cast<float>(-r * scale * sum);
  out.variance[channel] = static_cast<float>(-0.5 * r * r * r * scale * product);
  out.scale[channel] = static_cast<float>(r * product);
  out.offset[channel] = static_cast<float>(sum);
}

// Chunks: enough blocks for any GPU of today, but not so few rows a thread that partial sums cost more than they bring.
Layout layout_of(int64_t rows, int64_t channels, int width, int64_t* chunks, int64_t* slabs) {
  constexpr int64_t kEnoughBlocks = 1024, kLeastRows = 4 * kUnrolledRows;
  const int64_t vectors = channels / width;
  Layout layout = {rows, channels, 0, 32};
  while (layout.columns / 2 >= vectors) layout.columns /= 2;
  *slabs = (vectors + layout.columns - 1) / layout.columns;
  const int64_t least = kLeastRows * (kThreads / layout.columns);
  const int64_t wanted = (kEnoughBlocks + *slabs - 1) / *slabs;
  layout.chunk = std::max((rows + wanted - 1) / wanted, least);
  *chunks = (rows + layout.chunk - 1) / layout.chunk;
  return layout;
}

// inputs: dy, x, mean, variance, scale: [..., C], [..., C], and [C] each. outputs: dx and the gradients of mean,
// variance, scale and offset. attributes: epsilon.
int32_t batch_norm_grad_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  for (int32_t i = 0; i < 5; ++i) {
    for (const bool output : {false, true}) {
      const int32_t dtype = output ? call.outputs[i].dtype : call.inputs[i].dtype;
      if (dtype != RBN_TENSOR_FLOAT32) return wrong_type(output ? "output" : "input", i, "float32", dtype, error);
    }
  }
  const RbnTensor& x = call.inputs[1];
  if (x.rank < 1 || !same_shape(call.inputs[0], x) || !same_shape(call.outputs[0], x))
    return fail(error, RBN_INVALID_ARGUMENT, "expected dy and dx of x's shape, and x with channels");
  const int64_t channels = x.shape[x.rank - 1];
  const auto is_vector = [&](const RbnTensor& t) { return t.rank == 1 && t.shape[0] == channels; };
  if (!std::all_of(call.inputs + 2, call.inputs + 5, is_vector) ||
      !std::all_of(call.outputs + 1, call.outputs + 5, is_vector))
    return fail(error, RBN_INVALID_ARGUMENT, "expected parameters and their gradients of shape [%lld]",
                static_cast<long long>(channels));
  if (channels == 0) return RBN_OK;

  const auto floats = [](const RbnTensor& t) { return static_cast<float*>(t.data); };
  const Parameters parameters = {floats(call.inputs[2]), floats(call.inputs[3]), floats(call.inputs[4]),
                                 call.attributes[0]};
  int64_t vectors = channels;
  const int width = widest(4, &vectors, {call.inputs[0].data, x.data, call.outputs[0].data}) == 16 ? 4 : 1;
  int64_t chunks, slabs;
  const Layout layout = layout_of(element_count(x) / channels, channels, width, &chunks, &slabs);
  Workspace workspace(context);
  int32_t status = check(error, workspace.allocate(chunks * 2 * channels * sizeof(double)), "memory for partial sums");
  if (status != RBN_OK) return status;
  auto* const partial = static_cast<double*>(workspace.memory());
  LaunchConfig config;
  config.block = dim3(kThreads);
  config.stream = context->stream;
  if (chunks > 0) {
    config.grid = dim3(static_cast<unsigned>(slabs), static_cast<unsigned>(chunks));
    status = check(error,
                   launch(config, width == 4 ? rbn_batch_norm_grad_kernel<4> : rbn_batch_norm_grad_kernel<1>,
                          static_cast<const float*>(floats(call.inputs[0])), static_cast<const float*>(floats(x)),
                          floats(call.outputs[0]), partial, parameters, layout),
                   "launch");
    if (status != RBN_OK) return status;
  }
  config.grid = dim3(static_cast<unsigned>((channels + kFinalColumns - 1) / kFinalColumns));
  const Gradients gradients = {floats(call.outputs[1]), floats(call.outputs[2]), floats(call.outputs[3]),
                               floats(call.outputs[4])};
  return check(error,
               launch(config, rbn_batch_norm_grad_finalize_kernel, static_cast<const double*>(partial), chunks,
                      channels, parameters, gradients),
               "launch");
}

constexpr Operation kOperations[] = {
    {"FusedBatchNorm", 5, 1, 1, true, batch_norm_operation},
    {"FusedBatchNormGrad", 5, 5, 1, false, batch_norm_grad_operation},
};

}  // namespace

OperationTable batch_norm_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
