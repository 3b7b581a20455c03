// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which kernels run a problem, and how it is cut into blocks: the one place where both are decided.
//
//   RBN_PLAN_SINGLE       S = 1: a reduction over the instances, then an elementwise pass.
//   RBN_PLAN_FROZEN_ONCE  given statistics, forward: a block keeps a piece of an instance in shared
//                         memory, so x is read once, in one launch. Taken whenever the piece fits.
//   RBN_PLAN_TWO_PASS     everything else: sums, a small step a (n, c), writing; x is read twice.
//
// All counts follow from shapes alone, never from the number of multiprocessors: a sum is cut at
// the same places on every GPU, so it has the same bits. RBN_PLAN_AUTO takes FROZEN_ONCE by the
// shared memory that all GPUs since compute capability 8.0 have, so there the choice follows from
// shapes, too.
#ifndef RBN_CUDA_RBN_PLAN_H_
#define RBN_CUDA_RBN_PLAN_H_

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>

#include "../../rbn/problem.h"
#include "../engine.h"

namespace rbn {

// Threads a block. 256 keep 8 blocks on a multiprocessor with 32 registers a thread and 4 with 64.
constexpr int kThreads = 256;
// Positions that a thread loads before it uses the first: with 16 bytes each, 512 threads hide the
// latency of a multiprocessor's share of 3 TB/s twice over.
constexpr int kUnroll = 4;
// Positions whose terms a thread adds up in float32, in twos, before the sum goes on in double: 32
// roundings in a row, about 2e-7 of the sum.
constexpr int kThreadPositions = 64;
// Blocks wanted in a launch: two full waves of an H100 at 8 blocks a multiprocessor. More cost more
// partial sums, fewer leave a longer tail. The simulator wants few: with 2048 it takes millions of
// elements until a thread of a block goes round its loop again, and then no test would. More than
// the 32 lanes that add up a channel's partial sums, so that they go round, too.
#ifdef RBN_SIMULATOR
constexpr int64_t kBlocks = 40;
#else
constexpr int64_t kBlocks = 2048;
#endif
// The least that a GPU of compute capability 8.0 or later lets a block have.
constexpr int64_t kOnceBytes = 99 * 1024;
constexpr int64_t kMaxGrid = 0x7fffffff;  // of gridDim.x

// Channels last: a block is block_x vectors of `width` channels × block_y positions.
struct Tiles {
  int64_t instances, positions, channels;
  int64_t vectors;          // of channels: channels / width
  int64_t chunk_positions;  // positions a block; the last chunk of an instance may be shorter
  int64_t slabs;            // blocks along the channels
  int64_t chunks;           // blocks along the positions of an instance
  int32_t block_x, block_y;

  int64_t grid() const { return instances * slabs * chunks; }
};

// Channels first: `lanes` threads share a row (n, c) of S positions.
struct Rows {
  int64_t rows, positions, channels;  // rows = N·C
  int64_t vectors;                    // of positions: positions / width
  int64_t chunk_vectors;              // vectors of a row that a block takes
  int64_t groups;                     // blocks along the rows
  int64_t chunks;                     // blocks along a row
  int32_t lanes;                      // 8, 32 or kThreads
  int32_t block_rows;                 // rows a block: kThreads / lanes

  int64_t grid() const { return groups * chunks; }
};

// Elements in 16 bytes where rows of `row` elements keep vectors whole, else 1.
inline int vector_width(int32_t dtype, int64_t row, bool aligned) {
  const int width = dtype == RBN_FLOAT32 ? 4 : 8;
  return aligned && row % width == 0 ? width : 1;
}

inline int element_bytes(int32_t dtype) { return dtype == RBN_FLOAT32 ? 4 : 2; }
inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }
inline int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}
inline int power_of_two_from(int64_t value, int limit) {
  int power = 1;
  while (power < value && power < limit) power *= 2;
  return power;
}

// Positions a block, of `positions`, where `others` blocks are there anyway and `lanes` positions
// are taken at a time.
inline int64_t chunk_length(int64_t positions, int64_t others, int64_t lanes) {
  const int64_t step = lanes * kUnroll;
  const int64_t chunks = clamp(divide_up(kBlocks, others), 1, divide_up(positions, step));
  const int64_t length = round_up(divide_up(positions, chunks), step);
  return length < lanes * kThreadPositions ? length : lanes * kThreadPositions;
}

// `writes_mask`: a byte of the mask is put together from the lanes of one warp, so a row of the
// block is a power of two of threads and at least a byte, and all warps are whole.
inline Tiles make_tiles(int64_t instances, int64_t positions, int64_t channels, int width,
                        bool writes_mask = false) {
  Tiles t = {};
  t.instances = instances;
  t.positions = positions;
  t.channels = channels;
  t.vectors = divide_up(channels, width);
  if (writes_mask) {
    t.block_x = power_of_two_from(t.vectors, 32);
    if (t.block_x * width < 8) t.block_x = 8 / width;
    t.block_y = static_cast<int32_t>(
        clamp(round_up(positions, divide_up(32, t.block_x)), 1, kThreads / t.block_x));
  } else {
    // As equal slabs as there can be: 33 vectors are 17 + 16, not 32 + 1.
    t.block_x = static_cast<int32_t>(divide_up(t.vectors, divide_up(t.vectors, 32)));
    t.block_y = static_cast<int32_t>(clamp(positions, 1, kThreads / t.block_x));
  }
  t.slabs = divide_up(t.vectors, t.block_x);
  t.chunk_positions = chunk_length(positions, instances * t.slabs, t.block_y);
  t.chunks = divide_up(positions, t.chunk_positions);
  return t;
}

inline Rows make_rows(int64_t rows, int64_t positions, int64_t channels, int width) {
  Rows r = {};
  r.rows = rows;
  r.positions = positions;
  r.channels = channels;
  r.vectors = divide_up(positions, width);
  // Up to 4 vectors a thread with 8 lanes and up to 16 with a warp; then a row is worth whole
  // blocks.
  r.lanes = r.vectors <= 32 ? 8 : r.vectors <= 512 ? 32 : kThreads;
  r.block_rows = kThreads / r.lanes;
  r.groups = divide_up(rows, r.block_rows);
  r.chunk_vectors =
      r.lanes < kThreads ? round_up(r.vectors, r.lanes) : chunk_length(r.vectors, rows, r.lanes);
  r.chunks = divide_up(r.vectors, r.chunk_vectors);
  return r;
}

// Most bytes of a staged piece: two of them fit in the 48 KiB that every kernel may take.
constexpr int64_t kStagedBytes = 24 * 1024;

// Channels first through shared memory, for rows without whole vectors: block_rows rows are a
// multiple of 16 bytes and, where rows are short, about 12 KiB, which lets 8 blocks of two pieces
// share a multiprocessor of 228 KiB. chunks = 1.
inline Rows make_staged_rows(int64_t rows, int64_t positions, int64_t channels, int32_t dtype) {
  const int64_t row_bytes = positions * element_bytes(dtype);
  Rows r = {};
  r.rows = rows;
  r.positions = positions;
  r.channels = channels;
  r.vectors = r.chunk_vectors = positions;
  r.chunks = 1;
  r.lanes = positions <= 64 ? 8 : 32;
  // Multiples of what the threads take at once, 32 or 8 rows: also multiples of 16 bytes.
  r.block_rows =
      static_cast<int32_t>(round_up(clamp(12 * 1024 / row_bytes, 1, 1024), kThreads / r.lanes));
  r.groups = divide_up(rows, r.block_rows);
  return r;
}

inline int64_t staged_bytes(const Rows& r, int32_t dtype) {
  return r.block_rows * r.positions * element_bytes(dtype);
}

// FROZEN_ONCE, channels last: a block keeps all positions of one instance of block_x vectors.
struct OnceTiles {
  int64_t instances, positions, channels;
  int64_t vectors;
  int64_t slabs;
  int32_t block_x, block_y;
  int64_t piece_bytes;   // [S, block_x] vectors
  int64_t shared_bytes;  // of the piece and what lies behind it

  int64_t grid() const { return instances * slabs; }
};

inline OnceTiles make_once_tiles(const RbnProblem& p, int width) {
  OnceTiles t = {};
  t.instances = p.instances;
  t.positions = p.positions;
  t.channels = p.channels;
  t.vectors = divide_up(p.channels, width);
  const int bytes = element_bytes(p.dtype);
  // 128 bytes of a position are best for DRAM, 32 the least that wastes none. Narrower where the
  // piece would not fit, or would leave fewer blocks than an H100 has multiprocessors.
  for (int row_bytes = 128; row_bytes >= 32; row_bytes /= 2) {
    t.block_x = power_of_two_from(t.vectors, row_bytes / (width * bytes));
    if (t.block_x * width < 8) t.block_x = 8 / width;  // a byte of the mask
    if (t.block_x > 32) t.block_x = 32;                // a row within a warp
    t.block_y = kThreads / t.block_x;
    t.slabs = divide_up(t.vectors, t.block_x);
    const int64_t channels = t.block_x * width;
    // The piece, and a float a channel and warp for its sums.
    t.piece_bytes = round_up(p.positions * channels * bytes, 16);
    t.shared_bytes = t.piece_bytes + channels * (kThreads / 32) * 4;
    if (t.shared_bytes <= kOnceBytes && t.grid() >= 132) break;
  }
  return t;
}

// FROZEN_ONCE, channels first: as Rows without chunks; shared memory holds the rows.
inline Rows make_once_rows(const RbnProblem& p, int width) {
  Rows r = make_rows(p.instances * p.channels, p.positions, p.channels, width);
  r.chunk_vectors = round_up(r.vectors, r.lanes);
  r.chunks = 1;
  return r;
}

// What lies behind the rows: a double a warp, and three floats a row, of which there are at most kThreads / 8.
constexpr int64_t kOnceRowsRest = kThreads / 32 * 8 + 3 * (kThreads / 8) * 4;

inline int64_t once_rows_bytes(const Rows& r, const RbnProblem& p) {
  return round_up(r.block_rows * p.positions * element_bytes(p.dtype), 16) + kOnceRowsRest;
}

inline bool is_single(const RbnProblem& p) { return p.positions == 1; }

// Shared memory that FROZEN_ONCE takes with vectors where the shape allows them; without them it
// takes no more.
inline int64_t once_bytes(RbnProblem p) {
  // An empty batch launches nothing; the geometry below assumes that there is something.
  for (int64_t* size : {&p.instances, &p.positions, &p.channels}) *size = *size > 0 ? *size : 1;
  const int64_t row = p.layout == RBN_CHANNELS_LAST ? p.channels : p.positions;
  const int width = vector_width(p.dtype, row, true);
  if (p.layout == RBN_CHANNELS_LAST) return make_once_tiles(p, width).shared_bytes;
  return once_rows_bytes(make_once_rows(p, width), p);
}

// `shared_bytes`: what the device lets a block have.
inline bool plan_fits(const RbnProblem& p, bool backward, int32_t plan, int64_t shared_bytes) {
  switch (plan) {
    case RBN_PLAN_AUTO: return true;
    case RBN_PLAN_TWO_PASS: return !is_single(p);
    case RBN_PLAN_SINGLE: return is_single(p);
    case RBN_PLAN_FROZEN_ONCE:
      return !is_single(p) && !p.training && !backward && once_bytes(p) <= shared_bytes;
    default: return false;
  }
}

inline RbnPlan choose_plan(const RbnProblem& p, bool backward, int64_t shared_bytes) {
  if (is_single(p)) return RBN_PLAN_SINGLE;
  const int64_t limit = shared_bytes < kOnceBytes ? shared_bytes : kOnceBytes;
  return plan_fits(p, backward, RBN_PLAN_FROZEN_ONCE, limit) ? RBN_PLAN_FROZEN_ONCE
                                                             : RBN_PLAN_TWO_PASS;
}

}  // namespace rbn

#endif  // RBN_CUDA_RBN_PLAN_H_
