// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See gpu.h.
#include "gpu.h"

#include <dlfcn.h>

#include <mutex>

#include "../cuda/open_engine.h"
#include "guarded.h"

namespace rbn::tensorflow {
namespace {

constexpr int kMostDevices = 64;

// The engine and its contexts, one a device, made when first used and kept: TensorFlow may call until the
// process ends.
struct Gpu {
  const RbnEngineApi* engine = nullptr;
  // TensorFlow's number of the device that a call is for; null where that TensorFlow does not tell.
  int (*device_of)(TF_OpKernelContext*) = nullptr;
  std::mutex mutex;  // a context is not for two threads at once
  RbnContext* contexts[kMostDevices] = {};
};

Gpu& gpu() {
  static Gpu* const only = new Gpu;
  return *only;
}

void check(int32_t status, const RbnError& error) {
  if (status == RBN_OK) return;
  const int code = status == RBN_OUT_OF_MEMORY      ? kResourceExhausted
                   : status == RBN_INVALID_ARGUMENT ? kInvalidArgument
                                                    : kInternal;
  throw Failure{code, error.message};
}

// Runs f(engine, context, error) on the call's device, with the device idle before and after.
template <class Function>
void on_device(TF_OpKernelContext* call, const Function& f) {
  Gpu& g = gpu();
  const int device = g.device_of ? g.device_of(call) : 0;
  if (device < 0 || device >= kMostDevices) {
    throw Failure{kInternal, "device: expected 0 to 63, received " + std::to_string(device)};
  }
  const std::lock_guard<std::mutex> lock(g.mutex);
  RbnError error = {};
  RbnContext*& context = g.contexts[device];
  if (!context) check(g.engine->context_create(device, &context, &error), error);
  check(g.engine->synchronize_device(context, &error), error);
  check(f(*g.engine, context, &error), error);
  check(g.engine->synchronize(context, &error), error);
}

}  // namespace

std::string open_gpu(const std::string& engine, void* tensorflow) {
  std::string problem;
  const RbnEngineApi* const api = open_engine(engine, &problem);
  if (!api) return problem;
  gpu().device_of = reinterpret_cast<int (*)(TF_OpKernelContext*)>(dlsym(tensorflow, "TF_GetDeviceId"));
  int32_t devices = 0;
  if (!gpu().device_of && api->device_count(&devices, nullptr) == RBN_OK && devices > 1) {
    return "there are " + std::to_string(devices) + " GPUs, and this TensorFlow does not tell which of them it uses; " +
           "set CUDA_VISIBLE_DEVICES to one";
  }
  gpu().engine = api;
  return "";
}

void gpu_forward(void*, TF_OpKernelContext* context) {
  guarded(context, [&](Call& call) {
    const RbnForward forward = call.forward();
    note(forward);
    on_device(context, [&](const RbnEngineApi& engine, RbnContext* on, RbnError* error) {
      return engine.forward(on, &forward, RBN_PLAN_AUTO, error);
    });
  });
}

void gpu_backward(void*, TF_OpKernelContext* context) {
  guarded(context, [&](Call& call) {
    const RbnBackward backward = call.backward();
    note(backward);
    on_device(context, [&](const RbnEngineApi& engine, RbnContext* on, RbnError* error) {
      return engine.backward(on, &backward, RBN_PLAN_AUTO, error);
    });
  });
}

}  // namespace rbn::tensorflow
