// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A context's `run`: one call of an operation. It comes as numbers in one Float64Array, because each
// value that crosses between JavaScript and C++ by itself costs as much as a dozen that cross together.
// src/binding/command.ts writes what is read here.
#include <math.h>

#include "session.h"

namespace rbn::addon {
namespace {

// operation, inputs, outputs, attributes; then the tensors; then the attributes.
constexpr size_t kHeader = 4;
// place, value, dtype, rank, shape. A place is an address, or kOnHost, or for an output kNew: it gets
// memory, whose address is written back.
constexpr size_t kTensor = 4 + RBN_MAX_RANK;
constexpr double kOnHost = 0, kNew = -1;

int64_t Whole(Napi::Env env, double value, const char* name, double last) {
  if (!(value >= 0 && value <= last && floor(value) == value)) {
    ThrowRange(env, std::string("command: ") + name + ": expected a whole number from 0 to " +
                        std::to_string(static_cast<int64_t>(last)) + ", received " + std::to_string(value));
  }
  return static_cast<int64_t>(value);
}

// Reads one tensor but for its memory; returns its size in bytes.
uint64_t ReadTensor(Napi::Env env, const double* from, RbnTensor* tensor) {
  tensor->data = nullptr;
  tensor->value = from[1];
  tensor->dtype = static_cast<int32_t>(Whole(env, from[2], "dtype", RBN_TENSOR_BOOL));
  tensor->rank = static_cast<int32_t>(Whole(env, from[3], "rank", RBN_MAX_RANK));
  int64_t bytes = tensor->dtype == RBN_TENSOR_BOOL ? 1 : 4;
  for (int32_t i = 0; i < tensor->rank; ++i) {
    tensor->shape[i] = Whole(env, from[4 + i], "shape", 9007199254740991.0);
    if (__builtin_mul_overflow(bytes, tensor->shape[i], &bytes)) {
      ThrowRange(env, "command: shape: expected less than 2^63 bytes, received more");
    }
  }
  return static_cast<uint64_t>(bytes);
}

// Releases the memory of new outputs unless the call succeeds.
class NewOutputs {
 public:
  explicit NewOutputs(Session* session) : session_(session) {}
  ~NewOutputs() {
    for (void* pointer : made_) (void)session_->api->release(session_->context(), pointer, nullptr);
  }
  void* Make(Napi::Env env, uint64_t bytes, const char* operation) {
    void* pointer = nullptr;
    RbnError error = {};
    const int32_t status = session_->api->allocate(session_->context(), bytes, &pointer, &error);
    if (status != RBN_OK) {
      RbnError named = error;
      snprintf(named.message, sizeof named.message, "%s: %.480s", operation, error.message);
      Check(env, status, named);
    }
    made_.push_back(pointer);
    return pointer;
  }
  void Keep() { made_.clear(); }

 private:
  Session* session_;
  std::vector<void*> made_;
};

void Run(const Napi::CallbackInfo& info, const SessionPointer& session) {
  const Napi::Env env = info.Env();
  Session& live = Live(env, session);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (!info[0].IsTypedArray() ||
      napi_get_typedarray_info(env, info[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < kHeader) {
    ThrowType(env, "command: expected a Float64Array of at least 4 numbers");
  }
  double* const command = static_cast<double*>(data);
  const int32_t operation = static_cast<int32_t>(Whole(env, command[0], "operation", INT32_MAX));
  const double most = static_cast<double>(length);
  const size_t inputs = static_cast<size_t>(Whole(env, command[1], "inputs", most));
  const size_t outputs = static_cast<size_t>(Whole(env, command[2], "outputs", most));
  const size_t attributes = static_cast<size_t>(Whole(env, command[3], "attributes", most));
  const size_t count = inputs + outputs;
  if (kHeader + count * kTensor + attributes > length) {
    ThrowRange(env, "command: expected its tensors and attributes, received " + std::to_string(length) + " numbers");
  }
  const char* name = live.api->operation_name(operation);
  if (name == nullptr) ThrowRange(env, "command: operation: received " + std::to_string(operation) + ", there is none");

  NewOutputs made(&live);
  if (live.tensors.size() < count) live.tensors.resize(count);
  RbnTensor* const tensors = live.tensors.data();
  for (size_t i = 0; i < count; ++i) {
    const double* const at = command + kHeader + i * kTensor;
    const uint64_t bytes = ReadTensor(env, at, &tensors[i]);
    if (at[0] == kNew && i >= inputs) {
      tensors[i].data = made.Make(env, bytes, name);
    } else if (at[0] != kOnHost) {
      tensors[i].data = DevicePointer(env, live, at[0], i < inputs ? "input" : "output", bytes);
    }
  }
  RbnCall call = {};
  call.inputs = tensors;
  call.input_count = static_cast<int32_t>(inputs);
  call.outputs = tensors + inputs;
  call.output_count = static_cast<int32_t>(outputs);
  call.attributes = command + kHeader + count * kTensor;
  call.attribute_count = static_cast<int32_t>(attributes);
  RbnError error;
  error.message[0] = '\0';
  Check(env, live.api->run(live.context(), operation, &call, &error), error);
  for (size_t i = inputs; i < count; ++i) {
    double* const at = command + kHeader + i * kTensor;
    at[0] = static_cast<double>(reinterpret_cast<uintptr_t>(tensors[i].data));
    at[1] = tensors[i].value;
  }
  made.Keep();
}

}  // namespace

void AddRunMethods(Napi::Object object, const SessionPointer& session) { AddMethod(object, "run", Run, session); }

}  // namespace rbn::addon
