// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The choice of the instruction set at run time.
#include <atomic>

#include "kernels.h"
#include "rbn_cpu.h"

namespace rbn::cpu {
namespace {

bool has_isa(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  switch (isa) {
    case Isa::kBaseline:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  }
  return false;
#else
  return isa == Isa::kBaseline;
#endif
}

std::atomic<Isa>& chosen() {
  static std::atomic<Isa> isa{best_isa()};
  return isa;
}

}  // namespace

Isa best_isa() {
  return has_isa(Isa::kAvx512) ? Isa::kAvx512 : has_isa(Isa::kAvx2) ? Isa::kAvx2 : Isa::kBaseline;
}

Isa current_isa() { return chosen().load(std::memory_order_relaxed); }

bool set_isa(Isa isa) {
  if (!has_isa(isa)) return false;
  chosen().store(isa, std::memory_order_relaxed);
  return true;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kBaseline:
      return "baseline";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "";
}

const Kernels& kernels() {
#if defined(__x86_64__)
  switch (current_isa()) {
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kBaseline:
      break;
  }
#endif
  return kBaselineKernels;
}

}  // namespace rbn::cpu
