// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A step of an optimizer for one variable in one pass. The results are new tensors, as an assignment in TensorFlow.js
// takes another tensor: the old values may have other owners.
#include "elementwise.h"

namespace rbn {
namespace {

// What a rule has for each element: the gradient, the variable's value and its state; it changes the latter two.
struct Sgd {
  static constexpr int kState = 0, kAttributes = 1;
  float rate;
  explicit Sgd(const double* attributes) : rate(static_cast<float>(attributes[0])) {}
  __device__ void operator()(float gradient, float* value, float*) const { *value -= rate * gradient; }
};

struct Momentum {
  static constexpr int kState = 1, kAttributes = 3;
  float rate, momentum;
  int32_t nesterov;
  explicit Momentum(const double* attributes)
      : rate(static_cast<float>(attributes[0])),
        momentum(static_cast<float>(attributes[1])),
        nesterov(attributes[2] != 0) {}
  __device__ void operator()(float gradient, float* value, float* state) const {
    const float velocity = momentum * state[0] + gradient;
    *value -= rate * (nesterov ? gradient + momentum * velocity : velocity);
    state[0] = velocity;
  }
};

// correction: 1 − β₁ᵗ and 1 − β₂ᵗ of step t.
struct Adam {
  static constexpr int kState = 2, kAttributes = 6;
  float rate, beta[2], rest[2], epsilon, correction[2];
  explicit Adam(const double* attributes)
      : rate(static_cast<float>(attributes[0])),
        beta{static_cast<float>(attributes[1]), static_cast<float>(attributes[2])},
        rest{static_cast<float>(1 - attributes[1]), static_cast<float>(1 - attributes[2])},
        epsilon(static_cast<float>(attributes[3])),
        correction{static_cast<float>(attributes[4]), static_cast<float>(attributes[5])} {}
  __device__ void operator()(float gradient, float* value, float* state) const {
    state[0] = beta[0] * state[0] + rest[0] * gradient;
    state[1] = beta[1] * state[1] + rest[1] * (gradient * gradient);
    *value -= rate * (state[0] / correction[0] / (sqrtf(state[1] / correction[1]) + epsilon));
  }
};

// A statistic moved towards that of the batch, which stands in the gradient's place.
struct MovingAverage {
  static constexpr int kState = 0, kAttributes = 1;
  float rate;
  explicit MovingAverage(const double* attributes) : rate(static_cast<float>(attributes[0])) {}
  __device__ void operator()(float batch, float* value, float*) const { *value -= (*value - batch) * rate; }
};

// Of the variable first, then of its state.
struct Places {
  const float* from[3];
  float* to[3];
};

template <class Rule>
__global__ void __launch_bounds__(kElementThreads)
    rbn_optimizer_kernel(const float* __restrict__ gradient, const __grid_constant__ Places places, int64_t count,
                         const __grid_constant__ Rule rule) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kElementThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x; i < count; i += step) {
    float now[1 + Rule::kState];
#pragma unroll
    for (int k = 0; k <= Rule::kState; ++k) now[k] = places.from[k][i];
    rule(gradient[i], now, now + 1);
#pragma unroll
    for (int k = 0; k <= Rule::kState; ++k) places.to[k][i] = now[k];
  }
}

// inputs: gradient, value, state. outputs: value, state. All float32 of one shape.
template <class Rule>
int32_t optimizer_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& gradient = call.inputs[0];
  const auto check_one = [&](const char* kind, int32_t i, const RbnTensor& t) -> int32_t {
    if (t.dtype != RBN_TENSOR_FLOAT32) return wrong_type(kind, i, "float32", t.dtype, error);
    if (same_shape(t, gradient)) return RBN_OK;
    return fail(error, RBN_INVALID_ARGUMENT, "%s %d: expected the shape of the gradient", kind, i);
  };
  Places places = {};
  for (int32_t i = 0; i < call.input_count; ++i) {
    const int32_t status = check_one("input", i, call.inputs[i]);
    if (status != RBN_OK) return status;
    if (i > 0) places.from[i - 1] = static_cast<const float*>(call.inputs[i].data);
  }
  for (int32_t i = 0; i < call.output_count; ++i) {
    const int32_t status = check_one("output", i, call.outputs[i]);
    if (status != RBN_OK) return status;
    places.to[i] = static_cast<float*>(call.outputs[i].data);
  }
  const int64_t count = element_count(gradient);
  if (count == 0) return RBN_OK;
  LaunchConfig config;
  config.grid = dim3(element_blocks(count));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return check(error,
               launch(config, rbn_optimizer_kernel<Rule>, static_cast<const float*>(gradient.data), places, count,
                      Rule(call.attributes)),
               "launch");
}

template <class Rule>
constexpr Operation row(const char* name) {
  return {name, 2 + Rule::kState, 1 + Rule::kState, Rule::kAttributes, false, optimizer_operation<Rule>};
}

constexpr Operation kOperations[] = {
    row<Sgd>("SgdStep"),
    row<Momentum>("MomentumStep"),
    row<Adam>("AdamStep"),
    row<MovingAverage>("MovingAverage"),
};

}  // namespace

OperationTable optimizer_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
