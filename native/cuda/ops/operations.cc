// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// From an index to an operation, and what is the same for all of them: arguments are counted, tensors
// on the host get device memory where an operation needs it, errors name the operation.
#include <string.h>

#include <vector>

#include "../runtime/guard.h"
#include "operation.h"

namespace rbn {
namespace {

const Operation* operation_at(int32_t index) {
  static constexpr OperationTable (*kTables[])() = {
      unary_operations,  binary_operations, ternary_operations,
      creation_operations, copy_operations, reduce_operations,
      softmax_operations,  scan_operations, gather_operations,
      scatter_operations, sort_operations, matmul_operations,
      convolution_operations, depthwise_operations, pool_operations,
      resize_operations, batch_norm_operations, optimizer_operations,
      moments_operations,
  };
  if (index < 0) return nullptr;
  for (const auto table_of : kTables) {
    const OperationTable table = table_of();
    if (index < table.count) return &table.first[index];
    index -= table.count;
  }
  return nullptr;
}

int32_t count_arguments(const char* kind, int32_t expected, int32_t received, RbnError* error) {
  if (expected == kAny || expected == received) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT, "expected %d %s, received %d", expected, kind, received);
}

int32_t check_tensors(const char* kind, const RbnTensor* tensors, int32_t count, RbnError* error) {
  for (int32_t i = 0; i < count; ++i) {
    const RbnTensor& t = tensors[i];
    if (t.rank < 0 || t.rank > RBN_MAX_RANK)
      return fail(error, RBN_INVALID_ARGUMENT, "%s %d: expected a rank of at most %d, received %d",
                  kind, i, RBN_MAX_RANK, t.rank);
    if (t.dtype < RBN_TENSOR_FLOAT32 || t.dtype > RBN_TENSOR_BOOL)
      return fail(error, RBN_INVALID_ARGUMENT, "%s %d: expected a dtype from 0 to 2, received %d",
                  kind, i, t.dtype);
    int64_t elements = 1;
    for (int32_t d = 0; d < t.rank; ++d) {
      if (t.shape[d] < 0 || __builtin_mul_overflow(elements, t.shape[d], &elements) ||
          elements > INT64_MAX / 4)
        return fail(error, RBN_INVALID_ARGUMENT, "%s %d: dimension %d is negative or too large",
                    kind, i, d);
    }
    if (!t.data && elements != 1)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "%s %d: expected device memory or one element, received %lld elements without",
                  kind, i, static_cast<long long>(elements));
  }
  return RBN_OK;
}

// Copies of the inputs that are on the host; memory of `count` elements of 4 bytes.
int32_t to_device(RbnContext* context, Workspace* workspace, std::vector<RbnTensor>* inputs,
                  int64_t count, RbnError* error) {
  int32_t status = check(error, workspace->allocate(4 * count), "memory for inputs");
  char* next = static_cast<char*>(workspace->memory());
  for (RbnTensor& t : *inputs) {
    if (t.data || status != RBN_OK) continue;
    t.data = next;
    next += 4;
    status = check(error, fill(context, t.data, t.dtype, 1, t.value), "filling an input");
  }
  return status;
}

int32_t run_checked(RbnContext* context, const Operation& operation, const RbnCall& call,
                    RbnError* error) {
  int32_t status = count_arguments("inputs", operation.inputs, call.input_count, error);
  if (status == RBN_OK)
    status = count_arguments("outputs", operation.outputs, call.output_count, error);
  if (status == RBN_OK)
    status = count_arguments("attributes", operation.attributes, call.attribute_count, error);
  if (status == RBN_OK) status = check_tensors("input", call.inputs, call.input_count, error);
  if (status == RBN_OK) status = check_tensors("output", call.outputs, call.output_count, error);
  if (status != RBN_OK) return status;

  int64_t on_host = 0;
  for (int32_t i = 0; i < call.input_count; ++i) on_host += call.inputs[i].data == nullptr;
  for (int32_t i = 0; i < call.output_count; ++i) {
    if (call.outputs[i].data || (operation.takes_host && on_host == call.input_count)) continue;
    return fail(error, RBN_INVALID_ARGUMENT, "output %d: expected device memory", i);
  }
  if (operation.takes_host || on_host == 0) return operation.run(context, call, error);
  std::vector<RbnTensor> inputs(call.inputs, call.inputs + call.input_count);
  Workspace workspace(context);
  status = to_device(context, &workspace, &inputs, on_host, error);
  if (status != RBN_OK) return status;
  RbnCall with_memory = call;
  with_memory.inputs = inputs.data();
  return operation.run(context, with_memory, error);
}

}  // namespace

const Operation* find_operation(const char* name) {
  int32_t index = 0;
  while (strcmp(operation_at(index)->name, name) != 0) ++index;
  return operation_at(index);
}

const char* operation_name(int32_t index) {
  const Operation* operation = operation_at(index);
  return operation ? operation->name : nullptr;
}

int32_t operation_takes_host(int32_t index) {
  const Operation* operation = operation_at(index);
  return operation && operation->takes_host;
}

int32_t run_operation(RbnContext* context, int32_t index, const RbnCall* call, RbnError* error) {
  const Operation* operation = operation_at(index);
  if (!operation)
    return fail(error, RBN_INVALID_ARGUMENT, "operation: expected the index of one, received %d",
                index);
  return launching(context, operation->name, error, [&]() -> int32_t {
    if (!call || (call->input_count > 0 && !call->inputs) ||
        (call->output_count > 0 && !call->outputs) ||
        (call->attribute_count > 0 && !call->attributes) || call->input_count < 0 ||
        call->output_count < 0 || call->attribute_count < 0)
      return fail(error, RBN_INVALID_ARGUMENT, "expected a call with its arrays");
    return run_checked(context, *operation, *call, error);
  });
}

}  // namespace rbn
