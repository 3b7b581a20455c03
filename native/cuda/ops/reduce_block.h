// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What kernels that reduce along axes have in common inside a block, and the axes of a call. Included by .cu files
// only.
#ifndef RBN_CUDA_OPS_REDUCE_BLOCK_H_
#define RBN_CUDA_OPS_REDUCE_BLOCK_H_

#include <math.h>

#include "../runtime/launch.h"
#include "operation.h"
#include "reduce_plan.h"

namespace rbn {

// Where a thread stands in a block of `columns` times `lanes`.
struct Position {
  int lane, column;
  int step;  // from a thread to that of the next lane
};

__device__ __forceinline__ Position position(int columns, int lanes, bool along) {
  const int t = threadIdx.x;
  return along ? Position{t % lanes, t / lanes, 1} : Position{t / columns, t % columns, columns};
}

// Combines over the lanes by halves; the result is in lane 0. Called by all threads of the block.
template <class Op>
__device__ __forceinline__ typename Op::Acc combine_lanes(typename Op::Acc value, const Position& at,
                                                          int lanes, typename Op::Acc* scratch) {
  __syncthreads();  // the scratch of the tile before has been read
  scratch[threadIdx.x] = value;
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (at.lane < half) {
      value = Op::combine(value, scratch[threadIdx.x + half * at.step]);
      scratch[threadIdx.x] = value;
    }
  }
  return value;
}

// The axes are the attributes, none negative.
inline int32_t reduced_axes(const RbnCall& call, const RbnTensor& x, bool (*is_reduced)[RBN_MAX_RANK],
                            RbnError* error) {
  for (bool& reduced : *is_reduced) reduced = false;
  for (int32_t i = 0; i < call.attribute_count; ++i) {
    const double axis = call.attributes[i];
    if (!(axis >= 0 && axis < x.rank) || axis != floor(axis))
      return fail(error, RBN_INVALID_ARGUMENT, "axis: expected 0 to %d, received %g", x.rank - 1,
                  axis);
    (*is_reduced)[static_cast<int>(axis)] = true;
  }
  return RBN_OK;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_REDUCE_BLOCK_H_
