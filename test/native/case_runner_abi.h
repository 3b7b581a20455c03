// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of the engine's C ABI beside its results: bad arguments, lack of memory, leaks, deferred
// streams.
#ifndef RBN_TEST_CASE_RUNNER_ABI_H_
#define RBN_TEST_CASE_RUNNER_ABI_H_

#include <functional>
#include <string>
#include <vector>

#include "case_runner_machine.h"

namespace rbn_test {

struct AbiTest {
  std::string name;
  std::function<std::string(const Engine&)> run;  // "" or what is wrong; may throw
};

std::vector<AbiTest> abi_tests();        // those of the other files, too
std::vector<AbiTest> edge_tests();       // case_runner_edges.cc
std::vector<AbiTest> recording_tests();  // case_runner_recording.cc
std::vector<AbiTest> plan_tests();       // case_runner_plans.cc

Case case_named(const std::string& name);  // throws where the table has none

// "" where `status` is `expected` and, if that is an error, it comes with a message.
std::string expect(const std::string& what, int32_t status, int32_t expected,
                   const RbnError& error);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_ABI_H_
