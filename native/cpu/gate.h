// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the backward passes for S > 1 and for S = 1 share.
#ifndef RBN_CPU_GATE_H_
#define RBN_CPU_GATE_H_

#include "kernels.h"
#include "rbn_cpu.h"

namespace rbn::cpu {

inline Gate gate_of(const RbnBackward& call) {
  return call.mask ? Gate::kMask : call.problem.activation == RBN_RELU ? Gate::kSign : Gate::kNone;
}

// For an empty batch.
inline void zero_parameter_gradients(const RbnBackward& call) {
  for (int64_t c = 0; c < call.problem.channels; ++c) {
    if (call.dgamma) call.dgamma[c] = 0;
    if (call.dbeta) call.dbeta[c] = 0;
    call.dcenter_weight[c] = call.dscale_weight[c] = call.dscale_bias[c] = 0;
  }
}

}  // namespace rbn::cpu

#endif  // RBN_CPU_GATE_H_
