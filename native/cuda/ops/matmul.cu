// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Products of matrices and of batches of them. A transposed matrix is one that is read along other
// strides.
#include "by_library.h"
#include "product.h"

namespace rbn {
namespace {

// A matrix operand as the last two dimensions have it.
struct Side {
  int64_t lines, depth;   // rows of A or columns of B; terms of a sum
  int64_t across, along;  // strides from line to line, from term to term
};

// `along`: the sum runs along the last dimension.
Side side_of(const RbnTensor& t, bool along) {
  const int64_t outer = t.shape[t.rank - 2], inner = t.shape[t.rank - 1];
  if (along) return {outer, inner, inner, 1};
  // A single line lies along its terms, too; where batches go on from it, the next is `outer` away.
  return {inner, outer, inner == 1 ? outer : 1, inner};
}

// The dimensions before the last two.
RbnTensor batch_of(const RbnTensor& t) {
  RbnTensor batch = t;
  batch.rank -= 2;
  return batch;
}

// By a library, where the batch has at most one dimension; kNotTaken otherwise.
int32_t multiply_floats(RbnContext* context, const RbnCall& call, const Side& a, const Side& b,
                        const ProductSize& size, const Broadcast& batch, const Ending& ending,
                        RbnError* error) {
  if (batch.rank > 1) return kNotTaken;
  float* const out = static_cast<float*>(call.outputs[0].data);
  const auto step = [&](int operand, const Side& side) {
    return size.batch == 1 ? 0 : batch.stride[0][operand] * side.lines * side.depth;
  };
  const MatrixProduct matrices = {floats(call.inputs[0]), floats(call.inputs[1]), out, size.rows,
                                  size.columns, size.depth, size.batch, a.along != 1, b.along == 1,
                                  step(0, a), step(1, b)};
  const int32_t status = multiply_by_library(context, matrices, error);
  return status != RBN_OK ? status
                          : apply_ending(context, out, size.batch * size.rows * size.columns,
                                         size.columns, 1, ending, error);
}

template <class T>
int32_t multiply(RbnContext* context, const RbnCall& call, const Side& a, const Side& b,
                 const Broadcast& batch, const Ending& ending, RbnError* error) {
  ProductSize size = {a.lines, b.lines, a.depth, batch.count(), a.along == 1, b.along == 1};
  Batches batches = {};
  if (batch.rank == 1 && batch.stride[0][1] == 0 && a.along == 1 &&
      (batch.stride[0][0] == 1 || size.batch == 1)) {
    // One B for all: the batches of A are rows of one matrix.
    size.rows *= size.batch;
    size.batch = 1;
  } else {
    batches.rank = batch.rank;
    for (int32_t d = 0; d < batch.rank; ++d) {
      if (batch.size[d] > INT32_MAX)
        return fail(error, RBN_INVALID_ARGUMENT, "expected fewer than 2^31 batches");
      auto& dimension = batches.dimensions[d];
      dimension.a = batch.stride[d][0] * a.lines * a.depth;
      dimension.b = batch.stride[d][1] * b.lines * b.depth;
      dimension.by = Divider::of(std::max<int64_t>(batch.size[d], 1));
      dimension.size = static_cast<uint32_t>(batch.size[d]);
    }
  }
  if (std::is_same<T, float>::value) {
    const int32_t status = multiply_floats(context, call, a, b, size, batch, ending, error);
    if (status != kNotTaken) return status;
  }
  const auto stored = [&](const Side& side, const RbnTensor& t) {
    return StoredMatrix<T>{static_cast<const T*>(t.data),
                           Lines::of(side.depth, 0, side.along, side.across)};
  };
  return product<T>(context, stored(a, call.inputs[0]), stored(b, call.inputs[1]), batches,
                    static_cast<T*>(call.outputs[0].data), Lines::of(size.rows, 0, size.columns, 1),
                    ending, size, error);
}

// inputs: a, b, then what ending.h says. attributes: 1 where a is transposed, the same of b, then
// what ending.h says. float32, or int32 without an ending, which wraps.
int32_t matmul_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  if (call.input_count < 2 || call.attribute_count != 2 + kEndingAttributes)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected at least 2 inputs and %d attributes, received %d and %d",
                2 + kEndingAttributes, call.input_count, call.attribute_count);
  const RbnTensor &a = call.inputs[0], &b = call.inputs[1], &out = call.outputs[0];
  int64_t transpose_a, transpose_b;
  if (!whole(call.attributes[0], 0, 1, &transpose_a) ||
      !whole(call.attributes[1], 0, 1, &transpose_b))
    return fail(error, RBN_INVALID_ARGUMENT, "transposeA, transposeB: expected 0 or 1");
  if (a.rank < 2 || b.rank < 2 || out.rank < 2)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected tensors of rank 2 or more, received %d, %d and %d", a.rank, b.rank,
                out.rank);
  int32_t status = check_same_type(a, b, error);
  if (status == RBN_OK) status = check_same_type(a, out, error);
  if (status != RBN_OK) return status;
  const Side left = side_of(a, transpose_a == 0), right = side_of(b, transpose_b == 1);
  if (left.depth != right.depth || out.shape[out.rank - 2] != left.lines ||
      out.shape[out.rank - 1] != right.lines)
    return fail(
        error, RBN_INVALID_ARGUMENT,
        "expected [m, k] times [k, n] to give [m, n], received [%lld, %lld] and [%lld, %lld]",
        static_cast<long long>(left.lines), static_cast<long long>(left.depth),
        static_cast<long long>(right.depth), static_cast<long long>(right.lines));
  const RbnTensor batches[] = {batch_of(a), batch_of(b)};
  Broadcast batch = {};
  status = broadcast(batches, 2, batch_of(out), &batch, error);
  Ending ending = {};
  if (status == RBN_OK) status = ending_of(call, right.lines, &ending, error);
  if (status != RBN_OK) return status;
  switch (a.dtype) {
    case RBN_TENSOR_FLOAT32:
      return multiply<float>(context, call, left, right, batch, ending, error);
    case RBN_TENSOR_INT32:
      if (call.input_count > 2 || ending.activation != kLinear)
        return fail(error, RBN_INVALID_ARGUMENT, "expected no bias and no activation for int32");
      return multiply<uint32_t>(context, call, left, right, batch, ending, error);
    default: return wrong_type("input", 0, "float32 or int32", a.dtype, error);
  }
}

constexpr Operation kOperations[] = {
    {"BatchMatMul", kAny, 1, kAny, false, matmul_operation},
};

}  // namespace

OperationTable matmul_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
