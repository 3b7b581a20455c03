// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Where the elements of a matrix lie, and the second pass of products whose sums were split among
// blocks: partial sums are added in the order of the splits, so that the result does not depend on
// which block was first. Included by .cu files only.
#ifndef RBN_CUDA_OPS_SPLIT_SUM_H_
#define RBN_CUDA_OPS_SPLIT_SUM_H_

#include <type_traits>

#include "ending.h"

namespace rbn {

// Element i of line l lies at along(i) + l·across. Along a line elements come in runs of `size`,
// `inner` apart, and the runs are `outer` apart: so pixels of images that are stored channel by
// channel make one line.
struct Lines {
  int64_t outer, inner, across;
  Divider by;
  uint32_t size, unused;

  static Lines of(int64_t size, int64_t outer, int64_t inner, int64_t across) {
    const int64_t run = size < 1 ? 1 : size;
    return {outer, inner, across, Divider::of(run), static_cast<uint32_t>(run), 0};
  }

  __device__ __forceinline__ int64_t along(uint32_t i) const {
    const uint32_t run = by.quotient(i);
    return run * outer + (i - run * size) * inner;
  }
};

// partial: [splits, batch, rows, columns]. A batch is rows·columns elements of `out`, where
// `layout` says where row i and column l are.
template <class T>
__global__ void __launch_bounds__(kElementThreads)
    rbn_split_sum_kernel(const T* __restrict__ partial, T* __restrict__ out, Lines layout,
                         Ending ending, uint32_t rows, uint32_t columns, uint32_t count,
                         uint32_t splits) {
  const uint32_t i = blockIdx.x * kElementThreads + threadIdx.x;
  if (i >= count) return;
  T sum = 0;
  for (uint32_t s = 0; s < splits; ++s) sum += partial[static_cast<int64_t>(s) * count + i];
  const uint32_t row = i / columns, column = i % columns, batch = row / rows;
  if constexpr (std::is_same<T, float>::value) sum = ending(sum, column);
  out[static_cast<int64_t>(batch) * rows * columns + layout.along(row % rows) +
      column * layout.across] = sum;
}

// Fewer than 2^31 results.
template <class T>
cudaError_t launch_split_sum(RbnContext* context, const T* partial, T* out, const Lines& layout,
                             const Ending& ending, int64_t batch, int64_t rows, int64_t columns,
                             int64_t splits) {
  LaunchConfig config;
  config.grid = dim3(element_blocks(batch * rows * columns));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return launch(config, rbn_split_sum_kernel<T>, partial, out, layout, ending,
                static_cast<uint32_t>(rows), static_cast<uint32_t>(columns),
                static_cast<uint32_t>(batch * rows * columns), static_cast<uint32_t>(splits));
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_SPLIT_SUM_H_
