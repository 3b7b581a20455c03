// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tensors out of nothing but numbers.
#include "elementwise.h"

namespace rbn {
namespace {

// The walk by the whole grid, since a fill may pass 2^31 elements.
template <class T>
__global__ void rbn_fill_kernel(T* __restrict__ out, int64_t count, T value) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    out[i] = value;
}

// In double, so that the last element of a long range is as exact as the second.
template <class T>
__global__ void rbn_range_kernel(T* __restrict__ out, int64_t count, double start, double step) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride)
    out[i] = element_of<T>(start + static_cast<double>(i) * step);
}

LaunchConfig elements(RbnContext* context, int64_t count) {
  LaunchConfig config;
  config.grid = dim3(element_blocks(count));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return config;
}

// attributes: the value.
int32_t fill_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  RbnTensor& out = call.outputs[0];
  if (out.data) {
    return check(error, fill(context, out.data, out.dtype, element_count(out), call.attributes[0]),
                 "launch");
  }
  return dispatch_type(out.dtype, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    out.value = static_cast<double>(element_of<T>(call.attributes[0]));
    return RBN_OK;
  });
}

// attributes: the first element and the step.
int32_t range_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  RbnTensor& out = call.outputs[0];
  if (out.dtype == RBN_TENSOR_BOOL)
    return wrong_type("output", 0, "float32 or int32", out.dtype, error);
  const double start = call.attributes[0], step = call.attributes[1];
  return dispatch_type(out.dtype, error, [&](auto* type) -> int32_t {
    using T = std::remove_pointer_t<decltype(type)>;
    if (!out.data) {
      out.value = static_cast<double>(element_of<T>(start));
      return RBN_OK;
    }
    const int64_t count = element_count(out);
    if (count == 0) return RBN_OK;
    return check(error,
                 launch(elements(context, count), rbn_range_kernel<T>, static_cast<T*>(out.data),
                        count, start, step),
                 "launch");
  });
}

constexpr Operation kOperations[] = {
    {"Fill", 0, 1, 1, true, fill_operation},
    {"Range", 0, 1, 2, true, range_operation},
};

}  // namespace

cudaError_t fill(RbnContext* context, void* data, int32_t dtype, int64_t count, double value) {
  if (count == 0) return cudaSuccess;
  const LaunchConfig config = elements(context, count);
  switch (dtype) {
    case RBN_TENSOR_FLOAT32:
      return launch(config, rbn_fill_kernel<float>, static_cast<float*>(data), count,
                    element_of<float>(value));
    case RBN_TENSOR_INT32:
      return launch(config, rbn_fill_kernel<int32_t>, static_cast<int32_t*>(data), count,
                    element_of<int32_t>(value));
    default:
      return launch(config, rbn_fill_kernel<uint8_t>, static_cast<uint8_t*>(data), count,
                    element_of<uint8_t>(value));
  }
}

OperationTable creation_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
