// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Rows written by index vectors that lie on the device. Vectors out of range are dropped. Results
// depend on no order of execution: of several updates of one row the last wins by an integer
// maximum, integer sums are the same in any order, and float32 sums are left to the segment sum
// (ScatterRows tells it the rows).
#include "rows.h"

namespace rbn {
namespace {

__global__ void rbn_rows_kernel(const int32_t* __restrict__ indices, int32_t* __restrict__ out,
                                uint32_t vectors, const __grid_constant__ Rows rows) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const uint32_t n = unit_index(k);
    if (n >= vectors) continue;
    const uint64_t row = rows.row(indices, n);
    out[n] = row < static_cast<uint64_t>(rows.rows) ? static_cast<int32_t>(row) : -1;
  }
}

// The row of each index vector, -1 where it is out of range: what a segment sum takes. inputs:
// indices. attributes: rows, then strides.
int32_t rows_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& out = call.outputs[0];
  int32_t status = check_indices(out, error);
  int64_t count = 0, vectors, slice;
  if (status == RBN_OK &&
      (call.attribute_count < 1 || !whole(call.attributes[0], 0, INT32_MAX, &count)))
    status =
        fail(error, RBN_INVALID_ARGUMENT, "rows: expected a whole number from 0 to %d", INT32_MAX);
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
    return fail(error, RBN_INVALID_ARGUMENT, "output: expected %lld rows",
                static_cast<long long>(vectors));
  if (vectors == 0) return RBN_OK;
  return check(error,
               launch(over(context, vectors), rbn_rows_kernel,
                      static_cast<const int32_t*>(call.inputs[0].data),
                      static_cast<int32_t*>(out.data), static_cast<uint32_t>(vectors), rows),
               "launch");
}

// Of several updates of one row the last one wins, as in a loop: integer maxima do not depend on an
// order.
__global__ void rbn_winner_kernel(const int32_t* __restrict__ indices,
                                  int32_t* __restrict__ winners, uint32_t vectors,
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
                                   const __grid_constant__ Box<2> box, uint32_t units,
                                   int64_t slice, int64_t base_stride, int64_t update_stride) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    const int64_t to = at[0] * slice + at[1], winner = winners[at[0]];
    out[to] =
        winner < 0 ? base[to * base_stride] : updates[(winner * slice + at[1]) * update_stride];
  }
}

// inputs: base (one element or of the output's size), indices, updates (one element or a slice a
// vector). attributes: see rows_of.
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
  if (__builtin_mul_overflow(vectors, slice, &elements) ||
      (update_count != 1 && update_count != elements))
    return fail(error, RBN_INVALID_ARGUMENT, "updates: expected one element or %lld slices",
                static_cast<long long>(vectors));
  if (element_count(out) == 0) return RBN_OK;
  Workspace winners(context);
  status = check(error, winners.allocate(static_cast<uint64_t>(rows.rows) * sizeof(int32_t)),
                 "memory for rows");
  if (status != RBN_OK) return status;
  auto* const winner = static_cast<int32_t*>(winners.memory());
  status = check(error, cudaMemsetAsync(winner, 0xff, rows.rows * sizeof(int32_t), context->stream),
                 "cudaMemsetAsync");
  if (status == RBN_OK && vectors > 0)
    status = check(
        error,
        launch(over(context, vectors), rbn_winner_kernel, static_cast<const int32_t*>(indices.data),
               winner, static_cast<uint32_t>(vectors), rows),
        "launch");
  if (status != RBN_OK) return status;
  int bytes = static_cast<int>(type_bytes(out.dtype));
  if (base_count != 1 && update_count != 1)
    bytes = widest(bytes, &slice, {base.data, updates.data, out.data});
  return for_each_box({rows.rows, slice}, [&](const Box<2>& box, int64_t units) {
    return dispatch_unit(bytes, [&](auto* unit) {
      using T = std::remove_pointer_t<decltype(unit)>;
      return check(
          error,
          launch(over(context, units), rbn_scatter_kernel<T>, static_cast<const T*>(base.data),
                 static_cast<const T*>(updates.data), static_cast<const int32_t*>(winner),
                 static_cast<T*>(out.data), box, static_cast<uint32_t>(units), slice,
                 int64_t{base_count != 1}, int64_t{update_count != 1}),
          "launch");
    });
  });
}

// Integers alone: their sums wrap and do not depend on the order.
__global__ void rbn_scatter_add_kernel(const int32_t* __restrict__ indices,
                                       const int32_t* __restrict__ updates,
                                       int32_t* __restrict__ out,
                                       const __grid_constant__ Box<2> box, uint32_t units,
                                       const __grid_constant__ Rows rows, int64_t slice) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) >= units) continue;
    int64_t at[2];
    box.locate(unit_index(k), at);
    const uint64_t row = rows.row(indices, at[0]);
    if (row < static_cast<uint64_t>(rows.rows))
      atomicAdd(out + static_cast<int64_t>(row) * slice + at[1], updates[at[0] * slice + at[1]]);
  }
}

// Sums of updates by row, 0 where there are none; int32. inputs: indices, updates. attributes: see
// rows_of.
int32_t scatter_add_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& indices = call.inputs[0];
  const RbnTensor& updates = call.inputs[1];
  const RbnTensor& out = call.outputs[0];
  Rows rows;
  int64_t slice, vectors, elements;
  int32_t status = rows_of(call, out, indices, &rows, &slice, &vectors, error);
  if (status == RBN_OK) status = check_same_type(updates, out, error);
  if (status == RBN_OK && out.dtype != RBN_TENSOR_INT32)
    status = fail(error, RBN_INVALID_ARGUMENT, "updates: expected int32 (%d), received dtype %d",
                  RBN_TENSOR_INT32, out.dtype);
  if (status != RBN_OK) return status;
  if (__builtin_mul_overflow(vectors, slice, &elements) || element_count(updates) != elements)
    return fail(error, RBN_INVALID_ARGUMENT, "updates: expected %lld slices",
                static_cast<long long>(vectors));
  if (element_count(out) == 0) return RBN_OK;
  status = check(error, fill(context, out.data, out.dtype, element_count(out), 0), "launch");
  if (status != RBN_OK) return status;
  return for_each_box({vectors, slice}, [&](const Box<2>& box, int64_t units) {
    return check(
        error,
        launch(over(context, units), rbn_scatter_add_kernel,
               static_cast<const int32_t*>(indices.data), static_cast<const int32_t*>(updates.data),
               static_cast<int32_t*>(out.data), box, static_cast<uint32_t>(units), rows, slice),
        "launch");
  });
}

constexpr Operation kOperations[] = {
    {"ScatterUpdate", 3, 1, kAny, false, scatter_operation},
    {"ScatterAdd", 2, 1, kAny, false, scatter_add_operation},
    {"ScatterRows", 1, 1, kAny, false, rows_operation},
};

}  // namespace

OperationTable scatter_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
