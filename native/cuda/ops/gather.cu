// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Elements found by indices that lie on the device: gather, one-hot, scatter. An index that is out of range
// is harmless: what it would read is 0, what it would write is dropped.
#include "../runtime/launch.h"
#include "view.h"

namespace rbn {
namespace {

// A part of a grid of N dimensions with at most kLaunchUnits points.
template <int N>
struct Box {
  int64_t first[N];
  Divider by[N];
  uint32_t size[N];

  // The coordinates of point `index`.
  __device__ __forceinline__ void locate(uint32_t index, int64_t (&at)[N]) const {
#pragma unroll
    for (int d = N - 1; d >= 0; --d) {
      const uint32_t rest = d > 0 ? by[d].quotient(index) : 0;
      at[d] = first[d] + (index - rest * size[d]);
      index = rest;
    }
  }
};

// Calls f(box, its units) for boxes that cover all of `sizes`, until one fails.
template <int N, class F>
int32_t for_each_box(const int64_t (&sizes)[N], F&& f) {
  int64_t step[N], room = kLaunchUnits;
  for (int d = N - 1; d >= 0; --d) {
    if (sizes[d] == 0) return RBN_OK;
    step[d] = std::min(sizes[d], room);
    room /= step[d];
  }
  Box<N> box = {};
  while (true) {
    int64_t units = 1;
    for (int d = 0; d < N; ++d) {
      const int64_t size = std::min(step[d], sizes[d] - box.first[d]);
      box.size[d] = static_cast<uint32_t>(size);
      box.by[d] = Divider::of(size);
      units *= size;
    }
    const int32_t status = f(box, units);
    if (status != RBN_OK) return status;
    int d = N - 1;
    for (; d >= 0; --d) {
      box.first[d] += step[d];
      if (box.first[d] < sizes[d]) break;
      box.first[d] = 0;
    }
    if (d < 0) return RBN_OK;
  }
}

LaunchConfig over(RbnContext* context, int64_t units) {
  LaunchConfig config;
  config.grid = dim3(unit_blocks(units));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return config;
}

// The widest unit that makes whole numbers of `slice` elements; `slice` becomes a number of units.
int widest(int bytes, int64_t* slice, std::initializer_list<const void*> pointers) {
  for (const int wide : {16, 8, 4}) {
    if (wide <= bytes || *slice % (wide / bytes) != 0) continue;
    if (!std::all_of(pointers.begin(), pointers.end(),
                     [wide](const void* p) { return reinterpret_cast<uintptr_t>(p) % wide == 0; }))
      continue;
    *slice /= wide / bytes;
    return wide;
  }
  return bytes;
}

int32_t check_indices(const RbnTensor& indices, RbnError* error) {
  if (indices.dtype == RBN_TENSOR_INT32) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT, "indices: expected int32 (%d), received dtype %d", RBN_TENSOR_INT32,
              indices.dtype);
}

int32_t check_same_type(const RbnTensor& a, const RbnTensor& b, RbnError* error) {
  if (a.dtype == b.dtype) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT, "expected tensors of one dtype, received %d and %d", a.dtype, b.dtype);
}

// The product of a tensor's dimensions from `begin` to `end`, times `by`; false where it overflows.
bool multiply(const RbnTensor& t, int64_t begin, int64_t end, int64_t* by) {
  for (int64_t d = begin; d < end; ++d)
    if (__builtin_mul_overflow(*by, t.shape[d], by)) return false;
  return true;
}

// x is [batch, outer, dim, slice], indices [batch, count], out [batch, outer, count, slice].
template <class T>
__global__ void rbn_gather_kernel(const T* __restrict__ x, const int32_t* __restrict__ indices, T* __restrict__ out,
                                  const __grid_constant__ Box<4> box, uint32_t units, int64_t outer, int64_t dim,
                                  int64_t count, int64_t slice) {
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
    return fail(error, RBN_INVALID_ARGUMENT, "axis, batchDims: expected an axis of x and at most as many batch dimensions");
  for (int64_t d = 0; d < batch_dims; ++d)
    if (x.shape[d] != indices.shape[d])
      return fail(error, RBN_INVALID_ARGUMENT, "batch dimension %d: expected the same size of x and indices",
                  static_cast<int>(d));
  int64_t batch = 1, outer = 1, count = 1, slice = 1, elements = 1;
  const bool fits = multiply(x, 0, batch_dims, &batch) && multiply(x, batch_dims, axis, &outer) &&
                    multiply(indices, batch_dims, indices.rank, &count) && multiply(x, axis + 1, x.rank, &slice) &&
                    multiply(x, 0, axis, &elements) && !__builtin_mul_overflow(elements, count, &elements) &&
                    !__builtin_mul_overflow(elements, slice, &elements);
  if (!fits || elements != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected x with the indices' shape in place of its axis");
  const int64_t dim = x.shape[axis];
  const int bytes = widest(static_cast<int>(type_bytes(x.dtype)), &slice, {x.data, out.data});
  return for_each_box({batch, outer, count, slice}, [&](const Box<4>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(error, launch(over(context, units), rbn_gather_kernel<T>, static_cast<const T*>(x.data),
                                 static_cast<const int32_t*>(indices.data), static_cast<T*>(out.data), box,
                                 static_cast<uint32_t>(units), outer, dim, count, slice), "launch");
    });
  });
}

// Rows of a tensor by index vectors: [rows, slice] is the tensor, row = Σ index·stride. As on tfjs's cpu backend
// it is the row that must be in range, not each index.
struct Rows {
  int64_t rows, rank;
  int64_t strides[RBN_MAX_RANK];

  // Any number of at least `rows` where the vector number `n` is out of range. Unsigned: it may wrap.
  __device__ __forceinline__ uint64_t row(const int32_t* __restrict__ indices, int64_t n) const {
    uint64_t row = 0;
    for (int64_t d = 0; d < rank; ++d)
      row += static_cast<uint64_t>(static_cast<int64_t>(indices[n * rank + d])) * static_cast<uint64_t>(strides[d]);
    return row;
  }
};

// attributes: the slice's size, then strides. Checks the indices, too, and counts their vectors: [vectors, rank].
int32_t rows_of(const RbnCall& call, const RbnTensor& tensor, const RbnTensor& indices, Rows* rows, int64_t* slice,
                int64_t* vectors, RbnError* error) {
  const int32_t status = check_indices(indices, error);
  if (status != RBN_OK) return status;
  const int64_t count = element_count(tensor), index_count = element_count(indices);
  *rows = {};
  rows->rank = call.attribute_count - 1;
  if (rows->rank < 0 || rows->rank > RBN_MAX_RANK || !whole(call.attributes[0], 1, INT64_MAX / 2, slice) ||
      count % *slice != 0)
    return fail(error, RBN_INVALID_ARGUMENT, "attributes: expected the size of a slice and at most %d strides",
                RBN_MAX_RANK);
  for (int64_t d = 0; d < rows->rank; ++d)
    if (!whole(call.attributes[1 + d], 0, INT64_MAX / 2, &rows->strides[d]))
      return fail(error, RBN_INVALID_ARGUMENT, "strides: expected whole numbers that are not negative");
  rows->rows = count / *slice;
  *vectors = rows->rank > 0 ? index_count / rows->rank : 0;
  if (*vectors * rows->rank != index_count || *vectors > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT, "indices: expected vectors of %d, received %lld numbers",
                static_cast<int>(rows->rank), static_cast<long long>(index_count));
  return RBN_OK;
}

template <class T>
__global__ void rbn_gather_nd_kernel(const T* __restrict__ x, const int32_t* __restrict__ indices,
                                     T* __restrict__ out, const __grid_constant__ Box<2> box, uint32_t units,
                                     const __grid_constant__ Rows rows, int64_t slice) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    const uint64_t row = rows.row(indices, at[0]);
    T value = {};
    if (row < static_cast<uint64_t>(rows.rows)) value = x[static_cast<int64_t>(row) * slice + at[1]];
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
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld slices", static_cast<long long>(vectors));
  const int bytes = widest(static_cast<int>(type_bytes(x.dtype)), &slice, {x.data, out.data});
  return for_each_box({vectors, slice}, [&](const Box<2>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(error, launch(over(context, units), rbn_gather_nd_kernel<T>, static_cast<const T*>(x.data),
                                 static_cast<const int32_t*>(indices.data), static_cast<T*>(out.data), box,
                                 static_cast<uint32_t>(units), rows, slice), "launch");
    });
  });
}

__global__ void rbn_rows_kernel(const int32_t* __restrict__ indices, int32_t* __restrict__ out, uint32_t vectors,
                                const __grid_constant__ Rows rows) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const uint32_t n = unit_index(k);
    if (n >= vectors) continue;
    const uint64_t row = rows.row(indices, n);
    out[n] = row < static_cast<uint64_t>(rows.rows) ? static_cast<int32_t>(row) : -1;
  }
}

// The row of each index vector, -1 where it is out of range: what a segment sum takes. inputs: indices.
// attributes: rows, then strides.
int32_t rows_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& out = call.outputs[0];
  int32_t status = check_indices(out, error);
  int64_t count = 0, vectors, slice;
  if (status == RBN_OK && (call.attribute_count < 1 || !whole(call.attributes[0], 0, INT32_MAX, &count)))
    status = fail(error, RBN_INVALID_ARGUMENT, "rows: expected a whole number from 0 to %d", INT32_MAX);
  if (status != RBN_OK) return status;
  RbnTensor shape = out;  // stands for the tensor of `count` rows
  shape.rank = 1, shape.shape[0] = count;
  std::vector<double> attributes(call.attributes, call.attributes + call.attribute_count);
  attributes[0] = 1;
  RbnCall with_slice = call;
  with_slice.attributes = attributes.data();
  Rows rows;
  status = rows_of(with_slice, shape, call.inputs[0], &rows, &slice, &vectors, error);
  if (status != RBN_OK) return status;
  if (vectors != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld rows", static_cast<long long>(vectors));
  if (vectors == 0) return RBN_OK;
  return check(error, launch(over(context, vectors), rbn_rows_kernel, static_cast<const int32_t*>(call.inputs[0].data),
                             static_cast<int32_t*>(out.data), static_cast<uint32_t>(vectors), rows), "launch");
}

// Of several updates of one row the last one wins, as in a loop: integer maxima do not depend on an order.
__global__ void rbn_winner_kernel(const int32_t* __restrict__ indices, int32_t* __restrict__ winners, uint32_t vectors,
                                  const __grid_constant__ Rows rows) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const uint32_t n = unit_index(k);
    if (n >= vectors) continue;
    const uint64_t row = rows.row(indices, n);
    if (row < static_cast<uint64_t>(rows.rows)) atomicMax(winners + row, static_cast<int32_t>(n));
  }
}

// base and updates: where a stride is 0, one element stands for all.
template <class T>
__global__ void rbn_scatter_kernel(const T* __restrict__ base, const T* __restrict__ updates,
                                   const int32_t* __restrict__ winners, T* __restrict__ out,
                                   const __grid_constant__ Box<2> box, uint32_t units, int64_t slice,
                                   int64_t base_stride, int64_t update_stride) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    const int64_t to = at[0] * slice + at[1], winner = winners[at[0]];
    out[to] = winner < 0 ? base[to * base_stride] : updates[(winner * slice + at[1]) * update_stride];
  }
}

// inputs: base (one element or of the output's size), indices, updates (one element or a slice a vector).
// attributes: see rows_of.
int32_t scatter_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& base = call.inputs[0];
  const RbnTensor& indices = call.inputs[1];
  const RbnTensor& updates = call.inputs[2];
  const RbnTensor& out = call.outputs[0];
  Rows rows;
  int64_t slice, vectors, elements;
  int32_t status = rows_of(call, out, indices, &rows, &slice, &vectors, error);
  if (status == RBN_OK) status = check_same_type(base, out, error);
  if (status == RBN_OK) status = check_same_type(updates, out, error);
  if (status != RBN_OK) return status;
  const int64_t base_count = element_count(base), update_count = element_count(updates);
  if (base_count != 1 && base_count != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT, "base: expected one element or the output's size");
  if (__builtin_mul_overflow(vectors, slice, &elements) || (update_count != 1 && update_count != elements))
    return fail(error, RBN_INVALID_ARGUMENT, "updates: expected one element or %lld slices",
                static_cast<long long>(vectors));
  if (element_count(out) == 0) return RBN_OK;
  Workspace winners(context);
  status = check(error, winners.allocate(static_cast<uint64_t>(rows.rows) * sizeof(int32_t)), "memory for rows");
  if (status != RBN_OK) return status;
  auto* const winner = static_cast<int32_t*>(winners.memory());
  status = check(error, cudaMemsetAsync(winner, 0xff, rows.rows * sizeof(int32_t), context->stream), "cudaMemsetAsync");
  if (status == RBN_OK && vectors > 0)
    status = check(error, launch(over(context, vectors), rbn_winner_kernel, static_cast<const int32_t*>(indices.data),
                                 winner, static_cast<uint32_t>(vectors), rows), "launch");
  if (status != RBN_OK) return status;
  int bytes = static_cast<int>(type_bytes(out.dtype));
  if (base_count != 1 && update_count != 1)
    bytes = widest(bytes, &slice, {base.data, updates.data, out.data});
  return for_each_box({rows.rows, slice}, [&](const Box<2>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(error, launch(over(context, units), rbn_scatter_kernel<T>, static_cast<const T*>(base.data),
                                 static_cast<const T*>(updates.data), static_cast<const int32_t*>(winner),
                                 static_cast<T*>(out.data), box, static_cast<uint32_t>(units), slice,
                                 int64_t{base_count != 1}, int64_t{update_count != 1}), "launch");
    });
  });
}

template <class T>
__global__ void rbn_one_hot_kernel(const int32_t* __restrict__ indices, T* __restrict__ out,
                                   const __grid_constant__ Box<2> box, uint32_t units, int64_t depth, T on, T off) {
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
  if (!whole(call.attributes[0], 0, INT64_MAX / 2, &depth) || __builtin_mul_overflow(count, depth, &elements) ||
      elements != element_count(out))
    return fail(error, RBN_INVALID_ARGUMENT, "depth: expected a whole number, and an output of %lld times as many elements",
                static_cast<long long>(count));
  const uint4 on = splat(out.dtype, call.attributes[1]), off = splat(out.dtype, call.attributes[2]);
  return for_each_box({count, depth}, [&](const Box<2>& box, int64_t units) {
    return dispatch_type(out.dtype, error, [&](auto* element) {
      using T = std::conditional_t<sizeof *element == 1, uint8_t, uint32_t>;
      return check(error, launch(over(context, units), rbn_one_hot_kernel<T>, static_cast<const int32_t*>(indices.data),
                                 static_cast<T*>(out.data), box, static_cast<uint32_t>(units), depth, unit_of<T>(on),
                                 unit_of<T>(off)), "launch");
    });
  });
}

constexpr Operation kOperations[] = {
    {"GatherV2", 2, 1, 2, false, gather_operation},
    {"GatherNd", 2, 1, kAny, false, gather_nd_operation},
    {"ScatterUpdate", 3, 1, kAny, false, scatter_operation},
    {"ScatterRows", 1, 1, kAny, false, rows_operation},
    {"OneHot", 1, 1, 3, false, one_hot_operation},
};

}  // namespace

OperationTable gather_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
