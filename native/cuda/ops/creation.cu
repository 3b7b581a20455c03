// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tensors out of nothing but numbers.
#include "../runtime/launch.h"
#include "operation.h"

namespace rbn {
namespace {

template <class T>
__global__ void rbn_fill_kernel(T* __restrict__ out, int64_t count, T value) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step)
    out[i] = value;
}

// attributes: the value.
int32_t fill_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  RbnTensor& out = call.outputs[0];
  if (!out.data) {
    out.value = call.attributes[0];
    return RBN_OK;
  }
  return check(error, fill(context, out.data, out.dtype, element_count(out), call.attributes[0]),
               "launch");
}

constexpr Operation kOperations[] = {
    {"Fill", 0, 1, 1, true, fill_operation},
};

}  // namespace

cudaError_t fill(RbnContext* context, void* data, int32_t dtype, int64_t count, double value) {
  if (count == 0) return cudaSuccess;
  LaunchConfig config;
  config.grid = dim3(element_blocks(count));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  switch (dtype) {
    case RBN_TENSOR_FLOAT32:
      return launch(config, rbn_fill_kernel<float>, static_cast<float*>(data), count,
                    static_cast<float>(value));
    case RBN_TENSOR_INT32:
      return launch(config, rbn_fill_kernel<int32_t>, static_cast<int32_t*>(data), count,
                    static_cast<int32_t>(value));
    default:
      return launch(config, rbn_fill_kernel<uint8_t>, static_cast<uint8_t*>(data), count,
                    static_cast<uint8_t>(value));
  }
}

OperationTable creation_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
