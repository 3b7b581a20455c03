// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels for AVX2 and FMA.
//
// The target holds for everything after the pragma, so all standard headers come before it: an
// inline function of theirs compiled here must not be the copy that the linker keeps for other
// machines.
#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define RBN_CPU_ISA avx2
#include "vector_avx2.h"

#include "kernels_apply.h"
#include "kernels_combine.h"
#include "kernels_single.h"
#include "kernels_sums.h"

namespace rbn::cpu {

const Kernels kAvx2Kernels = {
    {avx2::moments_last, avx2::gradient_sums_last, avx2::forward_any<false>,
     avx2::backward_any<false>},
    {avx2::moments_first, avx2::gradient_sums_first, avx2::forward_any<true>,
     avx2::backward_any<true>},
    avx2::combine_moments,
    avx2::combine_forward,
    avx2::combine_gradients,
    avx2::combine_backward,
    avx2::single_forward,
    avx2::single_sums,
    avx2::single_backward,
};

}  // namespace rbn::cpu

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif  // defined(__x86_64__)
