// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Softmax over the last dimension in one launch: a warp keeps a short row in its registers, a block
// keeps a longer one in shared memory, and rows that fit nowhere are read three times.
#include <math.h>

#include "../runtime/launch.h"
#include "operation.h"

namespace rbn {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

// Shared memory that a block has without opting in, less what the kernel declares itself.
constexpr int64_t kCachedColumns = (48 * 1024 - kThreads * 12) / sizeof(float);

// NaN wins, so that a row with one is NaN throughout.
__device__ __forceinline__ float larger(float a, float b) {
  if (a != a) return a;
  return b > a || b != b ? b : a;
}

// One warp a row of up to 32 * K columns.
template <int K>
__global__ void __launch_bounds__(kThreads)
    rbn_softmax_warp_kernel(const float* __restrict__ x, float* __restrict__ out, int64_t rows,
                            int columns) {
  const int lane = threadIdx.x % 32;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kWarps;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32; row < rows;
       row += step) {
    float value[K];
    float greatest = -INFINITY;
#pragma unroll
    for (int i = 0; i < K; ++i) {
      const int column = lane + 32 * i;
      value[i] = column < columns ? x[row * columns + column] : -INFINITY;
      greatest = larger(greatest, value[i]);
    }
    for (int mask = 16; mask > 0; mask /= 2)
      greatest = larger(greatest, __shfl_xor_sync(0xffffffffu, greatest, mask));
    double sum = 0;
#pragma unroll
    for (int i = 0; i < K; ++i) {
      // Past the end of a row that is -Infinity throughout, -Infinity less itself would be NaN, as
      // everything in that row is.
      value[i] = expf(value[i] - greatest);
      sum += value[i];
    }
    for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, mask);
    const float divisor = static_cast<float>(sum);
#pragma unroll
    for (int i = 0; i < K; ++i) {
      const int column = lane + 32 * i;
      if (column < columns) out[row * columns + column] = value[i] / divisor;
    }
  }
}

// One block a row. Where `cached`, dynamic shared memory has room for the row.
__global__ void __launch_bounds__(kThreads)
    rbn_softmax_block_kernel(const float* __restrict__ x, float* __restrict__ out, int64_t rows,
                             int64_t columns, bool cached) {
  RBN_SHARED(float, maxima, kThreads);
  RBN_SHARED(double, sums, kThreads);
  RBN_DYNAMIC_SHARED(float, cache);
  const int t = threadIdx.x;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* const from = x + row * columns;
    float* const to = out + row * columns;
    float greatest = -INFINITY;
    for (int64_t i = t; i < columns; i += kThreads) {
      const float value = from[i];
      if (cached) cache[i] = value;
      greatest = larger(greatest, value);
    }
    __syncthreads();  // the row before has been read
    maxima[t] = greatest;
    for (int half = kThreads / 2; half > 0; half /= 2) {
      __syncthreads();
      if (t < half) maxima[t] = larger(maxima[t], maxima[t + half]);
    }
    __syncthreads();
    greatest = maxima[0];

    // Each thread comes back to its own columns only.
    double sum = 0;
    for (int64_t i = t; i < columns; i += kThreads) {
      const float value = expf((cached ? cache[i] : from[i]) - greatest);
      if (cached) cache[i] = value;
      sum += value;
    }
    sums[t] = sum;
    for (int half = kThreads / 2; half > 0; half /= 2) {
      __syncthreads();
      if (t < half) sums[t] += sums[t + half];
    }
    __syncthreads();
    const float divisor = static_cast<float>(sums[0]);
    for (int64_t i = t; i < columns; i += kThreads)
      to[i] = (cached ? cache[i] : expf(from[i] - greatest)) / divisor;
  }
}

cudaError_t launch_softmax(RbnContext* context, const float* x, float* out, int64_t rows,
                           int64_t columns) {
  LaunchConfig config;
  config.block = dim3(kThreads);
  config.stream = context->stream;
  if (columns <= 32 * 32) {
    const int n = static_cast<int>(columns);
    config.grid = dim3(element_blocks(rows * 32));
    if (n <= 32) return launch(config, rbn_softmax_warp_kernel<1>, x, out, rows, n);
    if (n <= 32 * 8) return launch(config, rbn_softmax_warp_kernel<8>, x, out, rows, n);
    return launch(config, rbn_softmax_warp_kernel<32>, x, out, rows, n);
  }
  const bool cached = columns <= kCachedColumns;
  config.grid = dim3(static_cast<unsigned>(rows < (1 << 30) ? rows : (1 << 30)));
  config.shared_bytes = cached ? columns * sizeof(float) : 0;
  return launch(config, rbn_softmax_block_kernel, x, out, rows, columns, cached);
}

int32_t softmax(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  if (x.dtype != RBN_TENSOR_FLOAT32 || out.dtype != RBN_TENSOR_FLOAT32)
    return fail(error, RBN_INVALID_ARGUMENT, "expected float32, received dtypes %d and %d", x.dtype,
                out.dtype);
  if (x.rank < 1 || !same_shape(x, out))
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected a rank of at least 1 and an output of the input's shape");
  const int64_t count = element_count(x);
  if (count == 0) return RBN_OK;
  const int64_t columns = x.shape[x.rank - 1];
  return check(error,
               launch_softmax(context, static_cast<const float*>(x.data),
                              static_cast<float*>(out.data), count / columns, columns),
               "launch");
}

constexpr Operation kOperations[] = {
    {"Softmax", 1, 1, 0, false, softmax},
};

}  // namespace

OperationTable softmax_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
