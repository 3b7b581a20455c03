// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The case runner's checks of itself: the reference against complex-step differentiation.
#ifndef RBN_TEST_CASE_RUNNER_SELF_H_
#define RBN_TEST_CASE_RUNNER_SELF_H_

#include <string>

#include "reference.h"

namespace rbn_test {

// "" or what is wrong. The directional derivative of Σ dy·y in each input in turn.
std::string check_reference(const Case& c, const CaseData& data, const Reference& r);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_SELF_H_
