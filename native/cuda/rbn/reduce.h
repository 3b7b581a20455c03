// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Sums over the threads of a block, in double, in an order that depends on the block's shape alone.
#ifndef RBN_CUDA_RBN_REDUCE_H_
#define RBN_CUDA_RBN_REDUCE_H_

#include <cuda_runtime.h>

#include "plan.h"

namespace rbn {

// Doubles that reduce_rows<K> needs in shared memory: half of the block's threads hand theirs over.
template <int K>
constexpr int kRowsScratch = K * kThreads / 2;

// Adds up over threadIdx.y, by halves; the sums are in the threads with threadIdx.y = 0. Called by
// all threads of the block; the scratch may be used again at once.
template <int K>
__device__ __forceinline__ void reduce_rows(double (&value)[K], double* scratch) {
  const int y = threadIdx.y;
  const int slot = y * blockDim.x + threadIdx.x;
  int rows = blockDim.y;
  while (rows > 1) {
    const int half = (rows + 1) / 2;
    if (y >= half && y < rows) {
#pragma unroll
      for (int k = 0; k < K; ++k) scratch[k * (kThreads / 2) + slot - half * blockDim.x] = value[k];
    }
    __syncthreads();
    if (y < rows - half) {
#pragma unroll
      for (int k = 0; k < K; ++k) value[k] += scratch[k * (kThreads / 2) + slot];
    }
    __syncthreads();
    rows = half;
  }
}

// Adds up over the `lanes` neighbours (8 or 32) of a warp that share a row; the sums are in the
// first of them. Called by all threads of a warp.
template <int K>
__device__ __forceinline__ void reduce_warp_lanes(double (&value)[K], int lanes) {
  for (int step = lanes / 2; step > 0; step /= 2) {
#pragma unroll
    for (int k = 0; k < K; ++k) value[k] += __shfl_down_sync(0xffffffffu, value[k], step, lanes);
  }
}

// Doubles that reduce_lanes<K> needs.
template <int K>
constexpr int kLanesScratch = K * kThreads / 32;

// The same where `lanes` may also be the whole block. Called by all threads of a block of kThreads.
template <int K>
__device__ __forceinline__ void reduce_lanes(double (&value)[K], int lanes, double* scratch) {
  reduce_warp_lanes(value, lanes < 32 ? lanes : 32);
  if (lanes <= 32) return;
  if (threadIdx.x % 32 == 0) {
#pragma unroll
    for (int k = 0; k < K; ++k) scratch[k * (kThreads / 32) + threadIdx.x / 32] = value[k];
  }
  __syncthreads();
  if (threadIdx.x == 0) {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      for (int warp = 1; warp < kThreads / 32; ++warp)
        value[k] += scratch[k * (kThreads / 32) + warp];
    }
  }
}

}  // namespace rbn

#endif  // RBN_CUDA_RBN_REDUCE_H_
