// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Element by element, of three inputs or more.
#include "elementwise.h"

namespace rbn {
namespace {

template <class T>
struct Select {
  __host__ __device__ T operator()(uint8_t condition, T t, T e) const { return condition ? t : e; }
};

// inputs: condition (bool), t, e. Shapes are broadcast.
int32_t select_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return dispatch_type(call.outputs[0].dtype, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    return elementwise<T, uint8_t, T, T>(context, Select<T>(), call, error);
  });
}

struct Sum {
  __host__ __device__ float operator()(float a, float b, float c, float d) const {
    return a + b + c + d;
  }
  // Modulo 2^32.
  __host__ __device__ int32_t operator()(int32_t a, int32_t b, int32_t c, int32_t d) const {
    return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b) +
                                static_cast<uint32_t>(c) + static_cast<uint32_t>(d));
  }
};

// Four at a time, in their order; from the second time on the first of them is the sum so far.
template <class T>
int32_t add_up(RbnContext* context, const RbnCall& call, RbnError* error) {
  RbnTensor zero = {};
  zero.dtype = type_of<T>();
  for (int32_t next = 0; next < call.input_count;) {
    RbnTensor inputs[4];
    int32_t count = 0;
    if (next > 0) inputs[count++] = call.outputs[0];
    for (; count < 4; ++count) inputs[count] = next < call.input_count ? call.inputs[next++] : zero;
    RbnCall part = call;
    part.inputs = inputs;
    const int32_t status = elementwise<T, T, T, T, T>(context, Sum(), part, error);
    if (status != RBN_OK) return status;
  }
  return RBN_OK;
}

// inputs: one or more of one type and shape.
int32_t add_n_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& out = call.outputs[0];
  if (call.input_count < 1)
    return fail(error, RBN_INVALID_ARGUMENT, "expected at least 1 input, received none");
  for (int32_t k = 0; k < call.input_count; ++k) {
    if (!same_shape(call.inputs[k], out))
      return fail(error, RBN_INVALID_ARGUMENT, "input %d: expected the shape of the output", k);
    if (call.inputs[k].dtype != out.dtype)
      return fail(error, RBN_INVALID_ARGUMENT, "input %d: expected the type of the output", k);
  }
  switch (out.dtype) {
    case RBN_TENSOR_FLOAT32: return add_up<float>(context, call, error);
    case RBN_TENSOR_INT32: return add_up<int32_t>(context, call, error);
    default: return wrong_type("output", 0, "float32 or int32", out.dtype, error);
  }
}

constexpr Operation kOperations[] = {
    {"Select", 3, 1, 0, true, select_operation},
    {"AddN", kAny, 1, 0, true, add_n_operation},
};

}  // namespace

OperationTable ternary_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
