// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One call of the operator on a context's stream: checks, choice of the plan, temporary memory,
// launches.
#ifndef RBN_CUDA_RBN_OPERATOR_H_
#define RBN_CUDA_RBN_OPERATOR_H_

#include "../runtime/context.h"

namespace rbn {

// All return a RbnStatus and fill `error` where it is not null.
int32_t forward(RbnContext* context, const RbnForward& call, int32_t plan, RbnError* error);
int32_t backward(RbnContext* context, const RbnBackward& call, int32_t plan, RbnError* error);

// What of a problem would make native code touch memory that is not there.
int32_t check_problem(const RbnProblem& problem, RbnError* error);

}  // namespace rbn

#endif  // RBN_CUDA_RBN_OPERATOR_H_
