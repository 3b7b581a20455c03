// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Running sums and products along one axis. Floats run in double and are rounded once an element,
// integers wrap at 32 bits.
#include <math.h>

#include <type_traits>

#include "../runtime/launch.h"
#include "operation.h"

namespace rbn {
namespace {

constexpr int kThreads = 256;
constexpr int kEach = 4;  // elements a thread of the kernel of a block a line

template <class T>
struct Types {
  using Out = std::conditional_t<std::is_same<T, float>::value, float, int32_t>;
  using Acc = std::conditional_t<std::is_same<T, float>::value, double, uint32_t>;
};

template <bool kProduct, class A>
__device__ __forceinline__ A combine(A a, A b) {
  return kProduct ? a * b : a + b;
}

// The tensor as [outer, length, inner]; a line is one (outer, inner).
struct Lines {
  int64_t count;   // outer * inner
  int64_t length;
  int64_t inner;   // elements from one of a line to the next
  int64_t exclusive, reverse;  // 0 or 1
};

__device__ __forceinline__ int64_t line_begin(const Lines& lines, int64_t line) {
  const int64_t outer = line / lines.inner;
  return outer * lines.length * lines.inner + (line - outer * lines.inner);
}

// The element that comes i-th.
__device__ __forceinline__ int64_t element(const Lines& lines, int64_t i) {
  return (lines.reverse ? lines.length - 1 - i : i) * lines.inner;
}

// A thread a line: neighbours read neighbours where the axis is not the last one.
template <class T, bool kProduct>
__global__ void __launch_bounds__(kThreads)
    rbn_scan_lines_kernel(const T* __restrict__ x, typename Types<T>::Out* __restrict__ out,
                          Lines lines) {
  using Acc = typename Types<T>::Acc;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t line = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       line < lines.count; line += step) {
    const int64_t begin = line_begin(lines, line);
    Acc running = kProduct ? 1 : 0;
    for (int64_t i = 0; i < lines.length; ++i) {
      const int64_t at = begin + element(lines, i);
      const Acc next = combine<kProduct>(running, static_cast<Acc>(x[at]));
      out[at] = static_cast<typename Types<T>::Out>(lines.exclusive ? running : next);
      running = next;
    }
  }
}

// A block a line: tiles of kThreads * kEach elements, each thread's elements next to each other.
template <class T, bool kProduct>
__global__ void __launch_bounds__(kThreads, kResidentBlocks)
    rbn_scan_block_kernel(const T* __restrict__ x, typename Types<T>::Out* __restrict__ out,
                          Lines lines) {
  using Acc = typename Types<T>::Acc;
  RBN_SHARED(Acc, totals, kThreads);
  const int t = threadIdx.x;
  for (int64_t line = blockIdx.x; line < lines.count; line += gridDim.x) {
    const int64_t begin = line_begin(lines, line);
    Acc running = kProduct ? 1 : 0;  // of the tiles before
    for (int64_t tile = 0; tile < lines.length; tile += kThreads * kEach) {
      const int64_t first = tile + t * kEach;
      Acc value[kEach];
      Acc total = kProduct ? 1 : 0;
#pragma unroll
      for (int k = 0; k < kEach; ++k) {
        value[k] = first + k < lines.length
                       ? static_cast<Acc>(x[begin + element(lines, first + k)])
                       : static_cast<Acc>(kProduct ? 1 : 0);
        total = combine<kProduct>(total, value[k]);
      }
      totals[t] = total;
      __syncthreads();
      // totals[t] becomes that of all threads up to t.
      for (int distance = 1; distance < kThreads; distance *= 2) {
        const Acc before = t >= distance ? totals[t - distance] : static_cast<Acc>(kProduct ? 1 : 0);
        __syncthreads();
        totals[t] = combine<kProduct>(before, totals[t]);
        __syncthreads();
      }
      Acc prefix = t > 0 ? combine<kProduct>(running, totals[t - 1]) : running;
      running = combine<kProduct>(running, totals[kThreads - 1]);
      __syncthreads();  // the totals have been read
#pragma unroll
      for (int k = 0; k < kEach; ++k) {
        const Acc next = combine<kProduct>(prefix, value[k]);
        if (first + k < lines.length)
          out[begin + element(lines, first + k)] =
              static_cast<typename Types<T>::Out>(lines.exclusive ? prefix : next);
        prefix = next;
      }
    }
  }
}

template <class T, bool kProduct>
cudaError_t launch_scan(RbnContext* context, const RbnTensor& x, const RbnTensor& out,
                        const Lines& lines) {
  using Out = typename Types<T>::Out;
  // A thread a line pays where lines are many enough to fill the device and neighbours in memory, or too
  // short to share.
  const bool by_thread = lines.length <= 64 || (lines.inner >= 32 && lines.count >= 4096);
  LaunchConfig config;
  config.block = dim3(kThreads);
  config.stream = context->stream;
  config.grid = dim3(by_thread ? element_blocks(lines.count)
                               : static_cast<unsigned>(lines.count < (1 << 30) ? lines.count
                                                                               : (1 << 30)));
  return launch(config,
                by_thread ? rbn_scan_lines_kernel<T, kProduct> : rbn_scan_block_kernel<T, kProduct>,
                static_cast<const T*>(x.data), static_cast<Out*>(out.data), lines);
}

// attributes: the axis, not negative; 1 for exclusive; 1 for reverse.
template <bool kProduct>
int32_t scan(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  const int32_t out_type = x.dtype == RBN_TENSOR_FLOAT32 ? RBN_TENSOR_FLOAT32 : RBN_TENSOR_INT32;
  if (out.dtype != out_type)
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected dtype %d, received %d", out_type,
                out.dtype);
  if (!same_shape(x, out))
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected the input's shape");
  const double axis = call.attributes[0];
  if (!(axis >= 0 && axis < x.rank) || axis != floor(axis))
    return fail(error, RBN_INVALID_ARGUMENT, "axis: expected 0 to %d, received %g", x.rank - 1, axis);
  const int64_t count = element_count(x);
  if (count == 0) return RBN_OK;
  Lines lines = {0, x.shape[static_cast<int>(axis)], 1, call.attributes[1] != 0,
                 call.attributes[2] != 0};
  for (int32_t d = static_cast<int32_t>(axis) + 1; d < x.rank; ++d) lines.inner *= x.shape[d];
  lines.count = count / lines.length;
  return dispatch_type(x.dtype, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    return check(error, launch_scan<T, kProduct>(context, x, out, lines), "launch");
  });
}

constexpr Operation kOperations[] = {
    {"Cumsum", 1, 1, 3, false, scan<false>},
    {"Cumprod", 1, 1, 3, false, scan<true>},
};

}  // namespace

OperationTable scan_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
