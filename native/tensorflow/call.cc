// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See call.h.
#include "call.h"

#include <string.h>

#include <cmath>

#include "ops.h"

namespace rbn::tensorflow {
namespace {

// As in native/addon/decode.cc: sizes in bytes stay far below 2^63.
constexpr int64_t kMaxElements = int64_t{1} << 50;
constexpr int32_t kMaxThreads = 1024;

[[noreturn]] void invalid(const std::string& message) { throw Failure{kInvalidArgument, message}; }

int64_t multiply(int64_t a, int64_t b) {
  if (a != 0 && b > kMaxElements / a) {
    invalid("x: expected at most 2^50 elements and as many rows, received " + std::to_string(a) +
            " times " + std::to_string(b));
  }
  return a * b;
}

// Throws what TensorFlow itself reports.
void check(const Status& status) {
  if (!status.ok()) throw Failure{tensorflow_api().TF_GetCode(status), status.message()};
}

}  // namespace

Call::~Call() {
  for (int i = 0; i < tensor_count_; ++i) tensorflow_api().TF_DeleteTensor(tensors_[i]);
}

RbnForward Call::forward() {
  RbnForward call = {};
  RbnProblem& p = call.problem;
  read_options(&p, kForwardFlags);
  const bool masked = has(kState | kRelu | kResidual);
  check_counts(5 + has(kGamma) + has(kBeta) + has(kResidual) + (has(kTraining) ? 0 : 2),
               1 + (has(kTraining) ? 2 : 0) + has(kState) + masked);
  read_x(&p);
  call.x = x_;
  call.center_weight = floats("centerWeight", p.channels);
  call.scale_weight = floats("scaleWeight", p.channels);
  call.scale_bias = floats("scaleBias", p.channels);
  call.gamma = optional_floats("gamma", p.channels, kGamma);
  call.beta = optional_floats("beta", p.channels, kBeta);
  call.residual = optional_floats("residual", elements(p), kResidual);
  if (!p.training) {
    call.given_mean = floats("mean", p.channels);
    call.given_variance = floats("variance", p.channels);
  }

  const Shape channels = {1, {p.channels}};
  call.y = output_floats(x_shape_);
  if (p.training) {
    call.mean = output_floats(channels);
    call.variance = output_floats(channels);
  }
  if (has(kState)) call.state = output_floats({1, {rbn_state_floats(&p)}});
  if (masked) {
    mask_ints_ = (rbn_mask_bytes(&p) + 3) / 4;
    call.mask = static_cast<uint8_t*>(output(kInt32, {1, {mask_ints_}}));
  }
  return call;
}

RbnBackward Call::backward() {
  RbnBackward call = {};
  RbnProblem& p = call.problem;
  read_options(&p, kBackwardFlags);
  if (has(kMask) && !has(kRelu)) invalid("mask: expected none without a ReLU, received one");
  check_counts(8 + has(kGamma) + has(kBeta) + (has(kTraining) ? 0 : 1) + has(kMask), 6 + has(kMask));
  read_x(&p);
  call.x = x_;
  call.dy = floats("dy", elements(p));
  call.center_weight = floats("centerWeight", p.channels);
  call.scale_weight = floats("scaleWeight", p.channels);
  call.scale_bias = floats("scaleBias", p.channels);
  call.variance = floats("variance", p.channels);
  call.state = floats("state", rbn_state_floats(&p));
  call.gamma = optional_floats("gamma", p.channels, kGamma);
  call.beta = optional_floats("beta", p.channels, kBeta);
  if (!p.training) call.mean = floats("mean", p.channels);
  // int32 are as long as floats, and counted alike.
  call.mask = reinterpret_cast<const uint8_t*>(optional_floats("mask", (rbn_mask_bytes(&p) + 3) / 4, kMask));

  const Shape channels = {1, {p.channels}};
  call.dx = output_floats(x_shape_);
  call.dgamma = output_floats(channels);
  call.dbeta = output_floats(channels);
  call.dcenter_weight = output_floats(channels);
  call.dscale_weight = output_floats(channels);
  call.dscale_bias = output_floats(channels);
  if (has(kMask)) call.dresidual = output_floats(x_shape_);
  return call;
}

TF_Tensor* Call::next_input() {
  Status status(tensorflow_api());
  TF_Tensor* tensor = nullptr;
  tensorflow_api().TF_GetInput(context_, inputs_++, &tensor, status);
  check(status);
  return tensors_[tensor_count_++] = tensor;
}

const float* Call::floats(const char* name, int64_t count) {
  TF_Tensor* const tensor = next_input();
  const size_t bytes = tensorflow_api().TF_TensorByteSize(tensor);
  if (bytes != sizeof(float) * static_cast<size_t>(count)) {
    invalid(std::string(name) + ": expected " + std::to_string(count) + " elements, received " +
            std::to_string(bytes / sizeof(float)));
  }
  return static_cast<const float*>(tensorflow_api().TF_TensorData(tensor));
}

const float* Call::optional_floats(const char* name, int64_t count, int flag) {
  return has(flag) ? floats(name, count) : nullptr;
}

float* Call::output_floats(const Shape& shape) { return static_cast<float*>(output(kFloat, shape)); }

void* Call::output(int type, const Shape& shape) {
  size_t bytes = sizeof(float);  // int32 too
  for (int i = 0; i < shape.rank; ++i) bytes *= static_cast<size_t>(shape.sizes[i]);
  // TensorFlow would take an output of another type than the op says.
  if (tensorflow_api().TF_ExpectedOutputDataType(context_, outputs_) != type) {
    invalid("outputs: expected the mask, and nothing else, to be int32");
  }
  Status status(tensorflow_api());
  TF_Tensor* const tensor = tensorflow_api().TF_AllocateOutput(context_, outputs_++, type, shape.sizes,
                                                               shape.rank, bytes, status);
  if (tensor) tensors_[tensor_count_++] = tensor;
  check(status);
  return tensorflow_api().TF_TensorData(tensor);
}

void Call::read_options(RbnProblem* problem, int allowed_flags) {
  TF_Tensor* const tensor = next_input();
  if (tensorflow_api().TF_TensorByteSize(tensor) != sizeof(int32_t) * kOptionsCount) {
    invalid("options: expected " + std::to_string(kOptionsCount) + " int32, received " +
            std::to_string(tensorflow_api().TF_TensorByteSize(tensor) / sizeof(int32_t)));
  }
  const int32_t* const values = static_cast<const int32_t*>(tensorflow_api().TF_TensorData(tensor));
  const uint64_t bits = static_cast<uint64_t>(static_cast<uint32_t>(values[kEpsilonHigh])) << 32 |
                        static_cast<uint32_t>(values[kEpsilonLow]);
  memcpy(&problem->epsilon, &bits, sizeof bits);
  if (!(problem->epsilon > 0) || !std::isfinite(problem->epsilon)) {
    invalid("epsilon: expected a finite number above 0, received " + std::to_string(problem->epsilon));
  }
  threads_ = values[kThreads];
  if (threads_ < 0 || threads_ > kMaxThreads) {
    invalid("threads: expected a whole number from 0 to " + std::to_string(kMaxThreads) + ", received " +
            std::to_string(threads_));
  }
  flags_ = values[kFlags];
  if ((flags_ & ~allowed_flags) != 0) {
    invalid("flags: expected a sum of those of " + std::to_string(allowed_flags) + ", received " +
            std::to_string(flags_));
  }
  problem->training = has(kTraining);
  problem->activation = has(kRelu) ? RBN_RELU : RBN_LINEAR;
}

void Call::check_counts(int inputs, int outputs) const {
  const int received_inputs = tensorflow_api().TF_NumInputs(context_);
  const int received_outputs = tensorflow_api().TF_NumOutputs(context_);
  if (received_inputs == inputs && received_outputs == outputs) return;
  invalid("flags: expected " + std::to_string(inputs) + " inputs and " + std::to_string(outputs) +
          " outputs for flags " + std::to_string(flags_) + ", received " + std::to_string(received_inputs) +
          " and " + std::to_string(received_outputs));
}

void Call::read_x(RbnProblem* problem) {
  const bool channels_first = has(kChannelsFirst);
  TF_Tensor* const tensor = next_input();
  const int rank = tensorflow_api().TF_NumDims(tensor);
  if (rank < 2 || rank > 5) invalid("x: expected rank 2 to 5, received rank " + std::to_string(rank));
  x_shape_.rank = rank;
  for (int i = 0; i < rank; ++i) x_shape_.sizes[i] = tensorflow_api().TF_Dim(tensor, i);
  // Rank 2 is the same in both layouts, see native/rbn/problem.h.
  const int axis = channels_first ? 1 : rank - 1;
  problem->layout = channels_first && rank > 2 ? RBN_CHANNELS_FIRST : RBN_CHANNELS_LAST;
  problem->dtype = RBN_FLOAT32;
  problem->instances = x_shape_.sizes[0];
  problem->channels = x_shape_.sizes[axis];
  problem->positions = 1;
  for (int i = 1; i < rank; ++i) {
    if (i != axis) problem->positions = multiply(problem->positions, x_shape_.sizes[i]);
  }
  // Sizes that could overflow where another one is 0.
  const int64_t rows = multiply(problem->instances, problem->channels);
  multiply(problem->instances, problem->positions);
  multiply(4, rows);
  const int64_t count = multiply(rows, problem->positions);
  if (problem->training && (count == 0 || count == problem->channels)) {
    invalid("x: expected more than one value per channel in training, received " +
            std::to_string(problem->instances) + " instances of " + std::to_string(problem->positions) +
            " positions");
  }
  x_ = static_cast<const float*>(tensorflow_api().TF_TensorData(tensor));
}

}  // namespace rbn::tensorflow
