// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A false TensorFlow: the functions of its C API that native/tensorflow looks up, over nothing but tables. It runs
// a kernel on whatever memory it is given, also on a simulated GPU's. Compiled once more with RBN_FAKE_INCOMPLETE it
// lacks one function.
#include "tensorflow_fake.h"

#include <map>
#include <string>
#include <vector>

#define RBN_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

int live = 0;

struct Status {
  int code = 0;
  std::string message;
};

struct Context;
using Compute = void (*)(void*, Context*);

struct Kernel {
  std::string op, device, host;
  Compute compute;
};

struct ShapeContext;
struct Op {
  std::string name, text;
  void (*shapes)(ShapeContext*, Status*) = nullptr;
};

struct ShapeContext {
  int* shapes;
  int outputs;
};

struct Context {
  const RbnFakeTensor* inputs;
  int input_count;
  const RbnFakeTensor* outputs;
  int output_count;
  std::string failure;
};

std::map<std::string, Op>& ops() {
  static std::map<std::string, Op> all;
  return all;
}

std::vector<Kernel>& kernels() {
  static std::vector<Kernel> all;
  return all;
}

size_t bytes_of(const RbnFakeTensor& tensor) {
  size_t bytes = 4;
  for (int i = 0; i < tensor.rank; ++i) bytes *= static_cast<size_t>(tensor.sizes[i]);
  return bytes;
}

void set(Status* status, int code, const char* message) {
  status->code = code;
  status->message = message;
}

RbnFakeTensor* handle(const RbnFakeTensor& tensor) {
  ++live;
  return new RbnFakeTensor(tensor);
}

}  // namespace

RBN_EXPORT Status* TF_NewStatus() {
  ++live;
  return new Status;
}
RBN_EXPORT void TF_DeleteStatus(Status* status) {
  --live;
  delete status;
}
RBN_EXPORT void TF_SetStatus(Status* status, int code, const char* message) { set(status, code, message); }
RBN_EXPORT int TF_GetCode(const Status* status) { return status->code; }
RBN_EXPORT const char* TF_Message(const Status* status) { return status->message.c_str(); }

RBN_EXPORT int* TF_NewBuffer() {
  ++live;
  return new int;
}
RBN_EXPORT void TF_DeleteBuffer(int* buffer) {
  --live;
  delete buffer;
}
RBN_EXPORT int* TF_NewGraph() { return TF_NewBuffer(); }
RBN_EXPORT void TF_DeleteGraph(int* graph) { TF_DeleteBuffer(graph); }
RBN_EXPORT void TF_GraphGetOpDef(int*, const char* op, int*, Status* status) {
  set(status, ops().count(op) ? 0 : 5, "no such op");
}

RBN_EXPORT Op* TF_NewOpDefinitionBuilder(const char* name) {
  ++live;
  Op* const op = new Op;
  op->name = name;
  return op;
}
RBN_EXPORT void TF_OpDefinitionBuilderAddAttr(Op* op, const char* spec) { op->text += std::string("attr ") + spec + "\n"; }
RBN_EXPORT void TF_OpDefinitionBuilderAddInput(Op* op, const char* spec) { op->text += std::string("in ") + spec + "\n"; }
RBN_EXPORT void TF_OpDefinitionBuilderAddOutput(Op* op, const char* spec) { op->text += std::string("out ") + spec + "\n"; }
RBN_EXPORT void TF_OpDefinitionBuilderSetShapeInferenceFunction(Op* op, void (*f)(ShapeContext*, Status*)) { op->shapes = f; }
RBN_EXPORT void TF_RegisterOpDefinition(Op* op, Status* status) {
  set(status, ops().count(op->name) ? 6 : 0, "registered twice");
  ops()[op->name] = *op;
  --live;
  delete op;
}

RBN_EXPORT int* TF_NewShapeHandle() { return TF_NewBuffer(); }
RBN_EXPORT void TF_DeleteShapeHandle(int* shape) { TF_DeleteBuffer(shape); }
RBN_EXPORT void TF_ShapeInferenceContextGetInput(ShapeContext*, int index, int* shape, Status* status) {
  *shape = index;
  set(status, 0, "");
}
RBN_EXPORT void TF_ShapeInferenceContextSetOutput(ShapeContext* context, int index, int* shape, Status* status) {
  set(status, index < context->outputs ? 0 : 11, "no such output");
  if (index < context->outputs) context->shapes[index] = *shape;
}
RBN_EXPORT void TF_ShapeInferenceContextSetUnknownShape(ShapeContext* context, Status* status) {
  for (int i = 0; i < context->outputs; ++i) context->shapes[i] = -1;
  set(status, 0, "");
}

RBN_EXPORT Kernel* TF_NewKernelBuilder(const char* op, const char* device, void* (*)(void*), Compute compute, void (*)(void*)) {
  ++live;
  return new Kernel{op, device, "", compute};
}
RBN_EXPORT void TF_KernelBuilder_HostMemory(Kernel* kernel, const char* argument) { kernel->host += std::string(argument) + " "; }
RBN_EXPORT void TF_RegisterKernelBuilder(const char*, Kernel* kernel, Status* status) {
  kernels().push_back(*kernel);
  set(status, 0, "");
  --live;
  delete kernel;
}

RBN_EXPORT int TF_NumInputs(Context* context) { return context->input_count; }
RBN_EXPORT int TF_NumOutputs(Context* context) { return context->output_count; }
RBN_EXPORT int TF_ExpectedOutputDataType(Context* context, int index) { return context->outputs[index].type; }
RBN_EXPORT void TF_GetInput(Context* context, int index, RbnFakeTensor** tensor, Status* status) {
  set(status, index < context->input_count ? 0 : 11, "no such input");
  if (index < context->input_count) *tensor = handle(context->inputs[index]);
}
#ifndef RBN_FAKE_INCOMPLETE
RBN_EXPORT RbnFakeTensor* TF_AllocateOutput(Context* context, int index, int type, const int64_t* sizes, int rank,
                                            size_t bytes, Status* status) {
  RbnFakeTensor made = {type, rank, {}, context->outputs[index].data};
  for (int i = 0; i < rank; ++i) made.sizes[i] = sizes[i];
  const bool right = type == context->outputs[index].type && bytes == bytes_of(made) &&
                     bytes == bytes_of(context->outputs[index]) && rank == context->outputs[index].rank;
  set(status, right ? 0 : 3, ("output " + std::to_string(index) + " has another type or size").c_str());
  return right ? handle(made) : nullptr;
}
#endif
RBN_EXPORT void TF_OpKernelContext_Failure(Context* context, Status* status) {
  context->failure = std::to_string(status->code) + ": " + status->message;
}
RBN_EXPORT int TF_NumDims(const RbnFakeTensor* tensor) { return tensor->rank; }
RBN_EXPORT int64_t TF_Dim(const RbnFakeTensor* tensor, int index) { return tensor->sizes[index]; }
RBN_EXPORT size_t TF_TensorByteSize(const RbnFakeTensor* tensor) { return bytes_of(*tensor); }
RBN_EXPORT void* TF_TensorData(const RbnFakeTensor* tensor) { return tensor->data; }
RBN_EXPORT void TF_DeleteTensor(RbnFakeTensor* tensor) {
  --live;
  delete tensor;
}

RBN_EXPORT const char* rbn_fake_run(const char* op, const char* device, const RbnFakeTensor* inputs, int input_count,
                                    const RbnFakeTensor* outputs, int output_count) {
  static std::string failure;
  failure = std::string("no kernel of ") + op + " for " + device;
  for (const Kernel& kernel : kernels()) {
    if (kernel.op != op || kernel.device != device) continue;
    Context context = {inputs, input_count, outputs, output_count, ""};
    kernel.compute(nullptr, &context);
    failure = context.failure;
  }
  return failure.c_str();
}

RBN_EXPORT const char* rbn_fake_definition(const char* op) { return ops()[op].text.c_str(); }

RBN_EXPORT void rbn_fake_shapes(const char* op, int* shapes, int outputs) {
  ShapeContext context = {shapes, outputs};
  Status status;
  ops()[op].shapes(&context, &status);
}

RBN_EXPORT const char* rbn_fake_host_arguments(const char* op, const char* device) {
  for (const Kernel& kernel : kernels()) {
    if (kernel.op == op && kernel.device == device) return kernel.host.c_str();
  }
  return "";
}

RBN_EXPORT int rbn_fake_live() { return live; }
