// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Elements found by indices that lie on the device. Where an index is out of range the result is 0.
#include "rows.h"

namespace rbn {
namespace {

// The product of a tensor's dimensions from `begin` to `end`, times `by`; false where it overflows.
bool multiply(const RbnTensor& t, int64_t begin, int64_t end, int64_t* by) {
  for (int64_t d = begin; d < end; ++d)
    if (__builtin_mul_overflow(*by, t.shape[d], by)) return false;
  return true;
}

// x is [batch, outer, dim, slice], indices [batch, count], out [batch, outer, count, slice].
template <class T>
__global__ void rbn_gather_kernel(const T* __restrict__ x, const int32_t* __restrict__ indices,
                                  T* __restrict__ out, const __grid_constant__ Box<4> box,
                                  uint32_t units, int64_t outer, int64_t dim, int64_t count,
                                  int64_t slice) {
  T value[kUnroll];
  int64_t to[kUnroll];
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    value[k] = T{};
    if (unit_index(k) >= units) continue;
    int64_t at[4];
    box.locate(unit_index(k), at);
    const int64_t row = at[0] * outer + at[1];
    const int64_t index = indices[at[0] * count + at[2]];
    to[k] = (row * count + at[2]) * slice + at[3];
    if (index >= 0 && index < dim) value[k] = x[(row * dim + index) * slice + at[3]];
  }
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) < units) out[to[k]] = value[k];
  }
}

// inputs: x, indices. attributes: axis, batch dimensions.
int32_t gather_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& indices = call.inputs[1];
  const RbnTensor& out = call.outputs[0];
  int32_t status = check_indices(indices, error);
  if (status == RBN_OK) status = check_same_type(x, out, error);
  if (status != RBN_OK) return status;
  int64_t axis, batch_dims;
  if (!whole(call.attributes[0], 0, x.rank - 1, &axis) ||
      !whole(call.attributes[1], 0, std::min<int64_t>(axis, indices.rank), &batch_dims))
    return fail(error, RBN_INVALID_ARGUMENT,
                "axis, batchDims: expected an axis of x and at most as many batch dimensions");
  for (int64_t d = 0; d < batch_dims; ++d)
    if (x.shape[d] != indices.shape[d])
      return fail(error, RBN_INVALID_ARGUMENT,
                  "batch dimension %d: expected the same size of x and indices",
                  static_cast<int>(d));
  int64_t batch = 1, outer = 1, count = 1, slice = 1, elements = 1;
  const bool fits = multiply(x, 0, batch_dims, &batch) && multiply(x, batch_dims, axis, &outer) &&
                    multiply(indices, batch_dims, indices.rank, &count) &&
                    multiply(x, axis + 1, x.rank, &slice) && multiply(x, 0, axis, &elements) &&
                    !__builtin_mul_overflow(elements, count, &elements) &&
                    !__builtin_mul_overflow(elements, slice, &elements);
  if (!fits || elements != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT,
                "output: expected x with the indices' shape in place of its axis");
  const int64_t dim = x.shape[axis];
  const int bytes = widest(static_cast<int>(type_bytes(x.dtype)), &slice, {x.data, out.data});
  return for_each_box({batch, outer, count, slice}, [&](const Box<4>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(error,
                   launch(over(context, units), rbn_gather_kernel<T>, static_cast<const T*>(x.data),
                          static_cast<const int32_t*>(indices.data), static_cast<T*>(out.data), box,
                          static_cast<uint32_t>(units), outer, dim, count, slice),
                   "launch");
    });
  });
}

template <class T>
__global__ void rbn_gather_nd_kernel(const T* __restrict__ x, const int32_t* __restrict__ indices,
                                     T* __restrict__ out, const __grid_constant__ Box<2> box,
                                     uint32_t units, const __grid_constant__ Rows rows,
                                     int64_t slice) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    const uint64_t row = rows.row(indices, at[0]);
    T value = {};
    if (row < static_cast<uint64_t>(rows.rows))
      value = x[static_cast<int64_t>(row) * slice + at[1]];
    out[at[0] * slice + at[1]] = value;
  }
}

// inputs: params, indices. attributes: see rows_of; without strides all of params is one slice.
int32_t gather_nd_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& indices = call.inputs[1];
  const RbnTensor& out = call.outputs[0];
  Rows rows;
  int64_t slice, vectors;
  int32_t status = rows_of(call, x, indices, &rows, &slice, &vectors, error);
  if (status == RBN_OK) status = check_same_type(x, out, error);
  if (status != RBN_OK) return status;
  int64_t elements;
  if (rows.rank == 0) vectors = element_count(out) / slice;  // vectors of no index: each is row 0
  if (__builtin_mul_overflow(vectors, slice, &elements) || elements != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld slices",
                static_cast<long long>(vectors));
  const int bytes = widest(static_cast<int>(type_bytes(x.dtype)), &slice, {x.data, out.data});
  return for_each_box({vectors, slice}, [&](const Box<2>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(
          error,
          launch(over(context, units), rbn_gather_nd_kernel<T>, static_cast<const T*>(x.data),
                 static_cast<const int32_t*>(indices.data), static_cast<T*>(out.data), box,
                 static_cast<uint32_t>(units), rows, slice),
          "launch");
    });
  });
}

template <class T>
__global__ void rbn_one_hot_kernel(const int32_t* __restrict__ indices, T* __restrict__ out,
                                   const __grid_constant__ Box<2> box, uint32_t units,
                                   int64_t depth, T on, T off) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    out[at[0] * depth + at[1]] = indices[at[0]] == at[1] ? on : off;
  }
}

// inputs: indices. attributes: depth, on, off.
int32_t one_hot_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& indices = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  const int32_t status = check_indices(indices, error);
  if (status != RBN_OK) return status;
  int64_t depth, elements;
  const int64_t count = element_count(indices);
  if (!whole(call.attributes[0], 0, INT64_MAX / 2, &depth) ||
      __builtin_mul_overflow(count, depth, &elements) || elements != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT,
                "depth: expected a whole number, and an output of %lld times as many elements",
                static_cast<long long>(count));
  const uint4 on = splat(out.dtype, call.attributes[1]), off = splat(out.dtype, call.attributes[2]);
  return for_each_box({count, depth}, [&](const Box<2>& box, int64_t units) {
    return dispatch_type(out.dtype, error, [&](auto* element) {
      using T = std::conditional_t<sizeof *element == 1, uint8_t, uint32_t>;
      return check(error,
                   launch(over(context, units), rbn_one_hot_kernel<T>,
                          static_cast<const int32_t*>(indices.data), static_cast<T*>(out.data), box,
                          static_cast<uint32_t>(units), depth, unit_of<T>(on), unit_of<T>(off)),
                   "launch");
    });
  });
}

constexpr Operation kOperations[] = {
    {"GatherV2", 2, 1, 2, false, gather_operation},
    {"GatherNd", 2, 1, kAny, false, gather_nd_operation},
    {"OneHot", 1, 1, 3, false, one_hot_operation},
};

}  // namespace

OperationTable gather_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
