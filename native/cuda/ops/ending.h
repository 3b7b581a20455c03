// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a matrix product or a convolution ends with: a bias and an activation, applied to each
// result before it is stored. Included by .cu files only.
#ifndef RBN_CUDA_OPS_ENDING_H_
#define RBN_CUDA_OPS_ENDING_H_

#include "activation.h"
#include "elementwise.h"
#include "view.h"

namespace rbn {

// In the order of ACTIVATIONS in src/kernels/cuda/fused.ts; a test runs each.
enum Activation : int32_t { kLinear, kRelu, kRelu6, kElu, kSigmoid, kLeakyRelu, kPrelu };

struct Ending {
  const float* bias;               // [channels] or one for all; null: none
  const float* alpha;              // the same, of kPrelu
  uint32_t bias_step, alpha_step;  // 0: one for all
  int32_t activation;              // Activation
  float leaky;                     // alpha of kLeakyRelu

  __device__ __forceinline__ float operator()(float x, uint32_t channel) const {
    if (bias) x += bias[channel * bias_step];
    switch (activation) {
      case kRelu: return Relu()(x);
      case kRelu6: return Relu6()(x);
      case kElu: return Elu()(x);
      case kSigmoid: return Sigmoid()(x);
      case kLeakyRelu: return LeakyRelu{leaky}(x);
      case kPrelu: return Prelu()(x, alpha[channel * alpha_step]);
      default: return x;
    }
  }
};

constexpr int kEndingAttributes = 3;

// From the call's last attributes (the activation, the alpha of kLeakyRelu, 1 where there is a
// bias) and its inputs from the third on: bias, and alpha for kPrelu, of `channels` elements or
// one.
inline int32_t ending_of(const RbnCall& call, int64_t channels, Ending* ending, RbnError* error) {
  const double* const attributes = call.attributes + call.attribute_count - kEndingAttributes;
  int64_t activation, has_bias;
  if (!whole(attributes[0], kLinear, kPrelu, &activation) || !whole(attributes[2], 0, 1, &has_bias))
    return fail(error, RBN_INVALID_ARGUMENT,
                "attributes: expected an activation from 0 to %d and 0 or 1",
                static_cast<int>(kPrelu));
  *ending = {};
  ending->activation = static_cast<int32_t>(activation);
  ending->leaky = static_cast<float>(attributes[1]);
  int32_t next = 2;
  const int32_t expected = 2 + (has_bias ? 1 : 0) + (activation == kPrelu ? 1 : 0);
  if (call.input_count != expected)
    return fail(error, RBN_INVALID_ARGUMENT, "expected %d inputs, received %d", expected,
                call.input_count);
  const auto take = [&](const float** data, uint32_t* step) {
    const RbnTensor& t = call.inputs[next];
    if (t.dtype != RBN_TENSOR_FLOAT32) return wrong_type("input", next, "float32", t.dtype, error);
    const int64_t count = element_count(t);
    if (count != channels && count != 1)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "input %d: expected %lld elements or 1, received %lld", next,
                  static_cast<long long>(channels), static_cast<long long>(count));
    *data = static_cast<const float*>(t.data);
    *step = count == 1 ? 0 : 1;
    ++next;
    return static_cast<int32_t>(RBN_OK);
  };
  int32_t status = RBN_OK;
  if (has_bias) status = take(&ending->bias, &ending->bias_step);
  if (status == RBN_OK && activation == kPrelu) status = take(&ending->alpha, &ending->alpha_step);
  return status;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_ENDING_H_
