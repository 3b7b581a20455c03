// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Element by element, of one input. What TensorFlow.js's `cpu` backend works out in double is float32 here, by
// CUDA's own functions (a few units in the last place), in forms that lose nothing near zero or far out.
#include "activation.h"
#include "elementwise.h"

namespace rbn {
namespace {

// tfjs-core's SELU_SCALE, and SELU_SCALEALPHA times it.
constexpr float kSeluScale = 1.0507009873554804934193349852946f;
constexpr float kSeluScaleAlpha = 1.7580993408473768599402175208123f;

// Name and f(x), float32 to float32. A comparison with NaN is false: NaN goes through.
#define RBN_FLOAT_FUNCTIONS(ROW)                                          \
  ROW(Acos, acosf(x))                                                     \
  ROW(Acosh, acoshf(x))                                                   \
  ROW(Asin, asinf(x))                                                     \
  ROW(Asinh, asinhf(x))                                                   \
  ROW(Atan, atanf(x))                                                     \
  ROW(Atanh, atanhf(x))                                                   \
  ROW(Ceil, ceilf(x))                                                     \
  ROW(Cos, cosf(x))                                                       \
  ROW(Cosh, coshf(x))                                                     \
  ROW(Erf, erff(x))                                                       \
  ROW(Exp, expf(x))                                                       \
  ROW(Expm1, expm1f(x))                                                   \
  ROW(Floor, floorf(x))                                                   \
  ROW(Log, logf(x))                                                       \
  ROW(Log1p, log1pf(x))                                                   \
  ROW(Reciprocal, 1.0f / x)                                               \
  ROW(Round, rintf(x))                                                    \
  ROW(Rsqrt, 1.0f / sqrtf(x))                                             \
  ROW(Selu, x >= 0 ? kSeluScale * x : kSeluScaleAlpha * expm1f(x))        \
  ROW(Sign, x < 0 ? -1.0f : x > 0 ? 1.0f : 0.0f)                          \
  ROW(Sin, sinf(x))                                                       \
  ROW(Sinh, sinhf(x))                                                     \
  ROW(Softplus, (x > 0 ? x : 0.0f) + log1pf(expf(-fabsf(x))))             \
  ROW(Sqrt, sqrtf(x))                                                     \
  ROW(Tan, static_cast<float>(tan(static_cast<double>(x))))               \
  ROW(Tanh, tanhf(x))

// Tan goes through double: one ulp near a pole is more than what tfjs-core's own test allows.

// Name and whether f(x), float32 to bool.
#define RBN_FLOAT_TESTS(ROW)                  \
  ROW(IsFinite, fabsf(x) <= kLargestFloat)    \
  ROW(IsInf, fabsf(x) > kLargestFloat)        \
  ROW(IsNan, x != x)

constexpr float kLargestFloat = 3.402823466e38f;

#define RBN_DEFINE_FLOAT_FUNCTION(name, result)                              \
  struct name {                                                              \
    __host__ __device__ float operator()(float x) const { return result; }   \
  };
RBN_FLOAT_FUNCTIONS(RBN_DEFINE_FLOAT_FUNCTION)

#define RBN_DEFINE_FLOAT_TEST(name, result)                                  \
  struct name {                                                              \
    __host__ __device__ uint8_t operator()(float x) const { return result; } \
  };
RBN_FLOAT_TESTS(RBN_DEFINE_FLOAT_TEST)

// float32 and int32, the latter modulo 2^32.
struct Abs {
  __host__ __device__ float operator()(float x) const { return fabsf(x); }
  __host__ __device__ int32_t operator()(int32_t x) const {
    return x < 0 ? static_cast<int32_t>(0u - static_cast<uint32_t>(x)) : x;
  }
};

struct Neg {
  __host__ __device__ float operator()(float x) const { return -x; }
  __host__ __device__ int32_t operator()(int32_t x) const {
    return static_cast<int32_t>(0u - static_cast<uint32_t>(x));
  }
};

struct Square {
  __host__ __device__ float operator()(float x) const { return x * x; }
  __host__ __device__ int32_t operator()(int32_t x) const {
    return static_cast<int32_t>(static_cast<uint32_t>(x) * static_cast<uint32_t>(x));
  }
};

struct LogicalNot {
  __host__ __device__ uint8_t operator()(uint8_t x) const { return x == 0; }
};

struct Step {
  float alpha;
  __host__ __device__ float operator()(float x) const { return x > 0 ? 1 : x != x ? x : alpha; }
};

// The bounds as numbers: 2.5 bounds an int32 too, and is stored as 2.
template <class T, class Bound>
struct Clip {
  Bound low, high;
  __host__ __device__ T operator()(T x) const {
    return x > high ? element_of<T>(high) : x < low ? element_of<T>(low) : x;
  }
};

template <class To>
struct Cast {
  template <class From>
  __host__ __device__ To operator()(From x) const {
    if constexpr (std::is_same<To, uint8_t>::value) {
      return x != 0;
    } else if constexpr (std::is_same<From, float>::value) {
      return to_int32(x);
    } else {
      return static_cast<To>(x);
    }
  }
};

template <class F>
int32_t float_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<float, float>(context, F(), call, error);
}

template <class F>
int32_t test_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<uint8_t, float>(context, F(), call, error);
}

template <class F>
int32_t number_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  switch (call.inputs[0].dtype) {
    case RBN_TENSOR_FLOAT32: return elementwise<float, float>(context, F(), call, error);
    case RBN_TENSOR_INT32: return elementwise<int32_t, int32_t>(context, F(), call, error);
    default: return wrong_type("input", 0, "float32 or int32", call.inputs[0].dtype, error);
  }
}

int32_t not_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<uint8_t, uint8_t>(context, LogicalNot(), call, error);
}

// attributes: alpha.
template <class F>
int32_t alpha_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<float, float>(context, F{static_cast<float>(call.attributes[0])}, call, error);
}

// attributes: the least and the greatest value.
int32_t clip_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const double low = call.attributes[0], high = call.attributes[1];
  switch (call.inputs[0].dtype) {
    case RBN_TENSOR_FLOAT32: {
      const Clip<float, float> clip = {static_cast<float>(low), static_cast<float>(high)};
      return elementwise<float, float>(context, clip, call, error);
    }
    case RBN_TENSOR_INT32:
      return elementwise<int32_t, int32_t>(context, Clip<int32_t, double>{low, high}, call, error);
    default: return wrong_type("input", 0, "float32 or int32", call.inputs[0].dtype, error);
  }
}

// To the type of the output.
int32_t cast_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return dispatch_type(call.outputs[0].dtype, error, [&](auto* to_type) {
    using To = std::remove_pointer_t<decltype(to_type)>;
    return dispatch_type(call.inputs[0].dtype, error, [&](auto* from_type) {
      using From = std::remove_pointer_t<decltype(from_type)>;
      if constexpr (std::is_same<From, To>::value) {
        return fail(error, RBN_INVALID_ARGUMENT, "output: expected another type than the input's");
      } else {
        return elementwise<To, From>(context, Cast<To>(), call, error);
      }
    });
  });
}

#define RBN_FLOAT_FUNCTION_ROW(name, result) {#name, 1, 1, 0, true, float_operation<name>},
#define RBN_FLOAT_TEST_ROW(name, result) {#name, 1, 1, 0, true, test_operation<name>},

constexpr Operation kOperations[] = {
    RBN_FLOAT_FUNCTIONS(RBN_FLOAT_FUNCTION_ROW)
    RBN_FLOAT_TESTS(RBN_FLOAT_TEST_ROW)
    {"Elu", 1, 1, 0, true, float_operation<Elu>},
    {"Relu6", 1, 1, 0, true, float_operation<Relu6>},
    {"Sigmoid", 1, 1, 0, true, float_operation<Sigmoid>},
    {"Abs", 1, 1, 0, true, number_operation<Abs>},
    {"Neg", 1, 1, 0, true, number_operation<Neg>},
    {"Relu", 1, 1, 0, true, number_operation<Relu>},
    {"Square", 1, 1, 0, true, number_operation<Square>},
    {"LogicalNot", 1, 1, 0, true, not_operation},
    {"Step", 1, 1, 1, true, alpha_operation<Step>},
    {"LeakyRelu", 1, 1, 1, true, alpha_operation<LeakyRelu>},
    {"ClipByValue", 1, 1, 2, true, clip_operation},
    {"Cast", 1, 1, 0, true, cast_operation},
};

}  // namespace

OperationTable unary_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
