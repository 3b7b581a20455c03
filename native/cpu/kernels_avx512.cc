// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels for AVX-512.
//
// The target holds for everything after the pragma, so all standard headers come before it: an
// inline function of theirs compiled here must not be the copy that the linker keeps for other
// machines.
#if defined(__x86_64__)

#if defined(__GNUC__) && !defined(__clang__)
// GCC warns of its own _mm512_undefined_*, which its intrinsics use on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif

#define RBN_CPU_ISA avx512
#include "vector_avx512.h"

#include "kernels_apply.h"
#include "kernels_combine.h"
#include "kernels_single.h"
#include "kernels_sums.h"

namespace rbn::cpu {

const Kernels kAvx512Kernels = {
    {avx512::moments_last, avx512::gradient_sums_last, avx512::forward_any<false>,
     avx512::backward_any<false>},
    {avx512::moments_first, avx512::gradient_sums_first, avx512::forward_any<true>,
     avx512::backward_any<true>},
    avx512::combine_moments,
    avx512::combine_forward,
    avx512::combine_gradients,
    avx512::combine_backward,
    avx512::single_forward,
    avx512::single_sums,
    avx512::single_backward,
};

}  // namespace rbn::cpu

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif  // defined(__x86_64__)
