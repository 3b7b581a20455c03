// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Mean and variance over any set of axes, in one pass over x: sums of x − pivot and of its square, in double, with the
// first element of each output as its pivot. Laid out as other reductions are, with partial results where few
// outputs are made of many elements.
#include "elementwise.h"
#include "reduce_block.h"

#include "../../rbn/algebra.h"  // behind the qualifiers that it uses

namespace rbn {
namespace {

// Σ(x − pivot) and Σ(x − pivot)².
struct Sums {
  double first, second;
};

struct Moments {
  using Acc = Sums;
  static __device__ Sums combine(const Sums& a, const Sums& b) {
    return {a.first + b.first, a.second + b.second};
  }
};

// A pivot of Infinity would make the mean NaN.
__device__ __forceinline__ float pivot_of(float x) { return x - x == 0 ? x : 0; }

struct Output {
  float *mean, *variance;

  __device__ __forceinline__ void store(int64_t i, float first_element, const Sums& sums, int64_t length) const {
    const InstanceMoments m =
        instance_moments(pivot_of(first_element), sums.first, sums.second, static_cast<double>(length));
    mean[i] = static_cast<float>(m.mean);
    variance[i] = static_cast<float>(m.variance);
  }
};

// blockIdx.y is the chunk. Writes `partial` [chunks, outputs] where it is not null, otherwise `out`.
__global__ void __launch_bounds__(kReduceThreads, kResidentBlocks)
    rbn_moments_kernel(const float* __restrict__ x, Output out, Sums* __restrict__ partial,
                       const __grid_constant__ ReduceShape shape, int64_t tiles, int64_t chunk, int columns,
                       bool along) {
  RBN_SHARED(Sums, scratch, kReduceThreads);
  const int lanes = kReduceThreads / columns;
  const Position at = position(columns, lanes, along);
  const int64_t begin = blockIdx.y * chunk;
  const int64_t end = begin + chunk < shape.length ? begin + chunk : shape.length;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t output = tile * columns + at.column;
    const bool inside = output < shape.outputs;
    const float* const from = x + (inside ? offset_of(shape.kept, output) : 0);
    Sums sums = {};
    if (inside) {
      const double pivot = pivot_of(from[0]);
#pragma unroll 4
      for (int64_t r = begin + at.lane; r < end; r += lanes) {
        const int64_t place = shape.reduced.count > 1 ? offset_of(shape.reduced, r) : r * shape.reduced.stride[0];
        const double d = from[place] - pivot;
        sums.first += d;
        sums.second += d * d;
      }
    }
    sums = combine_lanes<Moments>(sums, at, lanes, scratch);
    if (!inside || at.lane > 0) continue;
    if (partial) partial[blockIdx.y * shape.outputs + output] = sums;
    else out.store(output, from[0], sums, shape.length);
  }
}

// `columns` outputs a block; partial: [chunks, outputs].
__global__ void __launch_bounds__(kReduceThreads, kResidentBlocks)
    rbn_moments_partial_kernel(const float* __restrict__ x, const Sums* __restrict__ partial, Output out,
                               const __grid_constant__ ReduceShape shape, int64_t chunks, int columns) {
  RBN_SHARED(Sums, scratch, kReduceThreads);
  const int lanes = kReduceThreads / columns;
  const Position at = position(columns, lanes, false);
  const int64_t output = static_cast<int64_t>(blockIdx.x) * columns + at.column;
  Sums sums = {};
  if (output < shape.outputs) {
    for (int64_t i = at.lane; i < chunks; i += lanes)
      sums = Moments::combine(sums, partial[i * shape.outputs + output]);
  }
  sums = combine_lanes<Moments>(sums, at, lanes, scratch);
  if (output < shape.outputs && at.lane == 0)
    out.store(output, x[offset_of(shape.kept, output)], sums, shape.length);
}

cudaError_t launch_moments(RbnContext* context, const float* x, const Output& out, const ReduceShape& shape) {
  const ReducePlan plan = reduce_plan(shape);
  Workspace workspace(context);
  if (plan.chunks > 1) {
    const cudaError_t code = workspace.allocate(plan.chunks * shape.outputs * sizeof(Sums));
    if (code != cudaSuccess) return code;
  }
  auto* const partial = static_cast<Sums*>(workspace.memory());
  LaunchConfig config;
  config.block = dim3(kReduceThreads);
  config.grid =
      dim3(static_cast<unsigned>(plan.tiles < (1 << 30) ? plan.tiles : (1 << 30)), static_cast<unsigned>(plan.chunks));
  config.stream = context->stream;
  const cudaError_t code = launch(config, rbn_moments_kernel, x, out, partial, shape, plan.tiles, plan.chunk,
                                  plan.columns, plan.along);
  if (code != cudaSuccess || plan.chunks == 1) return code;
  const int columns = shape.outputs < 32 ? 1 : 32;
  config.grid = dim3(static_cast<unsigned>((shape.outputs + columns - 1) / columns));
  return launch(config, rbn_moments_partial_kernel, x, static_cast<const Sums*>(partial), out, shape, plan.chunks,
                columns);
}

// input: x, not empty. outputs: mean and variance, of the kept dimensions, with or without ones in between.
// attributes: the axes.
int32_t moments_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  if (x.dtype != RBN_TENSOR_FLOAT32) return wrong_type("input", 0, "float32", x.dtype, error);
  bool is_reduced[RBN_MAX_RANK];
  const int32_t status = reduced_axes(call, x, &is_reduced, error);
  if (status != RBN_OK) return status;
  const ReduceShape shape = reduce_shape(x, is_reduced);
  if (shape.outputs == 0 || shape.length == 0)
    return fail(error, RBN_INVALID_ARGUMENT, "input: expected elements, received none");
  for (int32_t i = 0; i < 2; ++i) {
    const RbnTensor& out = call.outputs[i];
    if (out.dtype != RBN_TENSOR_FLOAT32) return wrong_type("output", i, "float32", out.dtype, error);
    if (element_count(out) != shape.outputs)
      return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld elements, received %lld",
                  static_cast<long long>(shape.outputs), static_cast<long long>(element_count(out)));
  }
  const Output out = {static_cast<float*>(call.outputs[0].data), static_cast<float*>(call.outputs[1].data)};
  return check(error, launch_moments(context, static_cast<const float*>(x.data), out, shape), "launch");
}

constexpr Operation kOperations[] = {
    {"Moments", 1, 2, kAny, false, moments_operation},
};

}  // namespace

OperationTable moments_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
