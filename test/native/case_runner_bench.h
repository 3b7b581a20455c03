// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The case runner's benchmark: the kernels of an engine alone, without JavaScript and in bfloat16
// too. It reads one request a line from stdin and answers each with a line of JSON, so that
// scripts/bench_gpu.mjs decides whose turn it is:
//
//   device                                 what it is, and what it runs
//   prepare SHAPE DTYPE MODE OUTPUT SETS   prepare 32x56x56x64 bfloat16 training residual_relu 12:
//                                          so many sets of arrays, used in turn
//   time WHAT COUNT                        time forward 20 -> milliseconds a call, so often
//
// MODE is training or frozen, OUTPUT linear or residual_relu; WHAT is forward, backward (training),
// copy (of x into y, by the driver) or kernelCopy (by an elementwise kernel of the engine). A request
// that fails is answered with {"error": "…"}.
#ifndef RBN_TEST_CASE_RUNNER_BENCH_H_
#define RBN_TEST_CASE_RUNNER_BENCH_H_

#include "case_runner_machine.h"

namespace rbn_test {

// Until stdin ends.
void serve_bench(const Engine& engine);

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_BENCH_H_
