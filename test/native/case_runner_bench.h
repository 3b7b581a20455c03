// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The case runner's benchmark: the kernels alone, without JavaScript and in bfloat16 too. `npm run
// bench:gpu` hands it the shapes of src/bench/shapes.ts.
#ifndef RBN_TEST_CASE_RUNNER_BENCH_H_
#define RBN_TEST_CASE_RUNNER_BENCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "case_runner_machine.h"
#include "case_runner_table.h"

namespace rbn_test {

// '8x14x14x256,8x7x7x512' as shapes; throws std::invalid_argument.
std::vector<std::vector<int64_t>> bench_shapes(const std::string& list);

// Prints one line a machine: milliseconds and GB/s forward and backward, counting x, y and their
// gradients as two passes over x must move them: 2 reads and 1 write forward, 4 and 1 backward.
void bench(bool cpu, const std::vector<std::unique_ptr<Engine>>& engines, const Case& c);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_BENCH_H_
