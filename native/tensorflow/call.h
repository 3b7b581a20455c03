// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One call of a kernel: TensorFlow's inputs and outputs as the structs of native/rbn/problem.h, with every size
// checked before a pointer is used. A failed check throws Failure, which kernels.cc hands to TensorFlow; tfjs-node
// makes an exception of it.
#ifndef RBN_TENSORFLOW_CALL_H_
#define RBN_TENSORFLOW_CALL_H_

#include <string>

#include "../rbn/problem.h"
#include "c_api.h"

namespace rbn::tensorflow {

struct Failure {
  int code;  // Code
  std::string message;
};

// Tensors live until the call is destroyed.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // One of the two, once. All outputs are allocated, and unwritten.
  RbnForward forward();
  RbnBackward backward();

  int threads() const { return threads_; }
  int64_t mask_ints() const { return mask_ints_; }  // of an output mask

 private:
  struct Shape {
    int rank;
    int64_t sizes[5];
  };

  TF_Tensor* next_input();
  const float* floats(const char* name, int64_t count);
  const float* optional_floats(const char* name, int64_t count, int flag);
  float* output_floats(const Shape& shape);
  void* output(int type, const Shape& shape);
  bool has(int flags) const { return (flags_ & flags) == flags; }
  // They fill the problem, and check what it is checked by.
  void read_options(RbnProblem* problem, int allowed_flags);
  void check_counts(int inputs, int outputs) const;
  void read_x(RbnProblem* problem);
  int64_t elements(const RbnProblem& problem) const {
    return problem.instances * problem.positions * problem.channels;
  }

  static constexpr int kMostTensors = 24;  // backward has 12 inputs and 7 outputs
  TF_OpKernelContext* const context_;
  TF_Tensor* tensors_[kMostTensors];
  int tensor_count_ = 0, inputs_ = 0, outputs_ = 0;
  Shape x_shape_ = {};
  const float* x_ = nullptr;
  int threads_ = 0, flags_ = 0;
  int64_t mask_ints_ = 0;
};

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_CALL_H_
