// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the kernels of every device are wrapped in. Nothing may be thrown through TensorFlow's frames.
#ifndef RBN_TENSORFLOW_GUARDED_H_
#define RBN_TENSORFLOW_GUARDED_H_

#include <exception>
#include <new>

#include "call.h"
#include "kernels.h"
#include "ops.h"

namespace rbn::tensorflow {

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

inline void note(const RbnForward& call) {
  trace().forward_calls.fetch_add(1);
  trace().x = call.x;
  trace().state = call.state;
  trace().result = call.y;
}

inline void note(const RbnBackward& call) {
  trace().backward_calls.fetch_add(1);
  trace().x = call.x;
  trace().state = call.state;
  trace().result = call.dx;
}

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_GUARDED_H_
