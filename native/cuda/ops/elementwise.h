// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One kernel for all operations that work element by element, with broadcasting. An operation is a function
// object, `Out operator()(In...)`, for host and device: where all operands are on the host, so is the work.
//
// A thread makes four neighbouring elements with loads and stores of 16 bytes (4 for bool), where the
// innermost dimension allows; otherwise one. Offsets are 32-bit: larger calls are cut into pieces.
#ifndef RBN_CUDA_OPS_ELEMENTWISE_H_
#define RBN_CUDA_OPS_ELEMENTWISE_H_

#include <math.h>

#include <type_traits>
#include <utility>

#include "../runtime/launch.h"
#include "broadcast.h"

namespace rbn {

// Elements a launch at most. In the simulator so few that tests go through the cutting.
#ifdef RBN_SIMULATOR
constexpr int64_t kPieceElements = 1 << 11;
#else
constexpr int64_t kPieceElements = 1 << 30;
#endif

// As JavaScript stores a number into an Int32Array: truncated, modulo 2^32, and 0 for NaN and infinity.
// 0 also from 2^63 on, where a float is a multiple of 2^32 anyway.
template <class T>
__host__ __device__ inline int32_t to_int32(T x) {
  constexpr T kLimit = static_cast<T>(9223372036854775808.0);
  return x > -kLimit && x < kLimit ? static_cast<int32_t>(static_cast<int64_t>(x)) : 0;
}

// What stands for a number in a tensor of T.
template <class T>
__host__ __device__ inline T element_of(double x) {
  if constexpr (std::is_same<T, int32_t>::value) {
    return to_int32(x);
  } else if constexpr (std::is_same<T, uint8_t>::value) {
    return x != 0;
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
constexpr int32_t type_of() {
  return std::is_same<T, float>::value     ? RBN_TENSOR_FLOAT32
         : std::is_same<T, int32_t>::value ? RBN_TENSOR_INT32
                                           : RBN_TENSOR_BOOL;
}

template <class T>
struct alignas(4 * sizeof(T)) Four {
  T at[4];
};

// One input of a launch.
template <class T>
struct Operand {
  const T* data;  // null: `value` is all its elements
  std::conditional_t<sizeof(T) == 4, T, int32_t> value;
  uint32_t inner;  // the innermost stride, 0 or 1; here, as a struct of arguments has no padding
};

// From an element of the output to the operands' offsets. All numbers are below 2^31.
template <int kOperands>
struct Walk {
  uint32_t outermost;  // its index
  struct {
    uint32_t size, multiplier, shift;
    uint32_t stride[kOperands];
  } dimensions[RBN_MAX_RANK];  // innermost first

  __device__ void locate(uint32_t i, uint32_t (&offset)[kOperands]) const {
    for (int k = 0; k < kOperands; ++k) offset[k] = 0;
    uint32_t rest = i;
#pragma unroll 1
    for (uint32_t d = 0; d < outermost; ++d) {
      const auto& dimension = dimensions[d];
      // rest / size by a multiplication: Granlund and Montgomery, PLDI 1994, figure 4.1.
      const uint64_t product = static_cast<uint64_t>(rest) * dimension.multiplier;
      const uint32_t quotient = (static_cast<uint32_t>(product >> 32) + rest) >> dimension.shift;
      const uint32_t index = rest - quotient * dimension.size;
      for (int k = 0; k < kOperands; ++k) offset[k] += index * dimension.stride[k];
      rest = quotient;
    }
    for (int k = 0; k < kOperands; ++k) offset[k] += rest * dimensions[outermost].stride[k];
  }
};

template <int kOperands>
Walk<kOperands> walk_of(const Broadcast& b) {
  Walk<kOperands> walk = {};
  walk.outermost = static_cast<uint32_t>(b.rank - 1);
  for (int32_t d = 0; d < b.rank; ++d) {
    auto& dimension = walk.dimensions[d];
    const uint64_t size = static_cast<uint64_t>(b.size[d]);
    while ((uint64_t{1} << dimension.shift) < size) ++dimension.shift;
    const uint64_t above = (uint64_t{1} << dimension.shift) - size;
    dimension.size = static_cast<uint32_t>(size);
    dimension.multiplier = static_cast<uint32_t>((above << 32) / size + 1);
    for (int k = 0; k < kOperands; ++k)
      dimension.stride[k] = static_cast<uint32_t>(b.stride[d][k]);
  }
  return walk;
}

// `available` of the operand's elements from `offset` on, at most kWidth.
template <int kWidth, class T>
__device__ __forceinline__ Four<T> load(const Operand<T>& operand, uint32_t offset, uint32_t available) {
  Four<T> x;
  if (kWidth == 4 && operand.data && operand.inner == 1 && available >= 4)
    return *reinterpret_cast<const Four<T>*>(operand.data + offset);
  // One element for all, or a rest.
  T value = static_cast<T>(operand.value);
  if (operand.data) value = operand.data[offset];
#pragma unroll
  for (uint32_t j = 0; j < 4; ++j) x.at[j] = value;
  if (kWidth == 4 && operand.data && operand.inner == 1) {
#pragma unroll
    for (uint32_t j = 1; j < 4; ++j) {
      if (j < available) x.at[j] = operand.data[offset + j];
    }
  }
  return x;
}

template <int kWidth, class F, class Out, class... In>
__device__ __forceinline__ void store_results(const F& f, Out* out, uint32_t available,
                                              const Four<In>&... x) {
  Four<Out> y;
#pragma unroll
  for (uint32_t j = 0; j < kWidth; ++j) y.at[j] = f(x.at[j]...);
  if (kWidth == 4 && available >= 4) {
    *reinterpret_cast<Four<Out>*>(out) = y;
    return;
  }
#pragma unroll
  for (uint32_t j = 0; j < kWidth; ++j) {
    if (j < available) out[j] = y.at[j];
  }
}

template <int kWidth, class F, class Out, class... In, size_t... I>
__device__ __forceinline__ void elements_at(const F& f, Out* out, uint32_t i, uint32_t available,
                                            const Walk<sizeof...(In)>& walk,
                                            std::index_sequence<I...>, const Operand<In>&... operands) {
  uint32_t offset[sizeof...(In)];
  walk.locate(i, offset);
  store_results<kWidth>(f, out + i, available, load<kWidth>(operands, offset[I], available)...);
}

// kWidth 4: innermost sizes are multiples of 4, or there is one dimension. An input may be `out` itself
// where it is not broadcast: a thread loads before it stores.
template <int kWidth, class F, class Out, class W, class... Operands>
__global__ void __launch_bounds__(kElementThreads)
    rbn_elementwise_kernel(F f, Out* out, uint32_t count, const __grid_constant__ W walk,
                           Operands... operands) {
  const uint32_t i = kWidth * (blockIdx.x * kElementThreads + threadIdx.x);
  if (i < count)
    elements_at<kWidth>(f, out, i, count - i, walk, std::index_sequence_for<Operands...>(),
                        operands...);
}

template <class T>
Operand<T> operand_of(const RbnTensor& t, int64_t offset, int64_t inner) {
  return {t.data ? static_cast<const T*>(t.data) + offset : nullptr, element_of<T>(t.value),
          static_cast<uint32_t>(inner)};
}

// `offset`: of each operand's first element. kWidth as for the kernel, of the whole call: a part may have an
// innermost size that is a multiple of 4 where the strides are none.
template <int kWidth, class Out, class... In, class F, size_t... I>
cudaError_t launch_elements(RbnContext* context, const F& f, const RbnTensor* inputs, Out* out,
                            const Broadcast& b, const int64_t* offset, std::index_sequence<I...> each) {
  const int64_t count = b.count();
  if (count > kPieceElements) {
    // The outermost dimension in two parts; the first a multiple of 4, for the alignment of the second.
    int32_t d = b.rank - 1;
    while (b.size[d] == 1) --d;
    Broadcast part = b;
    part.size[d] = b.size[d] >= 8 ? (b.size[d] / 2 + 3) / 4 * 4 : b.size[d] / 2;
    const int64_t taken = part.size[d], taken_out = part.count();
    const cudaError_t error =
        launch_elements<kWidth, Out, In...>(context, f, inputs, out, part, offset, each);
    if (error != cudaSuccess) return error;
    part.size[d] = b.size[d] - taken;
    const int64_t rest[] = {offset[I] + taken * b.stride[d][I]...};
    return launch_elements<kWidth, Out, In...>(context, f, inputs, out + taken_out, part, rest, each);
  }
  LaunchConfig config;
  config.grid = dim3(element_blocks((count + kWidth - 1) / kWidth));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  using W = Walk<sizeof...(In)>;
  void (*const kernel)(F, Out*, uint32_t, W, Operand<In>...) =
      rbn_elementwise_kernel<kWidth, F, Out, W, Operand<In>...>;
  return launch(config, kernel, f, out, static_cast<uint32_t>(count), walk_of<sizeof...(In)>(b),
                operand_of<In>(inputs[I], offset[I], b.stride[0][I])...);
}

inline int32_t wrong_type(const char* kind, int32_t index, const char* expected, int32_t received,
                          RbnError* error) {
  static const char* const kNames[] = {"float32", "int32", "bool"};
  return fail(error, RBN_INVALID_ARGUMENT, "%s %d: expected %s, received %s", kind, index, expected,
              kNames[received]);
}

// The type of a tensor, and that vectors can be read from its memory.
template <class T>
int32_t check_tensor(const char* kind, int32_t index, const RbnTensor& t, RbnError* error) {
  if (t.dtype != type_of<T>()) {
    constexpr const char* kExpected = type_of<T>() == RBN_TENSOR_FLOAT32 ? "float32"
                                      : type_of<T>() == RBN_TENSOR_INT32 ? "int32"
                                                                         : "bool";
    return wrong_type(kind, index, kExpected, t.dtype, error);
  }
  if (reinterpret_cast<uintptr_t>(t.data) % sizeof(Four<T>) != 0)
    return fail(error, RBN_INVALID_ARGUMENT, "%s %d: expected memory aligned to %d bytes", kind, index,
                static_cast<int>(sizeof(Four<T>)));
  return RBN_OK;
}

template <class Out, class... In, class F, size_t... I>
int32_t run_elementwise(RbnContext* context, const F& f, const RbnCall& call, RbnError* error,
                        std::index_sequence<I...> each) {
  RbnTensor& out = call.outputs[0];
  int32_t status = check_tensor<Out>("output", 0, out, error);
  (void)((status == RBN_OK &&
          (status = check_tensor<In>("input", I, call.inputs[I], error)) == RBN_OK) &&
         ...);
  Broadcast b;
  if (status == RBN_OK) status = broadcast(call.inputs, sizeof...(In), out, &b, error);
  if (status != RBN_OK) return status;
  if constexpr (sizeof...(In) == 1) {
    if (!same_shape(call.inputs[0], out))
      return fail(error, RBN_INVALID_ARGUMENT, "output: expected the shape of the input");
  }
  if (!out.data) {
    out.value = static_cast<double>(f(element_of<In>(call.inputs[I].value)...));
    return RBN_OK;
  }
  if (b.count() == 0) return RBN_OK;
  const int64_t offset[sizeof...(In)] = {};
  const auto launch_width = [&](auto width) {
    return check(error,
                 launch_elements<decltype(width)::value, Out, In...>(
                     context, f, call.inputs, static_cast<Out*>(out.data), b, offset, each),
                 "launch");
  };
  // One operand is never broadcast: it needs no second kernel.
  if constexpr (sizeof...(In) > 1) {
    if (b.rank > 1 && b.size[0] % 4 != 0) return launch_width(std::integral_constant<int, 1>());
  }
  return launch_width(std::integral_constant<int, 4>());
}

// `f` over the call's first inputs, one of each type In, into its output, of type Out. Shapes are broadcast.
template <class Out, class... In, class F>
int32_t elementwise(RbnContext* context, const F& f, const RbnCall& call, RbnError* error) {
  static_assert(sizeof...(In) <= kMaxOperands, "Broadcast has no room for more operands");
  return run_elementwise<Out, In...>(context, f, call, error, std::index_sequence_for<In...>());
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_ELEMENTWISE_H_
