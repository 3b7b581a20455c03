// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The thresholds of native/cpu, in one place. None of them changes a result.
#ifndef RBN_CPU_POLICY_H_
#define RBN_CPU_POLICY_H_

#include <stdint.h>

#include "rbn_cpu.h"

namespace rbn::cpu {

// Fewer elements than this are done before a helper has woken up.
constexpr int64_t kElementsForThreads = 32 * 1024;

inline int threads_for(int64_t elements, int threads) {
  if (elements < kElementsForThreads) return 1;
  return threads > 0 ? threads : default_threads();
}

// Outputs of so many bytes are written past the caches: they would push out the inputs, which are
// read again, and would be gone before anyone reads them. Below, the next layer finds them in the
// cache.
constexpr int64_t kStreamBytes = 8 << 20;

// Rows that start at `base` and lie `stride` floats apart can be written so only if all are aligned
// to a line.
inline bool streams(const void* base, int64_t elements, int64_t stride) {
  return elements * 4 >= kStreamBytes && reinterpret_cast<uintptr_t>(base) % 64 == 0 &&
         stride % 16 == 0;
}

// With given statistics instances are independent: so many bytes of x a thread go through both
// passes before the next, so that the second finds them in its second-level cache.
constexpr int64_t kGroupBytesPerThread = 768 << 10;

inline int64_t instances_at_once(const RbnProblem& p, int threads, int arrays) {
  if (p.training) return p.instances;
  const int64_t instance = p.positions * p.channels * 4 * arrays;
  const int64_t n = kGroupBytesPerThread * threads / (instance > 0 ? instance : 1);
  return n < 1 ? 1 : n < p.instances ? n : p.instances;
}

// Channels that one item of the step between the passes takes.
constexpr int64_t kCombineChannels = 32;

}  // namespace rbn::cpu

#endif  // RBN_CPU_POLICY_H_
