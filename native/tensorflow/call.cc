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

bool read_bool(TF_OpKernelConstruction* construction, const char* name) {
  Status status(tensorflow_api());
  unsigned char value = 0;
  tensorflow_api().TF_OpKernelConstruction_GetAttrBool(construction, name, &value, status);
  check(status);
  return value != 0;
}

int32_t read_count(TF_OpKernelConstruction* construction, const char* name, int32_t most) {
  Status status(tensorflow_api());
  int32_t value = 0;
  tensorflow_api().TF_OpKernelConstruction_GetAttrInt32(construction, name, &value, status);
  check(status);
  if (value != 0 && value != most) {
    invalid(std::string(name) + ": expected 0 or " + std::to_string(most) + ", received " +
            std::to_string(value));
  }
  return value;
}

}  // namespace

ForwardAttributes read_forward_attributes(TF_OpKernelConstruction* construction) {
  ForwardAttributes a = {};
  a.relu = read_bool(construction, "relu");
  a.channels_first = read_bool(construction, "channels_first");
  a.gamma = read_count(construction, "num_gamma", 1);
  a.beta = read_count(construction, "num_beta", 1);
  a.residual = read_count(construction, "num_residual", 1);
  a.given = read_count(construction, "num_given", 2);
  a.statistics = read_count(construction, "num_statistics", 2);
  a.state = read_count(construction, "num_state", 1);
  a.mask = read_count(construction, "num_mask", 1);
  if (a.given + a.statistics != 2) {
    invalid("num_statistics: expected 2 in training and 0 with given statistics, received " +
            std::to_string(a.statistics));
  }
  if (a.mask != (a.state == 1 && a.relu && a.residual == 1 ? 1 : 0)) {
    invalid("num_mask: expected 1 where state is kept and a ReLU follows a residual, else 0, received " +
            std::to_string(a.mask));
  }
  return a;
}

BackwardAttributes read_backward_attributes(TF_OpKernelConstruction* construction) {
  BackwardAttributes a = {};
  a.relu = read_bool(construction, "relu");
  a.channels_first = read_bool(construction, "channels_first");
  a.gamma = read_count(construction, "num_gamma", 1);
  a.beta = read_count(construction, "num_beta", 1);
  a.mean = read_count(construction, "num_mean", 1);
  a.mask = read_count(construction, "num_mask", 1);
  if (a.mask == 1 && !a.relu) invalid("num_mask: expected 0 without a ReLU, received 1");
  return a;
}

Call::~Call() {
  for (int i = 0; i < tensor_count_; ++i) tensorflow_api().TF_DeleteTensor(tensors_[i]);
}

RbnForward Call::forward(const ForwardAttributes& a) {
  RbnForward call = {};
  RbnProblem& p = call.problem;
  p.training = a.given == 0;
  p.activation = a.relu ? RBN_RELU : RBN_LINEAR;
  read_options(&p);
  read_x(&p, a.channels_first);
  call.x = x_;
  call.center_weight = floats("centerWeight", p.channels);
  call.scale_weight = floats("scaleWeight", p.channels);
  call.scale_bias = floats("scaleBias", p.channels);
  call.gamma = optional_floats("gamma", p.channels, a.gamma != 0);
  call.beta = optional_floats("beta", p.channels, a.beta != 0);
  call.residual = optional_floats("residual", elements(p), a.residual != 0);
  call.given_mean = optional_floats("mean", p.channels, a.given != 0);
  call.given_variance = optional_floats("variance", p.channels, a.given != 0);

  const Shape channels = {1, {p.channels}};
  call.y = output_floats(x_shape_);
  if (p.training) {
    call.mean = output_floats(channels);
    call.variance = output_floats(channels);
  }
  if (a.state) call.state = output_floats({1, {rbn_state_floats(&p)}});
  if (a.mask) {
    mask_ints_ = (rbn_mask_bytes(&p) + 3) / 4;
    call.mask = static_cast<uint8_t*>(output(kInt32, {1, {mask_ints_}}));
  }
  return call;
}

RbnBackward Call::backward(const BackwardAttributes& a) {
  RbnBackward call = {};
  RbnProblem& p = call.problem;
  p.training = a.mean == 0;
  p.activation = a.relu ? RBN_RELU : RBN_LINEAR;
  read_options(&p);
  TF_Tensor* const dy = next_input();
  read_x(&p, a.channels_first);
  const size_t bytes = sizeof(float) * elements(p);
  if (tensorflow_api().TF_TensorByteSize(dy) != bytes) {
    invalid("dy: expected as many elements as x, " + std::to_string(elements(p)) + ", received " +
            std::to_string(tensorflow_api().TF_TensorByteSize(dy) / sizeof(float)));
  }
  call.dy = tensorflow_api().TF_TensorData(dy);
  call.x = x_;
  call.center_weight = floats("centerWeight", p.channels);
  call.scale_weight = floats("scaleWeight", p.channels);
  call.scale_bias = floats("scaleBias", p.channels);
  call.variance = floats("variance", p.channels);
  call.state = floats("state", rbn_state_floats(&p));
  call.gamma = optional_floats("gamma", p.channels, a.gamma != 0);
  call.beta = optional_floats("beta", p.channels, a.beta != 0);
  call.mean = optional_floats("mean", p.channels, a.mean != 0);
  // Of one size with floats, so that they are counted alike.
  call.mask = reinterpret_cast<const uint8_t*>(
      optional_floats("mask", (rbn_mask_bytes(&p) + 3) / 4, a.mask != 0));

  const Shape channels = {1, {p.channels}};
  call.dx = output_floats(x_shape_);
  call.dgamma = output_floats(channels);
  call.dbeta = output_floats(channels);
  call.dcenter_weight = output_floats(channels);
  call.dscale_weight = output_floats(channels);
  call.dscale_bias = output_floats(channels);
  if (a.mask) call.dresidual = output_floats(x_shape_);
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

const float* Call::optional_floats(const char* name, int64_t count, bool there) {
  return there ? floats(name, count) : nullptr;
}

float* Call::output_floats(const Shape& shape) { return static_cast<float*>(output(kFloat, shape)); }

void* Call::output(int type, const Shape& shape) {
  size_t bytes = sizeof(float);  // int32 too
  for (int i = 0; i < shape.rank; ++i) bytes *= static_cast<size_t>(shape.sizes[i]);
  Status status(tensorflow_api());
  TF_Tensor* const tensor = tensorflow_api().TF_AllocateOutput(context_, outputs_++, type, shape.sizes,
                                                               shape.rank, bytes, status);
  if (tensor) tensors_[tensor_count_++] = tensor;
  check(status);
  return tensorflow_api().TF_TensorData(tensor);
}

void Call::read_options(RbnProblem* problem) {
  TF_Tensor* const tensor = next_input();
  if (tensorflow_api().TF_TensorByteSize(tensor) != sizeof(int32_t) * kOptionsCount) {
    invalid("options: expected 3 int32, received " +
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
}

void Call::read_x(RbnProblem* problem, bool channels_first) {
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
