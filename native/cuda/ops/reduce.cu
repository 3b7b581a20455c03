// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Sum, Mean, Prod, Max, Min, All, Any, ArgMax and ArgMin over any set of axes: one kernel for all of them,
// which reads the input once wherever the axes lie, and a second one that puts partial results together
// where few outputs are made of many elements.
#include <math.h>

#include <type_traits>

#include "../runtime/launch.h"
#include "operation.h"
#include "reduce_block.h"

namespace rbn {
namespace {

// What a reduction is: how an element becomes an accumulator, how two become one, what comes out.
// Floats are added and multiplied in double: memory is what the kernel waits for. Integers
// wrap at 32 bits, as tfjs's Int32Array does.

template <class T>
using Accumulator = std::conditional_t<std::is_same<T, float>::value, double, uint32_t>;

template <class T>
struct SumOf {
  using In = T;
  using Out = std::conditional_t<std::is_same<T, float>::value, float, int32_t>;
  using Acc = Accumulator<T>;
  static double empty() { return 0; }
  static __device__ Acc identity() { return 0; }
  static __device__ Acc load(T x, int64_t) { return static_cast<Acc>(x); }
  static __device__ Acc combine(Acc a, Acc b) { return a + b; }
  static __device__ Out result(Acc a, int64_t) { return static_cast<Out>(a); }
};

template <class T>
struct MeanOf {
  using In = T;
  using Out = float;
  using Acc = double;
  static double empty() { return 0; }  // a sum of nothing, as on tfjs's cpu backend
  static __device__ Acc identity() { return 0; }
  static __device__ Acc load(T x, int64_t) { return static_cast<Acc>(x); }
  static __device__ Acc combine(Acc a, Acc b) { return a + b; }
  static __device__ Out result(Acc a, int64_t length) {
    return static_cast<float>(a / static_cast<double>(length));
  }
};

template <class T>
struct ProdOf {
  using In = T;
  using Out = std::conditional_t<std::is_same<T, float>::value, float, int32_t>;
  using Acc = Accumulator<T>;
  static double empty() { return 1; }
  static __device__ Acc identity() { return 1; }
  static __device__ Acc load(T x, int64_t) { return static_cast<Acc>(x); }
  static __device__ Acc combine(Acc a, Acc b) { return a * b; }
  static __device__ Out result(Acc a, int64_t) { return static_cast<Out>(a); }
};

// The lowest and the highest value of a type.
template <class T>
__device__ __forceinline__ T extreme(bool highest) {
  if constexpr (std::is_same<T, float>::value) return highest ? INFINITY : -INFINITY;
  else if constexpr (std::is_same<T, int32_t>::value) return highest ? INT32_MAX : INT32_MIN;
  else return highest ? 1 : 0;
}

// NaN wins. Of nothing: NaN or 0, as on tfjs's cpu backend, which reads past its array there.
template <class T, bool kMax>
struct ExtremeOf {
  using In = T;
  using Out = T;
  using Acc = T;
  static double empty() { return std::is_same<T, float>::value ? NAN : 0; }
  static __device__ Acc identity() { return extreme<T>(!kMax); }
  static __device__ Acc load(T x, int64_t) { return x; }
  static __device__ Acc combine(Acc a, Acc b) {
    if (a != a) return a;
    return (kMax ? b > a : b < a) || b != b ? b : a;
  }
  static __device__ Out result(Acc a, int64_t) { return a; }
};
template <class T>
using MaxOf = ExtremeOf<T, true>;
template <class T>
using MinOf = ExtremeOf<T, false>;

template <class V>
struct Place {
  V value;
  int32_t index;
};

// The first of the greatest. A NaN is never greater than what came before it, so it is passed over
// unless it comes first, where nothing is greater than it: as on tfjs's cpu backend. The least
// is the greatest with the order turned round.
template <class T, bool kMax>
struct ArgOf {
  using In = T;
  using Out = int32_t;
  using Value = std::conditional_t<std::is_same<T, float>::value, float, int32_t>;
  using Acc = Place<Value>;
  static double empty() { return 0; }
  static __device__ Acc identity() { return {extreme<Value>(false), INT32_MAX}; }
  static __device__ Acc load(T x, int64_t index) {
    Value value = x;
    if constexpr (std::is_same<T, float>::value) {
      if (value != value) value = extreme<Value>(index == 0);
      else if (!kMax) value = -value;
    } else if (!kMax) {
      value = ~value;  // -value of INT32_MIN does not exist
    }
    return {value, static_cast<int32_t>(index)};
  }
  static __device__ Acc combine(Acc a, Acc b) {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
  }
  static __device__ Out result(Acc a, int64_t) { return a.index; }
};
template <class T>
using ArgMaxOf = ArgOf<T, true>;
template <class T>
using ArgMinOf = ArgOf<T, false>;

// The elements first, first + lanes, … before `end` of the output that begins at x.
template <class Op>
__device__ __forceinline__ typename Op::Acc combine_elements(const typename Op::In* __restrict__ x,
                                                             const ReduceGroups& reduced,
                                                             int64_t first, int64_t end, int lanes) {
  typename Op::Acc value = Op::identity();
  int64_t r = first;
  if (reduced.count > 1) {
    for (; r < end; r += lanes)
      value = Op::combine(value, Op::load(x[offset_of(reduced, r)], r));
    return value;
  }
  const int64_t step = lanes * reduced.stride[0];
  x += first * reduced.stride[0];
  // Four loads under way at a time; more of them would take registers of other threads.
#pragma unroll 1
  for (; r + 3 * lanes < end; r += 4 * lanes, x += 4 * step) {
    const auto a = Op::load(x[0], r);
    const auto b = Op::load(x[step], r + lanes);
    const auto c = Op::load(x[2 * step], r + 2 * lanes);
    const auto d = Op::load(x[3 * step], r + 3 * lanes);
    value = Op::combine(value, Op::combine(Op::combine(a, b), Op::combine(c, d)));
  }
  for (; r < end; r += lanes, x += step) value = Op::combine(value, Op::load(x[0], r));
  return value;
}

// blockIdx.y is the chunk. Writes `partial` [chunks, outputs] where it is not null, otherwise `out`.
template <class Op>
__global__ void __launch_bounds__(kReduceThreads, kResidentBlocks)
    rbn_reduce_kernel(const typename Op::In* __restrict__ x, typename Op::Out* __restrict__ out,
                      typename Op::Acc* __restrict__ partial, ReduceShape shape, int64_t tiles,
                      int64_t chunk, int columns, bool along) {
  RBN_SHARED(typename Op::Acc, scratch, kReduceThreads);
  const int lanes = kReduceThreads / columns;
  const Position at = position(columns, lanes, along);
  const int64_t begin = blockIdx.y * chunk;
  const int64_t end = begin + chunk < shape.length ? begin + chunk : shape.length;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t output = tile * columns + at.column;
    const bool inside = output < shape.outputs;
    typename Op::Acc value = Op::identity();
    if (inside)
      value = combine_elements<Op>(x + offset_of(shape.kept, output), shape.reduced, begin + at.lane,
                                   end, lanes);
    value = combine_lanes<Op>(value, at, lanes, scratch);
    if (!inside || at.lane > 0) continue;
    if (partial) partial[blockIdx.y * shape.outputs + output] = value;
    else out[output] = Op::result(value, shape.length);
  }
}

// `columns` outputs a block; partial: [chunks, outputs].
template <class Op>
__global__ void __launch_bounds__(kReduceThreads)
    rbn_reduce_partial_kernel(const typename Op::Acc* __restrict__ partial,
                              typename Op::Out* __restrict__ out, int64_t outputs, int64_t length,
                              int64_t chunks, int columns) {
  RBN_SHARED(typename Op::Acc, scratch, kReduceThreads);
  const int lanes = kReduceThreads / columns;
  const Position at = position(columns, lanes, false);
  const int64_t output = static_cast<int64_t>(blockIdx.x) * columns + at.column;
  typename Op::Acc value = Op::identity();
  if (output < outputs) {
    for (int64_t i = at.lane; i < chunks; i += lanes)
      value = Op::combine(value, partial[i * outputs + output]);
  }
  value = combine_lanes<Op>(value, at, lanes, scratch);
  if (output < outputs && at.lane == 0) out[output] = Op::result(value, length);
}

template <class T>
constexpr int32_t kTypeOf = std::is_same<T, float>::value     ? RBN_TENSOR_FLOAT32
                            : std::is_same<T, int32_t>::value ? RBN_TENSOR_INT32
                                                              : RBN_TENSOR_BOOL;

template <class Op>
cudaError_t launch_reduction(RbnContext* context, const RbnTensor& x, const RbnTensor& out,
                             const ReduceShape& shape) {
  const ReducePlan plan = reduce_plan(shape);
  Workspace workspace(context);
  if (plan.chunks > 1) {
    const cudaError_t code =
        workspace.allocate(plan.chunks * shape.outputs * sizeof(typename Op::Acc));
    if (code != cudaSuccess) return code;
  }
  auto* partial = static_cast<typename Op::Acc*>(workspace.memory());
  auto* result = static_cast<typename Op::Out*>(out.data);
  LaunchConfig config;
  config.block = dim3(kReduceThreads);
  config.grid = dim3(static_cast<unsigned>(plan.tiles < (1 << 30) ? plan.tiles : (1 << 30)),
                     static_cast<unsigned>(plan.chunks));
  config.stream = context->stream;
  cudaError_t code = launch(config, rbn_reduce_kernel<Op>,
                            static_cast<const typename Op::In*>(x.data), result, partial, shape,
                            plan.tiles, plan.chunk, plan.columns, plan.along);
  if (code != cudaSuccess || plan.chunks == 1) return code;
  const int columns = shape.outputs < 32 ? 1 : 32;
  config.grid = dim3(static_cast<unsigned>((shape.outputs + columns - 1) / columns));
  return launch(config, rbn_reduce_partial_kernel<Op>, static_cast<const typename Op::Acc*>(partial),
                result, shape.outputs, shape.length, plan.chunks, columns);
}

// attributes: the axes, none negative. The output has the kept dimensions, with or without ones in
// between.
template <class Op>
int32_t reduce(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  if (x.dtype != kTypeOf<typename Op::In>)
    return fail(error, RBN_INVALID_ARGUMENT, "input: expected dtype %d, received %d",
                kTypeOf<typename Op::In>, x.dtype);
  if (out.dtype != kTypeOf<typename Op::Out>)
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected dtype %d, received %d",
                kTypeOf<typename Op::Out>, out.dtype);
  bool is_reduced[RBN_MAX_RANK];
  const int32_t status = reduced_axes(call, x, &is_reduced, error);
  if (status != RBN_OK) return status;
  const ReduceShape shape = reduce_shape(x, is_reduced);
  if (element_count(out) != shape.outputs)
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld elements, received %lld",
                static_cast<long long>(shape.outputs), static_cast<long long>(element_count(out)));
  if (shape.outputs == 0) return RBN_OK;
  if (shape.length == 0)
    return check(error, fill(context, out.data, out.dtype, shape.outputs, Op::empty()), "launch");
  return check(error, launch_reduction<Op>(context, x, out, shape), "launch");
}

template <template <class> class Op>
int32_t reduce_any(RbnContext* context, const RbnCall& call, RbnError* error) {
  return dispatch_type(call.inputs[0].dtype, error, [&](auto* type) {
    return reduce<Op<std::remove_pointer_t<decltype(type)>>>(context, call, error);
  });
}

template <template <class> class Op>
int32_t reduce_index(RbnContext* context, const RbnCall& call, RbnError* error) {
  if (element_count(call.inputs[0]) > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT, "input: expected less than 2^31 elements");
  return reduce_any<Op>(context, call, error);
}

constexpr Operation kOperations[] = {
    {"Sum", 1, 1, kAny, false, reduce_any<SumOf>},
    {"Mean", 1, 1, kAny, false, reduce_any<MeanOf>},
    {"Prod", 1, 1, kAny, false, reduce_any<ProdOf>},
    {"Max", 1, 1, kAny, false, reduce_any<MaxOf>},
    {"Min", 1, 1, kAny, false, reduce_any<MinOf>},
    {"All", 1, 1, kAny, false, reduce<MinOf<uint8_t>>},
    {"Any", 1, 1, kAny, false, reduce<MaxOf<uint8_t>>},
    {"ArgMax", 1, 1, kAny, false, reduce_index<ArgMaxOf>},
    {"ArgMin", 1, 1, kAny, false, reduce_index<ArgMinOf>},
};

}  // namespace

OperationTable reduce_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
