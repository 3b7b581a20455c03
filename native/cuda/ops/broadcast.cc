// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See broadcast.h.
#include "broadcast.h"

namespace rbn {
namespace {

// What keeps the innermost dimension so far and the one around it from being one: an operand that
// does not go on by the same stride.
bool continues(const Broadcast& b, const int64_t* stride, int32_t count) {
  for (int32_t k = 0; k < count; ++k) {
    if (stride[k] != b.stride[b.rank - 1][k] * b.size[b.rank - 1]) return false;
  }
  return true;
}

}  // namespace

int32_t broadcast(const RbnTensor* inputs, int32_t count, const RbnTensor& out, Broadcast* result,
                  RbnError* error) {
  *result = {};
  int64_t step[kMaxOperands];
  for (int32_t k = 0; k < count; ++k) {
    step[k] = 1;
    if (inputs[k].rank > out.rank)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "input %d: expected a rank of at most %d, that of the output, received %d", k,
                  out.rank, inputs[k].rank);
  }
  for (int32_t d = out.rank - 1; d >= 0; --d) {
    const int64_t size = out.shape[d];
    int64_t stride[kMaxOperands] = {};
    bool carried = size == 1;
    for (int32_t k = 0; k < count; ++k) {
      const int32_t own = d - (out.rank - inputs[k].rank);
      const int64_t extent = own < 0 ? 1 : inputs[k].shape[own];
      if (extent != size && extent != 1)
        return fail(error, RBN_INVALID_ARGUMENT,
                    "input %d: expected 1 or %lld, that of the output, in dimension %d, received %lld",
                    k, static_cast<long long>(size), own, static_cast<long long>(extent));
      carried = carried || extent == size;
      stride[k] = extent == 1 ? 0 : step[k];
      step[k] *= extent;
    }
    if (!carried)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "output: expected 1 in dimension %d, as all inputs have, received %lld", d,
                  static_cast<long long>(size));
    if (size == 1) continue;
    if (result->rank > 0 && continues(*result, stride, count)) {
      result->size[result->rank - 1] *= size;
      continue;
    }
    result->size[result->rank] = size;
    for (int32_t k = 0; k < count; ++k) result->stride[result->rank][k] = stride[k];
    ++result->rank;
  }
  if (result->rank == 0) result->size[result->rank++] = 1;
  return RBN_OK;
}

}  // namespace rbn
