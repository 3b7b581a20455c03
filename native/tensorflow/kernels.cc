// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See kernels.h. Nothing may be thrown through TensorFlow's frames, so every entry catches all.
#include "kernels.h"

#include <string.h>

#include <exception>
#include <new>

#include "../cpu/rbn_cpu.h"
#include "call.h"
#include "ops.h"

namespace rbn::tensorflow {
namespace {

// Runs f with a call; what it throws is given to TensorFlow.
template <class Function>
void guarded(TF_OpKernelContext* context, const Function& f) {
  const auto report = [&](int code, const char* message) {
    Status status(tensorflow_api());
    tensorflow_api().TF_SetStatus(status, code, message);
    tensorflow_api().TF_OpKernelContext_Failure(context, status);
  };
  try {
    Call call(context);
    f(call);
  } catch (const Failure& failure) {
    report(failure.code, failure.message.c_str());
  } catch (const std::bad_alloc&) {
    report(kResourceExhausted, "out of host memory");
  } catch (const std::exception& e) {
    report(kInternal, e.what());
  }
}

void note(std::atomic<uint64_t>* calls, const void* x, const void* state, const void* result) {
  calls->fetch_add(1);
  trace().x = x;
  trace().state = state;
  trace().result = result;
}

bool empty(const RbnProblem& p) { return p.instances == 0 || p.positions == 0 || p.channels == 0; }

}  // namespace

void cpu_forward(void*, TF_OpKernelContext* context) {
  guarded(context, [](Call& call) {
    const RbnForward forward = call.forward();
    note(&trace().forward_calls, forward.x, forward.state, forward.y);
    if (empty(forward.problem)) return;
    // The last bytes may not be used, and are to be the same in every run.
    if (call.mask_ints() > 0) memset(forward.mask + 4 * (call.mask_ints() - 1), 0, 4);
    cpu::forward(forward, call.threads());
  });
}

void cpu_backward(void*, TF_OpKernelContext* context) {
  guarded(context, [](Call& call) {
    const RbnBackward backward = call.backward();
    note(&trace().backward_calls, backward.x, backward.state, backward.dx);
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
