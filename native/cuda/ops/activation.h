// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Activation functions, for operations of their own and for those that end with one (ending.h).
// Included by .cu files only.
#ifndef RBN_CUDA_OPS_ACTIVATION_H_
#define RBN_CUDA_OPS_ACTIVATION_H_

#include <cuda_runtime.h>
#include <math.h>

namespace rbn {

// A comparison with NaN is false: NaN goes through all of them.

struct Relu {
  template <class T>
  __host__ __device__ T operator()(T x) const {
    return x <= 0 ? 0 : x;
  }
};

struct Relu6 {
  __host__ __device__ float operator()(float x) const { return x <= 0 ? 0.0f : x >= 6 ? 6.0f : x; }
};

struct Elu {
  __host__ __device__ float operator()(float x) const { return x >= 0 ? x : expm1f(x); }
};

struct Sigmoid {
  __host__ __device__ float operator()(float x) const {
    return (x >= 0 ? 1.0f : expf(x)) / (1.0f + expf(-fabsf(x)));
  }
};

struct LeakyRelu {
  float alpha;
  __host__ __device__ float operator()(float x) const { return x < 0 ? alpha * x : x; }
};

struct Prelu {
  __host__ __device__ float operator()(float x, float alpha) const { return x < 0 ? alpha * x : x; }
};

}  // namespace rbn

#endif  // RBN_CUDA_OPS_ACTIVATION_H_
