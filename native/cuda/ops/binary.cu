// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Element by element, of two inputs with broadcasting, by the rules of TensorFlow.js's `cpu` backend. int32 is
// exact, modulo 2^32; a division by zero, which no int32 can hold, gives 0.
#include "activation.h"
#include "elementwise.h"

namespace rbn {
namespace {

// Name and f(a, b), float32 to float32. A comparison with NaN is false.
#define RBN_FLOAT_FUNCTIONS(ROW)                         \
  ROW(Add, a + b)                                        \
  ROW(Sub, a - b)                                        \
  ROW(Multiply, a * b)                                   \
  ROW(RealDiv, a / b)                                    \
  ROW(SquaredDifference, (a - b) * (a - b))              \
  ROW(Maximum, a > b || a != a ? a : b)                  \
  ROW(Minimum, a < b || a != a ? a : b)                  \
  ROW(Mod, modulo(a, b))                                 \
  ROW(Pow, power(a, b))                                  \
  ROW(Atan2, atan2f(a, b))                               \
  /* dy and y, elu's output */                           \
  ROW(EluGrad, b >= 0 ? a : a * (b + 1))                 \
  /* dy and x: times 1, 0, or NaN where x is NaN */      \
  ROW(ReluGrad, a * (b > 0 ? 1.f : b != b ? b : 0.f))    \
  ROW(Relu6Grad, a * (b > 0 && b <= 6 ? 1.f : b != b ? b : 0.f))

// The same for int32.
#define RBN_INT_FUNCTIONS(ROW)                           \
  ROW(Add, wrapped(bits(a) + bits(b)))                   \
  ROW(Sub, wrapped(bits(a) - bits(b)))                   \
  ROW(Multiply, wrapped(bits(a) * bits(b)))              \
  ROW(SquaredDifference, wrapped((bits(a) - bits(b)) * (bits(a) - bits(b)))) \
  ROW(Maximum, a > b ? a : b)                            \
  ROW(Minimum, a < b ? a : b)                            \
  ROW(Mod, modulo(a, b))                                 \
  ROW(Pow, power(a, b))                                  \
  ROW(FloorDiv, floor_divide(a, b))                      \
  ROW(BitwiseAnd, a & b)

// Name and a comparison, of float32 and int32 to bool.
#define RBN_COMPARISONS(ROW) \
  ROW(Equal, a == b)         \
  ROW(NotEqual, a != b)      \
  ROW(Greater, a > b)        \
  ROW(GreaterEqual, a >= b)  \
  ROW(Less, a < b)           \
  ROW(LessEqual, a <= b)

__host__ __device__ inline uint32_t bits(int32_t x) { return static_cast<uint32_t>(x); }
__host__ __device__ inline int32_t wrapped(uint32_t x) { return static_cast<int32_t>(x); }

__host__ __device__ inline int32_t floor_divide(int32_t a, int32_t b) {
  if (b == 0) return 0;
  if (b == -1) return wrapped(0u - bits(a));  // the least int32 has no opposite
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

// Between 0 and the divisor. Both signs as of JavaScript's %, corrected where they differ.
__host__ __device__ inline int32_t modulo(int32_t a, int32_t b) {
  if (b == 0 || b == -1) return 0;
  const int32_t rest = a % b;
  return rest != 0 && (a < 0) != (b < 0) ? rest + b : rest;
}

__host__ __device__ inline float modulo(float a, float b) {
  const float rest = fmodf(a, b);
  if ((a < 0 && b < 0) || (a >= 0 && b >= 0)) return rest;
  // (rest + b) % b of JavaScript: in double, and |rest| < |b|, so the sum is b itself (and then 0, or NaN
  // where b is infinite), or less.
  const double sum = static_cast<double>(rest) + b;
  return static_cast<float>(sum == b ? sum - b : sum);
}

__host__ __device__ inline int32_t power(int32_t base, int32_t exponent) {
  // Of 2^-1 nothing is left in an int32, and 0^-1 is infinite.
  if (exponent < 0) return base == 1 ? 1 : base != -1 ? 0 : exponent % 2 == 0 ? 1 : -1;
  uint32_t result = 1;
  for (uint32_t square = bits(base), rest = bits(exponent); rest != 0; rest >>= 1) {
    if (rest & 1u) result *= square;
    square *= square;
  }
  return wrapped(result);
}

// C says that 1 to the power of anything is 1, and so is -1 to an infinite power; JavaScript: NaN.
__host__ __device__ inline float power(float base, float exponent) {
  if (exponent != exponent || (fabsf(base) == 1.0f && fabsf(exponent) == INFINITY))
    return exponent - exponent;
  return powf(base, exponent);
}

namespace of_floats {
#define RBN_DEFINE_FLOAT_FUNCTION(name, result)                                     \
  struct name {                                                                     \
    __host__ __device__ float operator()(float a, float b) const { return result; } \
  };
RBN_FLOAT_FUNCTIONS(RBN_DEFINE_FLOAT_FUNCTION)

// In double, as the quotient of float32 may round up to an integer that it does not reach.
struct FloorDiv {
  __host__ __device__ int32_t operator()(float a, float b) const {
    return to_int32(floor(static_cast<double>(a) / static_cast<double>(b)));
  }
};
}  // namespace of_floats

namespace of_ints {
#define RBN_DEFINE_INT_FUNCTION(name, result)                                             \
  struct name {                                                                           \
    __host__ __device__ int32_t operator()(int32_t a, int32_t b) const { return result; } \
  };
RBN_INT_FUNCTIONS(RBN_DEFINE_INT_FUNCTION)
}  // namespace of_ints

#define RBN_DEFINE_COMPARISON(name, result)                                 \
  struct name {                                                             \
    template <class T>                                                      \
    __host__ __device__ uint8_t operator()(T a, T b) const { return result; } \
  };
RBN_COMPARISONS(RBN_DEFINE_COMPARISON)

struct LogicalAnd {
  __host__ __device__ uint8_t operator()(uint8_t a, uint8_t b) const { return a && b; }
};

struct LogicalOr {
  __host__ __device__ uint8_t operator()(uint8_t a, uint8_t b) const { return a || b; }
};

template <class F>
int32_t float_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<float, float, float>(context, F(), call, error);
}

template <class F>
int32_t int_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<int32_t, int32_t, int32_t>(context, F(), call, error);
}

template <class F>
int32_t bool_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<uint8_t, uint8_t, uint8_t>(context, F(), call, error);
}

int32_t floor_division_of_floats(RbnContext* context, const RbnCall& call, RbnError* error) {
  return elementwise<int32_t, float, float>(context, of_floats::FloorDiv(), call, error);
}

using Run = decltype(Operation::run);

// By the first input's type.
template <Run kOfFloats, Run kOfInts>
int32_t number_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  switch (call.inputs[0].dtype) {
    case RBN_TENSOR_FLOAT32: return kOfFloats(context, call, error);
    case RBN_TENSOR_INT32: return kOfInts(context, call, error);
    default: return wrong_type("input", 0, "float32 or int32", call.inputs[0].dtype, error);
  }
}

template <class F>
int32_t comparison(RbnContext* context, const RbnCall& call, RbnError* error) {
  switch (call.inputs[0].dtype) {
    case RBN_TENSOR_FLOAT32: return elementwise<uint8_t, float, float>(context, F(), call, error);
    case RBN_TENSOR_INT32: return elementwise<uint8_t, int32_t, int32_t>(context, F(), call, error);
    default: return wrong_type("input", 0, "float32 or int32", call.inputs[0].dtype, error);
  }
}

#define RBN_NUMBERS(name) \
  number_operation<float_operation<of_floats::name>, int_operation<of_ints::name>>
#define RBN_COMPARISON_ROW(name, result) {#name, 2, 1, 0, true, comparison<name>},

constexpr Operation kOperations[] = {
    {"Add", 2, 1, 0, true, RBN_NUMBERS(Add)},
    {"Sub", 2, 1, 0, true, RBN_NUMBERS(Sub)},
    {"Multiply", 2, 1, 0, true, RBN_NUMBERS(Multiply)},
    {"SquaredDifference", 2, 1, 0, true, RBN_NUMBERS(SquaredDifference)},
    {"Maximum", 2, 1, 0, true, RBN_NUMBERS(Maximum)},
    {"Minimum", 2, 1, 0, true, RBN_NUMBERS(Minimum)},
    {"Mod", 2, 1, 0, true, RBN_NUMBERS(Mod)},
    {"Pow", 2, 1, 0, true, RBN_NUMBERS(Pow)},
    {"FloorDiv", 2, 1, 0, true,
     number_operation<floor_division_of_floats, int_operation<of_ints::FloorDiv>>},
    {"RealDiv", 2, 1, 0, true, float_operation<of_floats::RealDiv>},
    {"Atan2", 2, 1, 0, true, float_operation<of_floats::Atan2>},
    {"Prelu", 2, 1, 0, true, float_operation<Prelu>},
    {"EluGrad", 2, 1, 0, true, float_operation<of_floats::EluGrad>},
    {"ReluGrad", 2, 1, 0, true, float_operation<of_floats::ReluGrad>},
    {"Relu6Grad", 2, 1, 0, true, float_operation<of_floats::Relu6Grad>},
    {"BitwiseAnd", 2, 1, 0, true, int_operation<of_ints::BitwiseAnd>},
    {"LogicalAnd", 2, 1, 0, true, bool_operation<LogicalAnd>},
    {"LogicalOr", 2, 1, 0, true, bool_operation<LogicalOr>},
    RBN_COMPARISONS(RBN_COMPARISON_ROW)
};

}  // namespace

OperationTable binary_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
