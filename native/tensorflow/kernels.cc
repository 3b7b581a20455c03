// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels of the device "CPU": native/cpu on TensorFlow's own buffers.
#include "kernels.h"

#include <string.h>

#include "../cpu/rbn_cpu.h"
#include "guarded.h"

namespace rbn::tensorflow {
namespace {

bool empty(const RbnProblem& p) { return p.instances == 0 || p.positions == 0 || p.channels == 0; }

}  // namespace

void cpu_forward(void*, TF_OpKernelContext* context) {
  guarded(context, [](Call& call) {
    const RbnForward forward = call.forward();
    note(forward);
    if (empty(forward.problem)) return;
    // The last bytes may not be used, and are to be the same in every run.
    if (call.mask_ints() > 0) memset(forward.mask + 4 * (call.mask_ints() - 1), 0, 4);
    cpu::forward(forward, call.threads());
  });
}

void cpu_backward(void*, TF_OpKernelContext* context) {
  guarded(context, [](Call& call) {
    const RbnBackward backward = call.backward();
    note(backward);
    if (!empty(backward.problem)) {
      cpu::backward(backward, call.threads());
      return;
    }
    const size_t bytes = sizeof(float) * static_cast<size_t>(backward.problem.channels);
    for (float* gradient : {backward.dgamma, backward.dbeta, backward.dcenter_weight, backward.dscale_weight,
                            backward.dscale_bias}) {
      if (bytes > 0) memset(gradient, 0, bytes);
    }
  });
}

Trace& trace() {
  static Trace last;
  return last;
}

}  // namespace rbn::tensorflow
