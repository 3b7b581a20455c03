// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// When the outputs of an implementation are right: the figures that the project promises.
// test/support/criteria.ts has the same for TypeScript.
#ifndef RBN_TEST_CASE_RUNNER_CRITERIA_H_
#define RBN_TEST_CASE_RUNNER_CRITERIA_H_

#include <string>
#include <vector>

#include "reference.h"

namespace rbn_test {

// What a forward and a backward call gave; bfloat16 widened to float. Empty: not an output of this
// case.
struct Outputs {
  std::vector<float> y;                                                          // as x
  std::vector<float> mean, variance;                                             // [C]
  std::vector<float> dx, dresidual;                                              // as x
  std::vector<float> dgamma, dbeta, dcenter_weight, dscale_weight, dscale_bias;  // [C]
};

// "" or every way in which the outputs are wrong.
std::string compare(const Case& c, const Reference& expected, const Outputs& received);

// "" or the first output whose bits differ.
std::string same_bits(const Outputs& a, const Outputs& b);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_CRITERIA_H_
