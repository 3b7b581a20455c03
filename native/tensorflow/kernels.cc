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

// Runs f; what it throws is given to TensorFlow through `fail`, TF_OpKernelContext_Failure or its like.
template <class Function, class Fail>
void guarded(const Function& f, const Fail& fail) {
  const auto report = [&](int code, const char* message) {
    Status status(tensorflow_api());
    tensorflow_api().TF_SetStatus(status, code, message);
    fail(status);
  };
  try {
    f();
  } catch (const Failure& failure) {
    report(failure.code, failure.message.c_str());
  } catch (const std::bad_alloc&) {
    report(kResourceExhausted, "out of host memory");
  } catch (const std::exception& e) {
    report(kInternal, e.what());
  }
}

template <class Attributes, Attributes (*read)(TF_OpKernelConstruction*)>
void* create(TF_OpKernelConstruction* construction) {
  Attributes* kernel = nullptr;
  guarded([&] { kernel = new Attributes(read(construction)); },
          [&](TF_Status* status) { tensorflow_api().TF_OpKernelConstruction_Failure(construction, status); });
  return kernel;
}

template <class Attributes>
void remove(void* kernel) {
  delete static_cast<Attributes*>(kernel);
}

void note(std::atomic<uint64_t>* calls, const void* x, const void* state, const void* result) {
  calls->fetch_add(1);
  trace().x = x;
  trace().state = state;
  trace().result = result;
}

bool empty(const RbnProblem& p) { return p.instances == 0 || p.positions == 0 || p.channels == 0; }

void compute_forward(void* kernel, TF_OpKernelContext* context) {
  const auto run = [&] {
    Call call(context);
    const RbnForward forward = call.forward(*static_cast<const ForwardAttributes*>(kernel));
    note(&trace().forward_calls, forward.x, forward.state, forward.y);
    if (empty(forward.problem)) return;
    // The last bytes may not be used, and are to be the same in every run.
    if (call.mask_ints() > 0) memset(forward.mask + 4 * (call.mask_ints() - 1), 0, 4);
    cpu::forward(forward, call.threads());
  };
  guarded(run, [&](TF_Status* status) { tensorflow_api().TF_OpKernelContext_Failure(context, status); });
}

void compute_backward(void* kernel, TF_OpKernelContext* context) {
  const auto run = [&] {
    Call call(context);
    const RbnBackward backward = call.backward(*static_cast<const BackwardAttributes*>(kernel));
    note(&trace().backward_calls, backward.x, backward.state, backward.dx);
    if (empty(backward.problem)) {
      const size_t bytes = sizeof(float) * static_cast<size_t>(backward.problem.channels);
      for (float* gradient : {backward.dgamma, backward.dbeta, backward.dcenter_weight,
                              backward.dscale_weight, backward.dscale_bias}) {
        if (bytes > 0) memset(gradient, 0, bytes);
      }
      return;
    }
    cpu::backward(backward, call.threads());
  };
  guarded(run, [&](TF_Status* status) { tensorflow_api().TF_OpKernelContext_Failure(context, status); });
}

}  // namespace

Kernel cpu_forward_kernel() {
  return {create<ForwardAttributes, read_forward_attributes>, compute_forward, remove<ForwardAttributes>};
}

Kernel cpu_backward_kernel() {
  return {create<BackwardAttributes, read_backward_attributes>, compute_backward, remove<BackwardAttributes>};
}

Trace& trace() {
  static Trace last;
  return last;
}

}  // namespace rbn::tensorflow
