// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Backward, channels last, two passes: the one that sums and the one that writes.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// Per tile and channel: D = ΣG and T = ΣG·(x − h).
template <class T, int V, Gate kGate>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_sums_last_kernel(const T* __restrict__ dy,           // [N, S, C]
                                  const T* __restrict__ x,            // [N, S, C]
                                  const uint8_t* __restrict__ mask,   // [N, S, row_bytes]
                                  const float* __restrict__ state_h,  // [N, C]
                                  const float* __restrict__ state_A,  // [N, C]
                                  const float* __restrict__ state_B,  // [N, C]
                                  float* __restrict__ first,          // [N, chunks, C]
                                  float* __restrict__ second,         // [N, chunks, C]
                                  int64_t row_bytes, Tiles tiles) {
  RBN_SHARED(double, scratch, kRowsScratch<2 * V>);
  const Tile tile = find_tile(tiles, blockIdx.x);
  float sum_D[V] = {}, sum_T[V] = {};
  if (tile.inside) {
    float h[V], A[V], B[V];
    const int64_t plane_at = tile.instance * tiles.channels + tile.vector * V;
    load_plane(state_h + plane_at, h);
    if constexpr (kGate == Gate::kSign) {
      load_plane(state_A + plane_at, A);
      load_plane(state_B + plane_at, B);
    }
    const int64_t step = blockDim.y;
    for (int64_t s = tile.begin + threadIdx.y; s < tile.end; s += kUnroll * step) {
      Raw<T, V> raw_dy[kUnroll], raw_x[kUnroll];
      unsigned bits[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * step < tile.end) {
          const int64_t position = tile.instance * tiles.positions + s + u * step;
          raw_dy[u] = load_kept<T, V>(dy + position * tiles.channels + tile.vector * V);
          raw_x[u] = load_kept<T, V>(x + position * tiles.channels + tile.vector * V);
          if constexpr (kGate == Gate::kMask)
            bits[u] = load_mask<V>(mask + position * row_bytes, tile.vector);
        }
      }
      // Two positions meet before they join the long sums: half the roundings, and registers
      // enough.
#pragma unroll
      for (int u = 0; u < kUnroll; u += 2) {
        float pair_D[V] = {}, pair_T[V] = {};
#pragma unroll
        for (int w = u; w < u + 2; ++w) {
          if (s + w * step < tile.end) {
            float g[V], v[V];
            Packed<T, V>::unpack(raw_dy[w], g);
            Packed<T, V>::unpack(raw_x[w], v);
            apply_gate<kGate>(g, bits[w], v, h, A, B);
#pragma unroll
            for (int i = 0; i < V; ++i) {
              pair_D[i] += g[i];
              pair_T[i] = fmaf(g[i], v[i] - h[i], pair_T[i]);
            }
          }
        }
#pragma unroll
        for (int i = 0; i < V; ++i) {
          sum_D[i] += pair_D[i];
          sum_T[i] += pair_T[i];
        }
      }
    }
  }
  double total[2 * V];
#pragma unroll
  for (int i = 0; i < V; ++i) total[i] = sum_D[i], total[V + i] = sum_T[i];
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

// dx = P·G + Q·(x − h) + R, dresidual = G. With given statistics Q = 0 and x is not read, unless
// the gate needs it.
template <class T, int V, Gate kGate, bool kTraining>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_write_last_kernel(const T* __restrict__ dy,           // [N, S, C]
                                   const T* __restrict__ x,            // [N, S, C]
                                   const uint8_t* __restrict__ mask,   // [N, S, row_bytes]
                                   const float* __restrict__ state_h,  // [N, C]
                                   const float* __restrict__ state_A,  // [N, C]
                                   const float* __restrict__ state_B,  // [N, C]
                                   BackwardPlanes planes,
                                   T* __restrict__ dx,         // [N, S, C]
                                   T* __restrict__ dresidual,  // [N, S, C]
                                   int64_t row_bytes, Tiles tiles) {
  constexpr bool kReadsX = kTraining || kGate == Gate::kSign;
  const Tile tile = find_tile(tiles, reversed_block());
  if (!tile.inside) return;
  float h[V] = {}, A[V], B[V], P[V], Q[V] = {}, R[V];
  const int64_t plane_at = tile.instance * tiles.channels + tile.vector * V;
  load_plane(planes.P + plane_at, P);
  load_plane(planes.R + plane_at, R);
  if constexpr (kTraining) load_plane(planes.Q + tile.vector * V, Q);
  if constexpr (kReadsX) load_plane(state_h + plane_at, h);
  if constexpr (kGate == Gate::kSign) {
    load_plane(state_A + plane_at, A);
    load_plane(state_B + plane_at, B);
  }
  const int64_t step = blockDim.y;
  for (int64_t s = tile.begin + threadIdx.y; s < tile.end; s += kUnroll * step) {
    Raw<T, V> raw_dy[kUnroll], raw_x[kUnroll];
    unsigned bits[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (s + u * step < tile.end) {
        const int64_t position = tile.instance * tiles.positions + s + u * step;
        raw_dy[u] = load_last<T, V>(dy + position * tiles.channels + tile.vector * V);
        if constexpr (kReadsX)
          raw_x[u] = load_last<T, V>(x + position * tiles.channels + tile.vector * V);
        if constexpr (kGate == Gate::kMask)
          bits[u] = load_mask<V>(mask + position * row_bytes, tile.vector);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (s + u * step < tile.end) {
        const int64_t position = tile.instance * tiles.positions + s + u * step;
        const int64_t at = position * tiles.channels + tile.vector * V;
        float g[V], v[V] = {};
        Packed<T, V>::unpack(raw_dy[u], g);
        if constexpr (kReadsX) Packed<T, V>::unpack(raw_x[u], v);
        apply_gate<kGate>(g, bits[u], v, h, A, B);
        if constexpr (kGate == Gate::kMask) {
          if (dresidual) store_last<T, V>(dresidual + at, g);
        }
#pragma unroll
        for (int i = 0; i < V; ++i) {
          g[i] = kTraining ? backward_element(g[i], v[i], h[i], {P[i], Q[i], R[i]})
                           : backward_element(g[i], 0.0f, 0.0f, {P[i], 0.0f, R[i]});
        }
        store_last<T, V>(dx + at, g);
      }
    }
  }
}

}  // namespace

cudaError_t rbn_backward_sums_last(const RbnBackward& call, const Tiles& tiles, int width,
                                   const PartialSums& sums, cudaStream_t stream) {
  const int64_t plane = tiles.instances * tiles.channels;
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(tiles, stream),
          rbn_backward_sums_last_kernel<T, decltype(element)::kWidth, decltype(gate)::kValue>,
          static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask, call.state,
          call.state + 2 * plane, call.state + 3 * plane, sums.first, sums.second,
          rbn_mask_row_bytes(&call.problem), tiles);
    });
  });
}

cudaError_t rbn_backward_write_last(const RbnBackward& call, const Tiles& tiles, int width,
                                    const BackwardPlanes& planes, cudaStream_t stream) {
  const int64_t plane = tiles.instances * tiles.channels;
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      constexpr int kWidth = decltype(element)::kWidth;
      constexpr Gate kGate = decltype(gate)::kValue;
      const auto kernel = call.problem.training
                              ? rbn_backward_write_last_kernel<T, kWidth, kGate, true>
                              : rbn_backward_write_last_kernel<T, kWidth, kGate, false>;
      return launch(config_of(tiles, stream), kernel, static_cast<const T*>(call.dy),
                    static_cast<const T*>(call.x), call.mask, call.state, call.state + 2 * plane,
                    call.state + 3 * plane, planes, static_cast<T*>(call.dx),
                    static_cast<T*>(call.dresidual), rbn_mask_row_bytes(&call.problem), tiles);
    });
  });
}

}  // namespace rbn
