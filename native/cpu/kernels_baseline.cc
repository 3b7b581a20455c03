// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels for what the compiler targets without flags.
#define RBN_CPU_ISA baseline
#include "vector_generic.h"

#include "kernels_apply.h"
#include "kernels_combine.h"
#include "kernels_single.h"
#include "kernels_sums.h"

namespace rbn::cpu {

const Kernels kBaselineKernels = {
    {baseline::moments_last, baseline::gradient_sums_last, baseline::forward_any<false>,
     baseline::backward_any<false>},
    {baseline::moments_first, baseline::gradient_sums_first, baseline::forward_any<true>,
     baseline::backward_any<true>},
    baseline::combine_moments,
    baseline::combine_forward,
    baseline::combine_gradients,
    baseline::combine_backward,
    baseline::single_forward,
    baseline::single_sums,
    baseline::single_backward,
};

}  // namespace rbn::cpu
