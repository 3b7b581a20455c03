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
constexpr int kLongRowThreads = 1024;
constexpr int kWarps = 32;  // the most that a block has

// Shared memory that a block has without opting in, less what the kernel declares itself.
constexpr int64_t kCachedColumns =
    (48 * 1024 - kWarps * (sizeof(float) + sizeof(double))) / sizeof(float);

// NaN wins, so that a row with one is NaN throughout.
struct Larger {
  static __device__ float identity() { return -INFINITY; }
  static __device__ float combine(float a, float b) {
    if (a != a) return a;
    return b > a || b != b ? b : a;
  }
};

struct Plus {
  static __device__ double identity() { return 0; }
  static __device__ double combine(double a, double b) { return a + b; }
};

// Every lane gets the same bits: each step adds the same two values in one order or the other.
template <class Op, class T>
__device__ __forceinline__ T combine_warp(T value) {
  for (int mask = 16; mask > 0; mask /= 2)
    value = Op::combine(value, __shfl_xor_sync(0xffffffffu, value, mask));
  return value;
}

// As combine_warp, for all threads of a block; scratch has kWarps elements.
template <class Op, class T>
__device__ __forceinline__ T combine_block(T value, T* scratch) {
  const int lane = threadIdx.x % 32;
  value = combine_warp<Op>(value);
  __syncthreads();  // what was in the scratch has been read
  if (lane == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  return combine_warp<Op>(lane < static_cast<int>(blockDim.x) / 32 ? scratch[lane] : Op::identity());
}

// One warp a row of up to 32 * K columns.
template <int K>
__global__ void __launch_bounds__(kThreads)
    rbn_softmax_warp_kernel(const float* __restrict__ x, float* __restrict__ out, int64_t rows,
                            int columns) {
  const int lane = threadIdx.x % 32;
  constexpr int kRows = kThreads / 32;  // of a block
  const int64_t step = static_cast<int64_t>(gridDim.x) * kRows;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * kRows + threadIdx.x / 32; row < rows;
       row += step) {
    float value[K];
    float greatest = -INFINITY;
#pragma unroll
    for (int i = 0; i < K; ++i) {
      const int column = lane + 32 * i;
      value[i] = column < columns ? x[row * columns + column] : -INFINITY;
      greatest = Larger::combine(greatest, value[i]);
    }
    greatest = combine_warp<Larger>(greatest);
    double sum = 0;
#pragma unroll
    for (int i = 0; i < K; ++i) {
      // Past the end of a row that is -Infinity throughout, -Infinity less itself would be NaN, as
      // everything in that row is.
      value[i] = expf(value[i] - greatest);
      sum += value[i];
    }
    const float divisor = static_cast<float>(combine_warp<Plus>(sum));
#pragma unroll
    for (int i = 0; i < K; ++i) {
      const int column = lane + 32 * i;
      if (column < columns) out[row * columns + column] = value[i] / divisor;
    }
  }
}

// One block a row. Where `cached`, dynamic shared memory has room for the row; a thread comes back
// to its own columns only.
__global__ void __launch_bounds__(kLongRowThreads)
    rbn_softmax_block_kernel(const float* __restrict__ x, float* __restrict__ out, int64_t rows,
                             int64_t columns, bool cached) {
  RBN_SHARED(float, maxima, kWarps);
  RBN_SHARED(double, sums, kWarps);
  RBN_DYNAMIC_SHARED(float, cache);
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* const from = x + row * columns;
    float* const to = out + row * columns;
    float greatest = -INFINITY;
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) {
      const float value = from[i];
      if (cached) cache[i] = value;
      greatest = Larger::combine(greatest, value);
    }
    greatest = combine_block<Larger>(greatest, maxima);
    double sum = 0;
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) {
      const float value = expf((cached ? cache[i] : from[i]) - greatest);
      if (cached) cache[i] = value;
      sum += value;
    }
    const float divisor = static_cast<float>(combine_block<Plus>(sum, sums));
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x)
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
  config.block = dim3(columns <= 8192 ? kThreads : kLongRowThreads);
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
