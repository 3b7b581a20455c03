// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// native/tensorflow for JavaScript: the registration's report, and what the kernels last saw.
#include "tensorflow.h"

#include "../tensorflow/kernels.h"
#include "../tensorflow/registration.h"
#include "decode.h"

namespace rbn::addon {
namespace {

Napi::Value RegisterTensorflow(const Napi::CallbackInfo& info) {
  Arguments args(info);
  const std::string binding = args.Text("binding");
  const std::string engine = args.Text("engine");
  const tensorflow::Registration result = tensorflow::register_ops(binding, engine);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("problem", result.problem);
  object.Set("missing", result.missing);
  object.Set("gpuProblem", result.gpu_problem);
  object.Set("forwardOp", result.forward_op);
  object.Set("backwardOp", result.backward_op);
  object.Set("milliseconds", result.milliseconds);
  return object;
}

Napi::Value TensorflowTrace(const Napi::CallbackInfo& info) {
  const tensorflow::Trace& trace = tensorflow::trace();
  const auto address = [&](const void* pointer) {
    return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(reinterpret_cast<uintptr_t>(pointer)));
  };
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("forwardCalls", static_cast<double>(trace.forward_calls));
  object.Set("backwardCalls", static_cast<double>(trace.backward_calls));
  object.Set("x", address(trace.x));
  object.Set("state", address(trace.state));
  object.Set("result", address(trace.result));
  return object;
}

}  // namespace

void ExportTensorflow(Napi::Env env, Napi::Object exports) {
  exports.Set("registerTensorflow", Napi::Function::New<RegisterTensorflow>(env, "registerTensorflow"));
  exports.Set("tensorflowTrace", Napi::Function::New<TensorflowTrace>(env, "tensorflowTrace"));
}

}  // namespace rbn::addon
