// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of cases in C++: the rows of test/cases.json (made into an initialiser by cases.cmake)
// and the cases that they stand for. test/support/cases.ts is its twin; a test compares what both
// make of it.
#ifndef RBN_TEST_CASE_RUNNER_TABLE_H_
#define RBN_TEST_CASE_RUNNER_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace rbn_test {

// One row of the table, in the order in which cases.cmake writes it.
struct Row {
  std::string name;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<int> axis;
  std::vector<bool> training;
  std::vector<std::string> output;  // linear, relu, residual, residual_relu
  std::vector<double> conditioning;
  std::vector<std::string> parameters;  // random, identity, wide
  std::vector<double> center_weight;    // NaN: as `parameters` has it
  std::vector<double> epsilon;
  std::vector<std::string> dtype;  // float32, bfloat16
  double instance_shift;
  double noise;
  bool affine;
  std::vector<std::string> tags;
};

// One combination of a row's fields.
struct Case {
  std::string name;  // unique; also the seed of the case's data
  std::vector<int64_t> shape;
  int axis;  // 0 <= axis < rank
  bool training;
  bool relu;
  bool residual;
  double conditioning;
  std::string parameters;
  double center_weight;
  double epsilon;
  bool bfloat16;
  double instance_shift;
  double noise;
  bool affine;
  bool small, large;

  // x as [N, before, C, after]: the positions are before · after.
  int64_t instances() const { return shape[0]; }
  int64_t channels() const { return shape[axis]; }
  int64_t before() const { return product(1, axis); }
  int64_t after() const { return product(axis + 1, static_cast<int>(shape.size())); }
  int64_t positions() const { return before() * after(); }
  int64_t elements() const { return instances() * positions() * channels(); }
  // Where element (n, s, c) lies in x.
  int64_t index(int64_t n, int64_t s, int64_t c) const {
    const int64_t inner = after();
    return ((n * before() + s / inner) * channels() + c) * inner + s % inner;
  }
  // Whether the layouts of problem.h hold x without a transpose.
  bool native_layout() const { return before() == 1 || after() == 1; }
  bool channels_first() const { return after() != 1; }

 private:
  int64_t product(int from, int to) const {
    int64_t p = 1;
    for (int i = from; i < to; ++i) p *= shape[i];
    return p;
  }
};

// All cases of the table, in its order.
std::vector<Case> all_cases();

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_TABLE_H_
