// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// From run-time choices to template arguments, and what kernels of all files share: how a block
// finds its tile, and how a gradient is masked. Included by .cu files only.
#ifndef RBN_CUDA_RBN_DISPATCH_H_
#define RBN_CUDA_RBN_DISPATCH_H_

// First: algebra.h needs __host__ and __device__.
#include <cuda_runtime.h>

#include "../../rbn/algebra.h"
#include "../runtime/launch.h"
#include "elements.h"
#include "kernels.h"
#include "plan.h"

namespace rbn {

// What becomes of the normalised value before it is stored.
enum class Tail {
  kNone,          // linear, or ReLU alone
  kResidual,      // a residual is added, then ReLU or nothing
  kResidualMask,  // a residual is added, then ReLU, and its mask is stored
};

// Where a fused ReLU gave 0, and so dL/dy counts for nothing.
enum class Gate {
  kOpen,  // no ReLU
  kMask,  // by the stored mask
  kSign,  // by the sign of the output, which is computed again from the state
};

inline Tail tail_of(const RbnForward& call) {
  if (!call.residual) return Tail::kNone;
  return call.mask && call.problem.activation == RBN_RELU ? Tail::kResidualMask : Tail::kResidual;
}

inline Gate gate_of(const RbnBackward& call) {
  if (call.problem.activation != RBN_RELU) return Gate::kOpen;
  return call.mask ? Gate::kMask : Gate::kSign;
}

template <class T, int V>
struct Element {
  using Type = T;
  static constexpr int kWidth = V;
};
template <Tail kTail>
struct TailTag {
  static constexpr Tail kValue = kTail;
};
template <Gate kGate>
struct GateTag {
  static constexpr Gate kValue = kGate;
};

template <class F>
cudaError_t dispatch_element(int32_t dtype, int width, F&& f) {
  if (dtype == RBN_FLOAT32) return width == 1 ? f(Element<float, 1>()) : f(Element<float, 4>());
  return width == 1 ? f(Element<__nv_bfloat16, 1>()) : f(Element<__nv_bfloat16, 8>());
}

template <class F>
cudaError_t dispatch_tail(Tail tail, F&& f) {
  switch (tail) {
    case Tail::kResidual: return f(TailTag<Tail::kResidual>());
    case Tail::kResidualMask: return f(TailTag<Tail::kResidualMask>());
    default: return f(TailTag<Tail::kNone>());
  }
}

template <class F>
cudaError_t dispatch_gate(Gate gate, F&& f) {
  switch (gate) {
    case Gate::kMask: return f(GateTag<Gate::kMask>());
    case Gate::kSign: return f(GateTag<Gate::kSign>());
    default: return f(GateTag<Gate::kOpen>());
  }
}

inline LaunchConfig config_of(const Tiles& tiles, cudaStream_t stream) {
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(tiles.grid()));
  config.block = dim3(tiles.block_x, tiles.block_y);
  config.stream = stream;
  return config;
}

inline LaunchConfig config_of(const Rows& rows, cudaStream_t stream) {
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(rows.grid()));
  config.block = dim3(kThreads);
  config.stream = stream;
  return config;
}

// Above 48 KiB of dynamic shared memory a kernel has to ask; RbnContext::shared_bytes is the
// device's limit.
template <class... P>
cudaError_t allow_shared(void (*kernel)(P...), size_t bytes) {
  if (bytes <= 48 * 1024) return cudaSuccess;
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                              cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
}

// The piece of a channels-last tensor that a block takes.
struct Tile {
  int64_t instance;
  int64_t chunk;
  int64_t vector;      // of this thread
  int64_t begin, end;  // positions of the block
  bool inside;         // the thread's vector is one of the tensor's
};

// Blocks with consecutive numbers are neighbours in memory: channels first, then positions.
__device__ __forceinline__ Tile find_tile(const Tiles& t, unsigned number) {
  const unsigned slabs = static_cast<unsigned>(t.slabs), chunks = static_cast<unsigned>(t.chunks);
  Tile tile;
  tile.vector = static_cast<int64_t>(number % slabs) * blockDim.x + threadIdx.x;
  tile.inside = tile.vector < t.vectors;
  tile.chunk = number / slabs % chunks;
  tile.instance = number / slabs / chunks;
  tile.begin = tile.chunk * t.chunk_positions;
  tile.end =
      tile.begin + t.chunk_positions < t.positions ? tile.begin + t.chunk_positions : t.positions;
  return tile;
}

// The piece of a channels-first tensor that a thread's lanes take.
struct RowTile {
  int64_t row;  // n·C + c
  int64_t chunk;
  int64_t begin, end;  // vectors
  int lane;
  bool inside;
};

__device__ __forceinline__ RowTile find_row_tile(const Rows& r, unsigned number) {
  const unsigned groups = static_cast<unsigned>(r.groups), chunks = static_cast<unsigned>(r.chunks);
  RowTile tile;
  tile.chunk = number % chunks;
  tile.row = static_cast<int64_t>(number / chunks % groups) * r.block_rows +
             threadIdx.x / static_cast<unsigned>(r.lanes);
  tile.inside = tile.row < r.rows;
  tile.lane = threadIdx.x % static_cast<unsigned>(r.lanes);
  tile.begin = tile.chunk * r.chunk_vectors;
  tile.end = tile.begin + r.chunk_vectors < r.vectors ? tile.begin + r.chunk_vectors : r.vectors;
  return tile;
}

// Where the sums of a row's chunk go in a plane [N, chunks, C].
__device__ __forceinline__ int64_t partial_index(const Rows& r, const RowTile& tile) {
  return (tile.row / r.channels * r.chunks + tile.chunk) * r.channels + tile.row % r.channels;
}

// Tiles in the opposite order: what the launch before read last is still in L2.
__device__ __forceinline__ unsigned reversed_block() { return gridDim.x - 1 - blockIdx.x; }

// G of V elements from dL/dy. Only the coefficients that the gate needs are read.
template <Gate kGate, int V>
__device__ __forceinline__ void apply_gate(float (&g)[V], unsigned mask, const float (&x)[V],
                                           const float (&h)[V], const float (&A)[V],
                                           const float (&B)[V]) {
#pragma unroll
  for (int i = 0; i < V; ++i) {
    if constexpr (kGate == Gate::kMask) g[i] = mask >> i & 1u ? g[i] : 0.0f;
    if constexpr (kGate == Gate::kSign) {
      g[i] = relu_passes(forward_element(x[i], h[i], A[i], B[i])) ? g[i] : 0.0f;
    }
  }
}

// Finishes V elements of the output: residual, ReLU; returns the bits of the mask.
template <Tail kTail, int V>
__device__ __forceinline__ unsigned finish(float (&y)[V], const float (&residual)[V], bool relu) {
  unsigned bits = 0;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    if constexpr (kTail != Tail::kNone) y[i] += residual[i];
    const bool passes = relu_passes(y[i]);
    bits |= static_cast<unsigned>(passes) << i;
    if (relu) y[i] = passes ? y[i] : 0.0f;
  }
  return bits;
}

}  // namespace rbn

#endif  // RBN_CUDA_RBN_DISPATCH_H_
