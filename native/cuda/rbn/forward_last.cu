// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Forward, channels last, two passes: the one that sums and the one that writes.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// Per tile and channel: Σ(x − pivot) and Σ(x − pivot)², pivot = x[n, 0, c].
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_sums_last_kernel(const T* __restrict__ x,     // [N, S, C]
                                 float* __restrict__ first,   // [N, chunks, C]
                                 float* __restrict__ second,  // [N, chunks, C]
                                 Tiles tiles) {
  RBN_SHARED(double, scratch, kRowsScratch<2 * V>);
  const Tile tile = find_tile(tiles, blockIdx.x);
  float sum[V] = {}, square[V] = {};
  if (tile.inside) {
    const T* column = x + tile.instance * tiles.positions * tiles.channels + tile.vector * V;
    const Raw<T, V> raw_pivot = load_kept<T, V>(column);
    float pivot[V];
    Packed<T, V>::unpack(raw_pivot, pivot);
    const int64_t step = blockDim.y;
    for (int64_t s = tile.begin + threadIdx.y; s < tile.end; s += kUnroll * step) {
      Raw<T, V> raw[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        // What is missing counts as the pivot, whose terms are 0.
        raw[u] = s + u * step < tile.end ? load_kept<T, V>(column + (s + u * step) * tiles.channels)
                                         : raw_pivot;
      }
      // Two positions meet before they join the long sum: half the roundings, and registers enough.
#pragma unroll
      for (int u = 0; u < kUnroll; u += 2) {
        float d0[V], d1[V];
        Packed<T, V>::unpack(raw[u], d0);
        Packed<T, V>::unpack(raw[u + 1], d1);
#pragma unroll
        for (int i = 0; i < V; ++i) {
          d0[i] -= pivot[i];
          d1[i] -= pivot[i];
          sum[i] += d0[i] + d1[i];
          square[i] += fmaf(d0[i], d0[i], d1[i] * d1[i]);
        }
      }
    }
  }
  double total[2 * V];
#pragma unroll
  for (int i = 0; i < V; ++i) total[i] = sum[i], total[V + i] = square[i];
  reduce_rows(total, scratch);
  if (tile.inside && threadIdx.y == 0) {
    const int64_t at =
        (tile.instance * tiles.chunks + tile.chunk) * tiles.channels + tile.vector * V;
#pragma unroll
    for (int i = 0; i < V; ++i) {
      first[at + i] = static_cast<float>(total[i]);
      second[at + i] = static_cast<float>(total[V + i]);
    }
  }
}

// y = A·(x − h) + B, then residual and ReLU.
template <class T, int V, Tail kTail>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_write_last_kernel(const T* __restrict__ x,            // [N, S, C]
                                  const T* __restrict__ residual,     // [N, S, C]
                                  const float* __restrict__ state_h,  // [N, C]
                                  const float* __restrict__ state_A,  // [N, C]
                                  const float* __restrict__ state_B,  // [N, C]
                                  T* __restrict__ y,                  // [N, S, C]
                                  uint8_t* __restrict__ mask,         // [N, S, row_bytes]
                                  int64_t row_bytes, bool relu, Tiles tiles) {
  const Tile tile = find_tile(tiles, reversed_block());
  float h[V], A[V], B[V];
  if (tile.inside) {
    const int64_t at = tile.instance * tiles.channels + tile.vector * V;
    load_plane(state_h + at, h);
    load_plane(state_A + at, A);
    load_plane(state_B + at, B);
  }
  const int64_t step = blockDim.y;
  // All threads take the same number of steps: bytes of the mask are put together by whole warps.
  for (int64_t start = tile.begin; start < tile.end; start += kUnroll * step) {
    Raw<T, V> raw[kUnroll], raw_residual[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * step + threadIdx.y;
      if (tile.inside && s < tile.end) {
        const int64_t at = (tile.instance * tiles.positions + s) * tiles.channels + tile.vector * V;
        raw[u] = load_last<T, V>(x + at);
        if constexpr (kTail != Tail::kNone) raw_residual[u] = load_last<T, V>(residual + at);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * step + threadIdx.y;
      const int64_t position = tile.instance * tiles.positions + s;
      const bool inside = tile.inside && s < tile.end;
      unsigned bits = 0;
      if (inside) {
        float v[V], r[V];
        Packed<T, V>::unpack(raw[u], v);
        if constexpr (kTail != Tail::kNone) Packed<T, V>::unpack(raw_residual[u], r);
#pragma unroll
        for (int i = 0; i < V; ++i) v[i] = forward_element(v[i], h[i], A[i], B[i]);
        bits = finish<kTail>(v, r, relu);
        store_last<T, V>(y + position * tiles.channels + tile.vector * V, v);
      }
      if constexpr (kTail == Tail::kResidualMask) {
        store_mask<V>(mask + position * row_bytes, tile.vector, inside, bits);
      }
    }
  }
}

}  // namespace

cudaError_t rbn_forward_sums_last(const RbnForward& call, const Tiles& tiles, int width,
                                  const PartialSums& sums, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(config_of(tiles, stream),
                  rbn_forward_sums_last_kernel<T, decltype(element)::kWidth>,
                  static_cast<const T*>(call.x), sums.first, sums.second, tiles);
  });
}

cudaError_t rbn_forward_write_last(const RbnForward& call, const Tiles& tiles, int width,
                                   const float* state, cudaStream_t stream) {
  const int64_t plane = tiles.instances * tiles.channels;
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(tiles, stream),
          rbn_forward_write_last_kernel<T, decltype(element)::kWidth, decltype(tail)::kValue>,
          static_cast<const T*>(call.x), static_cast<const T*>(call.residual), state,
          state + 2 * plane, state + 3 * plane, static_cast<T*>(call.y), call.mask,
          rbn_mask_row_bytes(&call.problem), call.problem.activation == RBN_RELU, tiles);
    });
  });
}

}  // namespace rbn
