// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Rows of a tensor that index vectors name, for gather and scatter. Included by .cu files only.
#ifndef RBN_CUDA_OPS_ROWS_H_
#define RBN_CUDA_OPS_ROWS_H_

#include "view.h"

namespace rbn {

inline int32_t check_indices(const RbnTensor& indices, RbnError* error) {
  if (indices.dtype == RBN_TENSOR_INT32) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT, "indices: expected int32 (%d), received dtype %d",
              RBN_TENSOR_INT32, indices.dtype);
}

// Rows of a tensor by index vectors: [rows, slice] is the tensor, row = Σ index·stride. As on
// tfjs's cpu backend it is the row that must be in range, not each index.
struct Rows {
  int64_t rows, rank;
  int64_t strides[RBN_MAX_RANK];

  // Any number of at least `rows` where the vector number `n` is out of range. Unsigned: it may
  // wrap.
  __device__ __forceinline__ uint64_t row(const int32_t* __restrict__ indices, int64_t n) const {
    uint64_t row = 0;
    for (int64_t d = 0; d < rank; ++d)
      row += static_cast<uint64_t>(static_cast<int64_t>(indices[n * rank + d])) *
             static_cast<uint64_t>(strides[d]);
    return row;
  }
};

// attributes: the slice's size, then strides. Checks the indices, too, and counts their vectors:
// [vectors, rank].
inline int32_t rows_of(const RbnCall& call, const RbnTensor& tensor, const RbnTensor& indices,
                       Rows* rows, int64_t* slice, int64_t* vectors, RbnError* error) {
  const int32_t status = check_indices(indices, error);
  if (status != RBN_OK) return status;
  const int64_t count = element_count(tensor), index_count = element_count(indices);
  *rows = {};
  rows->rank = call.attribute_count - 1;
  if (rows->rank < 0 || rows->rank > RBN_MAX_RANK ||
      !whole(call.attributes[0], 1, INT64_MAX / 2, slice) || count % *slice != 0)
    return fail(error, RBN_INVALID_ARGUMENT,
                "attributes: expected the size of a slice and at most %d strides", RBN_MAX_RANK);
  for (int64_t d = 0; d < rows->rank; ++d)
    if (!whole(call.attributes[1 + d], 0, INT64_MAX / 2, &rows->strides[d]))
      return fail(error, RBN_INVALID_ARGUMENT,
                  "strides: expected whole numbers that are not negative");
  rows->rows = count / *slice;
  *vectors = rows->rank > 0 ? index_count / rows->rank : 0;
  if (*vectors * rows->rank != index_count || *vectors > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT,
                "indices: expected vectors of %d, received %lld numbers",
                static_cast<int>(rows->rank), static_cast<long long>(index_count));
  return RBN_OK;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_ROWS_H_
