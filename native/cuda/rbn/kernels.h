// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The launchers of the fused kernels, and what they leave for each other in device memory. Each
// only puts work on the stream. `width` is the vector width that the geometry was made with.
//
// Two passes, forward:   rbn_forward_sums_*   x → partial sums of x − pivot and of its square
//                        rbn_forward_finalize → mean, variance, coefficients h, l, A, B
//                        rbn_forward_write_*  y = A·(x − h) + B
// Two passes, backward:  rbn_backward_sums_*  dy, x → partial sums D of G and T of G·(x − h)
//                        rbn_backward_finalize → parameter gradients, coefficients P, Q, R
//                        rbn_backward_write_* dx = P·G + Q·(x − h) + R
#ifndef RBN_CUDA_RBN_KERNELS_H_
#define RBN_CUDA_RBN_KERNELS_H_

#include <cuda_runtime.h>

#include "plan.h"

namespace rbn {

// Partial sums of one pass: two planes [N, chunks, C].
struct PartialSums {
  float* first;   // Σ(x − pivot), or D
  float* second;  // Σ(x − pivot)², or T
  int64_t chunks;
};

// Two planes [N, C] and one [C] for the second backward pass.
struct BackwardPlanes {
  float* P;  // [N, C]
  float* Q;  // [C]
  float* R;  // [N, C]
};

// state: four planes [N, C]: h, l, A, B; never null here.
cudaError_t rbn_forward_sums_last(const RbnForward& call, const Tiles& tiles, int width,
                                  const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_forward_sums_first(const RbnForward& call, const Rows& rows, int width,
                                   const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_forward_finalize(const RbnForward& call, const PartialSums& sums, float* state,
                                 cudaStream_t stream);
cudaError_t rbn_forward_write_last(const RbnForward& call, const Tiles& tiles, int width,
                                   const float* state, cudaStream_t stream);
cudaError_t rbn_forward_write_first(const RbnForward& call, const Rows& rows, int width,
                                    const float* state, cudaStream_t stream);

// sums: two planes [N, C] of doubles for D and T once they are added up.
cudaError_t rbn_backward_sums_last(const RbnBackward& call, const Tiles& tiles, int width,
                                   const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_backward_sums_first(const RbnBackward& call, const Rows& rows, int width,
                                    const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_backward_finalize(const RbnBackward& call, const PartialSums& partial, double* sums,
                                  const BackwardPlanes& planes, cudaStream_t stream);
cudaError_t rbn_backward_write_last(const RbnBackward& call, const Tiles& tiles, int width,
                                    const BackwardPlanes& planes, cudaStream_t stream);
cudaError_t rbn_backward_write_first(const RbnBackward& call, const Rows& rows, int width,
                                     const BackwardPlanes& planes, cudaStream_t stream);

// Channels first, rows staged through shared memory; sums.chunks = 1.
cudaError_t rbn_forward_sums_staged(const RbnForward& call, const Rows& rows,
                                    const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_forward_write_staged(const RbnForward& call, const Rows& rows, const float* state,
                                     cudaStream_t stream);
cudaError_t rbn_backward_sums_staged(const RbnBackward& call, const Rows& rows,
                                     const PartialSums& sums, cudaStream_t stream);
cudaError_t rbn_backward_write_staged(const RbnBackward& call, const Rows& rows,
                                      const BackwardPlanes& planes, cudaStream_t stream);

// Given statistics, x read once. state may be null.
cudaError_t rbn_forward_once_last(const RbnForward& call, const OnceTiles& tiles, int width,
                                  cudaStream_t stream);
cudaError_t rbn_forward_once_first(const RbnForward& call, const Rows& rows, int width,
                                   int64_t shared_bytes, cudaStream_t stream);

// S = 1. The reduction takes the instances for the positions of one instance: rbn_forward_sums_last
// with such tiles goes before the first of these in training. center: two planes [C], state or a
// substitute.
cudaError_t rbn_forward_finalize_single(const RbnForward& call, const PartialSums& sums,
                                        float* center, cudaStream_t stream);
cudaError_t rbn_forward_write_single(const RbnForward& call, const Tiles& tiles, int width,
                                     const float* center, cudaStream_t stream);

// Planes of partial sums [chunks, C] of the backward pass with S = 1.
constexpr int kSingleSums = 7;

// coefficients: three planes [C], SingleBackwardCoefficients.
cudaError_t rbn_backward_sums_single(const RbnBackward& call, const Tiles& tiles, float* partial,
                                     cudaStream_t stream);
cudaError_t rbn_backward_finalize_single(const RbnBackward& call, const float* partial,
                                         int64_t chunks, float* coefficients, cudaStream_t stream);
cudaError_t rbn_backward_write_single(const RbnBackward& call, const Tiles& tiles, int width,
                                      const float* coefficients, cudaStream_t stream);

// cudaSuccess where the engine holds code for the current device.
cudaError_t rbn_probe_device();

}  // namespace rbn

#endif  // RBN_CUDA_RBN_KERNELS_H_
