// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which element of an operand belongs to an element of the output. Dimensions through which all
// operands go in one stride become one, so most calls are left with one dimension.
#ifndef RBN_CUDA_OPS_BROADCAST_H_
#define RBN_CUDA_OPS_BROADCAST_H_

#include "operation.h"

namespace rbn {

constexpr int kMaxOperands = 5;

// The output's dimensions, innermost first, and each operand's strides in elements, 0 where it has one
// element for all. Operands are dense: the innermost stride is 0 or 1.
struct Broadcast {
  int32_t rank;  // at least 1
  int64_t size[RBN_MAX_RANK];
  int64_t stride[RBN_MAX_RANK][kMaxOperands];

  int64_t count() const {
    int64_t result = 1;
    for (int32_t d = 0; d < rank; ++d) result *= size[d];
    return result;
  }
};

// RBN_INVALID_ARGUMENT where the shapes of the `count` inputs do not give that of `out` by the rules of
// NumPy.
int32_t broadcast(const RbnTensor* inputs, int32_t count, const RbnTensor& out, Broadcast* result,
                  RbnError* error);

}  // namespace rbn

#endif  // RBN_CUDA_OPS_BROADCAST_H_
