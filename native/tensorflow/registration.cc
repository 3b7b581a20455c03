// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See registration.h.
#include "registration.h"

#include <dlfcn.h>

#include <chrono>
#include <mutex>

#include "c_api.h"
#include "gpu.h"
#include "kernels.h"
#include "ops.h"

namespace rbn::tensorflow {
namespace {

// Whether TensorFlow has an op of that name. A second registration would end the process, and this code may be
// there twice: two copies of the package in one process have one TensorFlow.
bool has_op(const CApi& api, const std::string& name) {
  Status status(api);
  TF_Graph* const graph = api.TF_NewGraph();
  TF_Buffer* const definition = api.TF_NewBuffer();
  api.TF_GraphGetOpDef(graph, name.c_str(), definition, status);
  api.TF_DeleteBuffer(definition);
  api.TF_DeleteGraph(graph);
  return status.ok();
}

// Empty, or what TensorFlow said.
std::string define(const CApi& api, const OpDefinition& op) {
  Status status(api);
  TF_OpDefinitionBuilder* const definition = api.TF_NewOpDefinitionBuilder(op.name.c_str());
  for (const char* spec : op.attributes) api.TF_OpDefinitionBuilderAddAttr(definition, spec);
  for (const char* spec : op.inputs) api.TF_OpDefinitionBuilderAddInput(definition, spec);
  for (const char* spec : op.outputs) api.TF_OpDefinitionBuilderAddOutput(definition, spec);
  api.TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, op.shapes);
  api.TF_RegisterOpDefinition(definition, status);  // frees the builder
  return status.ok() ? "" : "registering " + op.name + ": " + status.message();
}

std::string add_kernel(const CApi& api, const OpDefinition& op, const char* device, ComputeKernel kernel) {
  Status status(api);
  TF_KernelBuilder* const builder =
      api.TF_NewKernelBuilder(op.name.c_str(), device, /*create=*/nullptr, kernel, /*delete=*/nullptr);
  api.TF_KernelBuilder_HostMemory(builder, "options");
  api.TF_RegisterKernelBuilder((op.name + device).c_str(), builder, status);  // frees the builder
  return status.ok() ? "" : "registering a kernel of " + op.name + " for " + device + ": " + status.message();
}

// An op with its kernels; gpu: null where those are not asked for.
std::string add_op(const CApi& api, const OpDefinition& op, ComputeKernel cpu, ComputeKernel gpu) {
  if (has_op(api, op.name)) return "";
  std::string problem = define(api, op);
  if (problem.empty()) problem = add_kernel(api, op, "CPU", cpu);
  if (problem.empty() && gpu) problem = add_kernel(api, op, "GPU", gpu);
  return problem;
}

Registration failed(const std::string& problem) {
  Registration result;
  result.problem = problem;
  return result;
}

// What is registered in this process; never destroyed, since threads of TensorFlow may outlive main.
struct Registered {
  std::mutex mutex;
  bool done = false;
  Registration result;
};

Registered& registered() {
  static Registered* const only = new Registered;
  return *only;
}

}  // namespace

Registration register_ops(const std::string& binding, const std::string& engine) {
  Registered& all = registered();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto started = std::chrono::steady_clock::now();
  void* const library = dlopen(binding.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  if (!library) return failed(binding + " is not loaded in this process");
  CApi api;
  if (const char* const missing = load(library, &api)) {
    Registration result = failed(std::string("the TensorFlow library behind ") + binding + " has no " + missing);
    result.missing = missing;
    return result;
  }
  if (all.done) {
    // Several bindings may well stand on one library.
    if (api.TF_RegisterOpDefinition == tensorflow_api().TF_RegisterOpDefinition) return all.result;
    return failed(binding + " stands on another TensorFlow library than the one that has the ops already");
  }
  set_tensorflow_api(api);
  all.done = true;
  Registration& result = all.result;
  bool with_gpu = false;
  if (!engine.empty()) {
    result.gpu_problem = open_gpu(engine, library);
    with_gpu = result.gpu_problem.empty();
  }
  const OpDefinition forward = forward_op(), backward = backward_op();
  result.forward_op = forward.name;
  result.backward_op = backward.name;
  result.problem = add_op(api, forward, cpu_forward, with_gpu ? gpu_forward : nullptr);
  if (result.problem.empty()) result.problem = add_op(api, backward, cpu_backward, with_gpu ? gpu_backward : nullptr);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - started;
  result.milliseconds = took.count();
  return result;
}

}  // namespace rbn::tensorflow
