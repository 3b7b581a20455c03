// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The data of a case, from its name alone: integer random numbers and arithmetic that IEEE 754
// fixes, so that C++ and TypeScript (test/support/data.ts) make the same bits. Build with
// -ffp-contract=off.
#ifndef RBN_TEST_CASE_RUNNER_DATA_H_
#define RBN_TEST_CASE_RUNNER_DATA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "case_runner_table.h"

namespace rbn_test {

// All values are float32; x, residual and dy of a bfloat16 case are also bfloat16 values.
struct CaseData {
  std::vector<float> x;                                        // as the case's shape
  std::vector<float> residual;                                 // as x, empty without
  std::vector<float> dy;                                       // as x
  std::vector<float> gamma, beta;                              // [C], empty without
  std::vector<float> center_weight, scale_weight, scale_bias;  // [C]
  std::vector<float> given_mean, given_variance;  // [C], statistics of x_c; empty in training
};

// ReLU cases: the first of a row of seeds with which no value before the activation lies within
// kKinkMargin of 0, because there float32 and float64 may fall on different sides and the gradient
// of either is right. 1e-5 is ten times the float32 error of a value of the size that y has. Throws
// std::runtime_error where 100 seeds do not do.
constexpr double kKinkMargin = 1e-5;
CaseData make_data(const Case& c);

// FNV-1a over the bytes of all arrays, to compare with TypeScript.
uint32_t checksum(const CaseData& data);

float round_to_bfloat16(float value);  // to nearest, ties to even
uint16_t bfloat16_bits(float value);   // of a value that is one
float from_bfloat16_bits(uint16_t bits);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_DATA_H_
