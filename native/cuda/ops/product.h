// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One kernel for all sums of products: matrix products, and convolutions as products with a matrix
// that is never stored. out[m, n] = Σ_k A[m, k]·B[k, n], where an operand is a class that knows
// where its elements lie. Sums are float32, in the order of k, or in that order within splits of k,
// which are added in their own order; splits follow from shapes. Included by .cu files only.
//
// An operand gives the place of a row (of a column for B) and of a position k, each computed apart,
// and an element from both. What lies outside of an image is a zero that is multiplied: with a
// weight of infinity the border becomes NaN.
#ifndef RBN_CUDA_OPS_PRODUCT_H_
#define RBN_CUDA_OPS_PRODUCT_H_

#include <algorithm>

#include "split_sum.h"

namespace rbn {

// A stored matrix: row m (column n for B) is a line, k goes along it.
template <class T>
struct StoredMatrix {
  const T* data;
  Lines lines;

  using Place = int64_t;
  __device__ __forceinline__ Place line(uint32_t i) const { return i * lines.across; }
  __device__ __forceinline__ Place along(uint32_t k) const { return lines.along(k); }
  __device__ __forceinline__ T load(Place line, Place along) const { return data[line + along]; }
};

// Offsets of the operands' matrices where a product has many.
struct Batches {
  struct Dimension {
    int64_t a, b;  // strides in elements
    Divider by;
    uint32_t size, unused;
  } dimensions[RBN_MAX_RANK];  // innermost first
  int64_t rank;

  __device__ __forceinline__ void locate(uint32_t batch, int64_t* a, int64_t* b) const {
    *a = *b = 0;
    for (int64_t d = 0; d < rank; ++d) {
      const uint32_t rest = dimensions[d].by.quotient(batch);
      const uint32_t index = batch - rest * dimensions[d].size;
      *a += index * dimensions[d].a;
      *b += index * dimensions[d].b;
      batch = rest;
    }
  }
};

// What a block makes: kRows × kColumns results, kDepth positions k at a time; a thread makes kTall
// × kWide.
template <int kRows_, int kColumns_, int kDepth_, int kTall_, int kWide_>
struct Tile {
  static constexpr int kRows = kRows_, kColumns = kColumns_, kDepth = kDepth_, kTall = kTall_,
                       kWide = kWide_;
  static constexpr int kAcross = kColumns / kWide;  // threads along a row
  static constexpr int kThreads = kRows / kTall * kAcross;
  // Blocks a multiprocessor: 512 threads, which leaves each 128 registers. Left to itself, ptxas
  // takes fewer and spills.
  static constexpr int kResident = 512 / kThreads;
  // Lines of shared memory are four longer than the tile, so that threads that store along k meet
  // in other banks.
  static constexpr int kStepA = kRows + 4, kStepB = kColumns + 4;
};

// 32 fused multiply-adds for 3 loads of 16 bytes from shared memory.
using LargeTile = Tile<128, 64, 16, 8, 4>;
using SmallTile = Tile<32, 32, 16, 4, 4>;

// Numbers below 2^31.
struct ProductShape {
  uint32_t rows, columns, depth, batch;
  uint32_t splits, chunk;  // of k; chunk is a multiple of every tile's depth
  uint32_t a_along,
      b_along;  // 1: neighbouring threads load neighbours along k, 0: neighbouring lines
};

// This thread's part of kLines × kDepth elements of an operand into registers.
template <int kLines, class Block, class Operand, class T, int kCount>
__device__ __forceinline__ void fetch(const Operand& operand, const typename Operand::Place* places,
                                      uint32_t inside, uint32_t k0, uint32_t end, bool along,
                                      T (&value)[kCount]) {
  static_assert(kCount * Block::kThreads == kLines * Block::kDepth, "each thread loads as many");
  if (along) {
    const uint32_t k = k0 + threadIdx.x % Block::kDepth;
    const auto place = operand.along(k);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const uint32_t line = threadIdx.x / Block::kDepth + i * (Block::kThreads / Block::kDepth);
      value[i] = k < end && line < inside ? operand.load(places[line], place) : T(0);
    }
  } else {
    const uint32_t line = threadIdx.x % kLines;
    const auto place = places[line];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const uint32_t k = k0 + threadIdx.x / kLines + i * (Block::kThreads / kLines);
      value[i] = k < end && line < inside ? operand.load(place, operand.along(k)) : T(0);
    }
  }
}

// What `fetch` has loaded into shared memory, line by line side by side.
template <int kLines, class Block, class T, int kCount>
__device__ __forceinline__ void keep(T* shared, bool along, const T (&value)[kCount]) {
  constexpr int kStep = kLines + 4;
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const int k =
        along ? threadIdx.x % Block::kDepth : threadIdx.x / kLines + i * (Block::kThreads / kLines);
    const int line = along ? threadIdx.x / Block::kDepth + i * (Block::kThreads / Block::kDepth)
                           : threadIdx.x % kLines;
    shared[k * kStep + line] = value[i];
  }
}

// One tile of one batch over one split of k. Writes `out`, or where there are several splits
// `partial`, [splits, batch, rows, columns].
template <class Block, class T, class A>
__global__ void __launch_bounds__(Block::kThreads, Block::kResident)
    rbn_product_kernel(A a, StoredMatrix<T> b, const __grid_constant__ Batches batches,
                       T* __restrict__ out, T* __restrict__ partial, Lines layout, Ending ending,
                       ProductShape shape) {
  constexpr int kRows = Block::kRows, kColumns = Block::kColumns, kDepth = Block::kDepth;
  constexpr int kSizeA = kDepth * Block::kStepA, kSizeB = kDepth * Block::kStepB;
  RBN_SHARED(Four<T>, a_shared, 2 * kSizeA / 4);
  RBN_SHARED(Four<T>, b_shared, 2 * kSizeB / 4);
  RBN_SHARED(typename A::Place, a_places, kRows);
  RBN_SHARED(int64_t, b_places, kColumns);
  T* const a_memory = a_shared[0].at;
  T* const b_memory = b_shared[0].at;

  uint32_t block = blockIdx.x;
  const uint32_t tiles_across = (shape.columns + kColumns - 1) / kColumns;
  const uint32_t tiles_down = (shape.rows + kRows - 1) / kRows;
  const uint32_t column0 = block % tiles_across * kColumns;
  block /= tiles_across;
  const uint32_t row0 = block % tiles_down * kRows;
  block /= tiles_down;  // split · batches + batch
  const uint32_t begin = block / shape.batch * shape.chunk;
  const uint32_t end = begin + shape.chunk < shape.depth ? begin + shape.chunk : shape.depth;
  int64_t a_offset, b_offset;
  batches.locate(block % shape.batch, &a_offset, &b_offset);
  a.data += a_offset;
  b.data += b_offset;

  const uint32_t rows = shape.rows - row0,
                 columns = shape.columns - column0;  // may be more than the tile's
  for (int i = threadIdx.x; i < kRows; i += Block::kThreads) a_places[i] = a.line(row0 + i);
  for (int i = threadIdx.x; i < kColumns; i += Block::kThreads) b_places[i] = b.line(column0 + i);
  __syncthreads();

  T a_next[kRows * kDepth / Block::kThreads], b_next[kColumns * kDepth / Block::kThreads];
  T sum[Block::kTall][Block::kWide] = {};
  const int down = threadIdx.x / Block::kAcross * Block::kTall;
  const int across = threadIdx.x % Block::kAcross * Block::kWide;
  int buffer = 0;
  fetch<kRows, Block>(a, a_places, rows, begin, end, shape.a_along, a_next);
  fetch<kColumns, Block>(b, b_places, columns, begin, end, shape.b_along, b_next);
  for (uint32_t k0 = begin; k0 < end; k0 += kDepth) {
    // Two buffers: while some threads still read one, others fill the other, and one barrier is
    // enough.
    keep<kRows, Block>(a_memory + buffer * kSizeA, shape.a_along, a_next);
    keep<kColumns, Block>(b_memory + buffer * kSizeB, shape.b_along, b_next);
    __syncthreads();
    if (k0 + kDepth < end) {
      fetch<kRows, Block>(a, a_places, rows, k0 + kDepth, end, shape.a_along, a_next);
      fetch<kColumns, Block>(b, b_places, columns, k0 + kDepth, end, shape.b_along, b_next);
    }
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      const Four<T>* const a_line = a_shared + (buffer * kSizeA + k * Block::kStepA + down) / 4;
      const Four<T>* const b_line = b_shared + (buffer * kSizeB + k * Block::kStepB + across) / 4;
      Four<T> x[Block::kTall / 4], y[Block::kWide / 4];
#pragma unroll
      for (int i = 0; i < Block::kTall / 4; ++i) x[i] = a_line[i];
#pragma unroll
      for (int j = 0; j < Block::kWide / 4; ++j) y[j] = b_line[j];
#pragma unroll
      for (int i = 0; i < Block::kTall; ++i) {
#pragma unroll
        for (int j = 0; j < Block::kWide; ++j) sum[i][j] += x[i / 4].at[i % 4] * y[j / 4].at[j % 4];
      }
    }
    buffer ^= 1;
  }

  const bool last = shape.splits == 1;
  const int64_t first = static_cast<int64_t>(block) * shape.rows * shape.columns;
#pragma unroll
  for (int i = 0; i < Block::kTall; ++i) {
    if (down + i >= static_cast<int64_t>(rows)) break;
    const uint32_t row = row0 + down + i;
    T* const to = last ? out + first + layout.along(row)
                       : partial + first + static_cast<int64_t>(row) * shape.columns;
    const int64_t step = last ? layout.across : 1;
#pragma unroll
    for (int j = 0; j < Block::kWide; ++j) {
      const uint32_t column = column0 + across + j;
      if (column >= shape.columns) break;
      T value = sum[i][j];
      if constexpr (std::is_same<T, float>::value) {
        if (last) value = ending(value, column);
      }
      to[column * step] = value;
    }
  }
}

// How a product is cut; the one place where that is chosen, by its shape alone.
struct ProductPlan {
  bool large;  // LargeTile
  int64_t blocks, splits, chunk;
};

// Blocks that a large GPU (132 to 192 multiprocessors) wants, two each; the shortest split that is
// worth a second pass; blocks from which on large tiles pay. Small on the simulator, so that small
// tests see all plans.
#ifdef RBN_SIMULATOR
constexpr int64_t kProductBlocks = 6, kLeastChunk = 32, kLeastLargeBlocks = 2;
#else
constexpr int64_t kProductBlocks = 384, kLeastChunk = 256, kLeastLargeBlocks = 128;
#endif

inline ProductPlan product_plan(int64_t rows, int64_t columns, int64_t depth, int64_t batch) {
  const auto tiles = [&](int64_t down, int64_t across) {
    return batch * ((rows + down - 1) / down) * ((columns + across - 1) / across);
  };
  const int64_t most_splits = std::max<int64_t>(depth / kLeastChunk, 1);
  const int64_t large_tiles = tiles(LargeTile::kRows, LargeTile::kColumns);
  ProductPlan plan = {};
  plan.large = rows > LargeTile::kRows / 2 && columns > LargeTile::kColumns / 2 &&
               large_tiles * std::min(most_splits, kProductBlocks) >= kLeastLargeBlocks;
  const int64_t blocks = plan.large ? large_tiles : tiles(SmallTile::kRows, SmallTile::kColumns);
  const int64_t splits = std::min(most_splits, std::max<int64_t>(kProductBlocks / blocks, 1));
  constexpr int64_t kUnit = LargeTile::kDepth;
  plan.chunk =
      std::max<int64_t>(((depth + splits - 1) / splits + kUnit - 1) / kUnit * kUnit, kUnit);
  plan.splits = std::max<int64_t>((depth + plan.chunk - 1) / plan.chunk, 1);
  plan.blocks = blocks * plan.splits;
  return plan;
}

struct ProductSize {
  int64_t rows, columns, depth, batch;
  bool a_along, b_along;  // see ProductShape
};

// out [batch, rows, columns], each batch laid out as `layout` says: row i of it along, column l
// across.
template <class T, class A>
int32_t product(RbnContext* context, const A& a, const StoredMatrix<T>& b, const Batches& batches,
                T* out, const Lines& layout, const Ending& ending, const ProductSize& size,
                RbnError* error) {
  if (size.batch == 0 || size.rows == 0 || size.columns == 0) return RBN_OK;
  constexpr int64_t kMost =
      INT32_MAX - 2 * LargeTile::kRows;  // sums of an index and a tile stay below 2^31
  if (size.rows > kMost || size.columns > kMost || size.depth > kMost || size.batch > kMost)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected matrices with sides, and batches, below %lld",
                static_cast<long long>(kMost));
  const ProductPlan plan = product_plan(size.rows, size.columns, size.depth, size.batch);
  if (plan.blocks > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected a result of at most 2^31 tiles, received %lld",
                static_cast<long long>(plan.blocks));
  const ProductShape shape = {static_cast<uint32_t>(size.rows),
                              static_cast<uint32_t>(size.columns),
                              static_cast<uint32_t>(size.depth),
                              static_cast<uint32_t>(size.batch),
                              static_cast<uint32_t>(plan.splits),
                              static_cast<uint32_t>(plan.chunk),
                              size.a_along,
                              size.b_along};
  Workspace workspace(context);
  if (plan.splits > 1) {
    const int32_t status = check(
        error, workspace.allocate(plan.splits * size.batch * size.rows * size.columns * sizeof(T)),
        "workspace");
    if (status != RBN_OK) return status;
  }
  T* const partial = static_cast<T*>(workspace.memory());
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(plan.blocks));
  config.stream = context->stream;
  const auto start = [&](auto tile) {
    using Block = decltype(tile);
    config.block = dim3(Block::kThreads);
    return launch(config, rbn_product_kernel<Block, T, A>, a, b, batches, out, partial, layout,
                  ending, shape);
  };
  int32_t status = check(error, plan.large ? start(LargeTile()) : start(SmallTile()), "launch");
  if (status == RBN_OK && plan.splits > 1)
    status = check(error,
                   launch_split_sum<T>(context, partial, out, layout, ending, size.batch, size.rows,
                                       size.columns, plan.splits),
                   "launch");
  return status;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_PRODUCT_H_
