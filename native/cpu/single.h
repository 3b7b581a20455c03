// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The passes for S = 1 (rank-2 input).
#ifndef RBN_CPU_SINGLE_H_
#define RBN_CPU_SINGLE_H_

#include "../rbn/problem.h"

namespace rbn::cpu {

void forward_single(const RbnForward& call, int threads);
void backward_single(const RbnBackward& call, int threads);

}  // namespace rbn::cpu

#endif  // RBN_CPU_SINGLE_H_
