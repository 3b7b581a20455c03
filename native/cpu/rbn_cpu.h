// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Representative Batch Normalization on host memory: vectorised for the instruction set found at
// run time, on a pool of threads, with the same bits for any number of threads. float32 only.
#ifndef RBN_CPU_RBN_CPU_H_
#define RBN_CPU_RBN_CPU_H_

#include "../rbn/problem.h"

namespace rbn::cpu {

// Both write all outputs of the call (never read them) and trust the caller that pointers and sizes
// fit together. An empty batch is allowed where training = 0: parameter gradients are then zero.
// threads: at most so many, 0 for default_threads(). They throw std::bad_alloc only.
void forward(const RbnForward& call, int threads = 0);
void backward(const RbnBackward& call, int threads = 0);

// The CPUs that this process may use: its affinity mask, bounded by the cgroup's quota.
int default_threads();

// Instruction sets, best last. "baseline" is what the compiler targets without flags: SSE2 on
// x86-64, NEON on arm64.
enum class Isa { kBaseline, kAvx2, kAvx512 };
Isa best_isa();         // of this machine
Isa current_isa();      // in use
bool set_isa(Isa isa);  // for tests and benchmarks; false where this machine or build lacks it
const char* isa_name(Isa isa);  // "baseline", "avx2", "avx512"

}  // namespace rbn::cpu

#endif  // RBN_CPU_RBN_CPU_H_
