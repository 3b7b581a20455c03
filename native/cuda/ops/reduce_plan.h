// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How a reduction is laid out: any set of axes becomes groups of kept and groups of reduced dimensions,
// and blocks of threads are dealt out to them. All of it follows from the shape alone, so the order
// of summation does, too.
#ifndef RBN_CUDA_OPS_REDUCE_PLAN_H_
#define RBN_CUDA_OPS_REDUCE_PLAN_H_

#include <cuda_runtime.h>
#include <stdint.h>

#include "../engine.h"

namespace rbn {

constexpr int kReduceThreads = 256;  // a block

// Groups of one kind: neighbours of the same kind are one, so kinds alternate.
constexpr int kReduceGroups = RBN_MAX_RANK / 2;

// Dimensions of the input, outermost first. Unused ones have size 1 and stride 0.
struct ReduceGroups {
  int64_t count;
  int64_t size[kReduceGroups];
  int64_t stride[kReduceGroups];  // elements
};

// The place of the index-th element, counted row-major over the groups.
__device__ __forceinline__ int64_t offset_of(const ReduceGroups& groups, int64_t index) {
  int64_t offset = 0;
#pragma unroll
  for (int i = kReduceGroups - 1; i > 0; --i) {
    if (i >= groups.count) continue;
    const int64_t outer = index / groups.size[i];
    offset += (index - outer * groups.size[i]) * groups.stride[i];
    index = outer;
  }
  return offset + index * groups.stride[0];
}

struct ReduceShape {
  ReduceGroups kept, reduced;
  int64_t outputs;  // elements of the kept groups
  int64_t length;   // elements that each output is made of
};

// A block reduces `columns` outputs at a time with `lanes` threads each; columns * lanes is
// kReduceThreads. Where `along`, the lanes of an output are neighbours, because the innermost dimension
// is reduced; otherwise the columns are. Either way neighbours read neighbours.
struct ReducePlan {
  int columns, lanes;
  bool along;
  int64_t tiles;   // of `columns` outputs
  int64_t chunks;  // parts of the length, each with a block of its own; more than 1: partial results
  int64_t chunk;   // elements a part
};

inline ReduceShape reduce_shape(const RbnTensor& x, const bool (&is_reduced)[RBN_MAX_RANK]) {
  ReduceShape shape = {{0, {1, 1, 1, 1}, {}}, {0, {1, 1, 1, 1}, {}}, 1, 1};
  static_assert(kReduceGroups == 4, "the initial sizes above are 1");
  // Innermost first, to know the strides; the groups are turned round at the end.
  ReduceGroups* last = nullptr;
  int64_t stride = 1;
  for (int32_t d = x.rank - 1; d >= 0; --d) {
    const int64_t size = x.shape[d];
    (is_reduced[d] ? shape.length : shape.outputs) *= size;
    if (size == 1) continue;
    ReduceGroups* groups = is_reduced[d] ? &shape.reduced : &shape.kept;
    if (groups == last) {
      groups->size[groups->count - 1] *= size;
    } else {
      groups->size[groups->count] = size;
      groups->stride[groups->count++] = stride;
    }
    last = groups;
    stride *= size;
  }
  for (ReduceGroups* groups : {&shape.kept, &shape.reduced}) {
    for (int64_t i = 0, j = groups->count - 1; i < j; ++i, --j) {
      const int64_t size = groups->size[i], step = groups->stride[i];
      groups->size[i] = groups->size[j];
      groups->stride[i] = groups->stride[j];
      groups->size[j] = size;
      groups->stride[j] = step;
    }
  }
  return shape;
}

// Of a shape with outputs and length > 0.
inline ReducePlan reduce_plan(const ReduceShape& shape) {
  // Blocks that fill any GPU of today: 8 a multiprocessor on 128 of them.
  constexpr int64_t kEnoughBlocks = 1024;
  // A chunk's block should have this many elements a thread before a second launch pays.
  constexpr int64_t kLeastWork = 16;

  const int64_t length = shape.length;
  ReducePlan plan = {};
  plan.along = shape.reduced.count > 0 && shape.reduced.stride[shape.reduced.count - 1] == 1;
  if (plan.along) {
    // A whole block where rows are long, or so few that a warp each would not fill the device.
    const bool block = length >= 8192 || (length >= 1024 && shape.outputs < 8192);
    plan.lanes = block ? kReduceThreads : length >= 32 ? 32 : length >= 8 ? 8 : 1;
  } else {
    const int64_t inner = shape.kept.count > 0 ? shape.kept.size[shape.kept.count - 1] : 1;
    int columns = 32;  // one warp reads one row of 128 bytes
    while (columns / 2 >= inner) columns /= 2;
    plan.lanes = kReduceThreads / columns;
    while (plan.lanes > length) plan.lanes /= 2;
  }
  plan.columns = kReduceThreads / plan.lanes;
  plan.tiles = (shape.outputs + plan.columns - 1) / plan.columns;
  const int64_t most = length / (plan.lanes * kLeastWork);
  plan.chunks = (kEnoughBlocks + plan.tiles - 1) / plan.tiles;
  if (plan.chunks > most) plan.chunks = most;
  if (plan.chunks < 1) plan.chunks = 1;
  plan.chunk = (length + plan.chunks - 1) / plan.chunks;
  plan.chunks = (length + plan.chunk - 1) / plan.chunk;
  return plan;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_REDUCE_PLAN_H_
