// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Backward, channels first, two passes: the one that sums and the one that writes. Lanes of a block
// share rows (n, c) of S positions.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// G of V positions of one row.
template <Gate kGate, int V>
__device__ __forceinline__ void apply_row_gate(float (&g)[V], unsigned mask, const float (&x)[V],
                                               float h, float A, float B) {
#pragma unroll
  for (int i = 0; i < V; ++i) {
    if constexpr (kGate == Gate::kMask) g[i] = mask >> i & 1u ? g[i] : 0.0f;
    if constexpr (kGate == Gate::kSign)
      g[i] = relu_passes(forward_element(x[i], h, A, B)) ? g[i] : 0.0f;
  }
}

// Per row and chunk: D = ΣG and T = ΣG·(x − h). Without the second bound ptxas spills to fit 64
// registers.
template <class T, int V, Gate kGate>
__global__ void __launch_bounds__(kThreads, 1)
    rbn_backward_sums_first_kernel(const T* __restrict__ dy,           // [N, C, S]
                                   const T* __restrict__ x,            // [N, C, S]
                                   const uint8_t* __restrict__ mask,   // [N, C, row_bytes]
                                   const float* __restrict__ state_h,  // [N, C]
                                   const float* __restrict__ state_A,  // [N, C]
                                   const float* __restrict__ state_B,  // [N, C]
                                   float* __restrict__ first,          // [N, chunks, C]
                                   float* __restrict__ second,         // [N, chunks, C]
                                   int64_t row_bytes, Rows rows) {
  RBN_SHARED(double, scratch, kLanesScratch<2>);
  const RowTile tile = find_row_tile(rows, blockIdx.x);
  float sum_D[V] = {}, sum_T[V] = {};
  if (tile.inside) {
    const float h = state_h[tile.row];
    const float A = kGate == Gate::kSign ? state_A[tile.row] : 0.0f;
    const float B = kGate == Gate::kSign ? state_B[tile.row] : 0.0f;
    for (int64_t s = tile.begin + tile.lane; s < tile.end; s += kUnroll * rows.lanes) {
      Raw<T, V> raw_dy[kUnroll], raw_x[kUnroll];
      unsigned bits[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        const int64_t vector = s + u * rows.lanes;
        if (vector < tile.end) {
          raw_dy[u] = load_kept<T, V>(dy + tile.row * rows.positions + vector * V);
          raw_x[u] = load_kept<T, V>(x + tile.row * rows.positions + vector * V);
          if constexpr (kGate == Gate::kMask)
            bits[u] = load_mask<V>(mask + tile.row * row_bytes, vector);
        }
      }
      // Two positions meet before they join the long sums, as with channels last.
#pragma unroll
      for (int u = 0; u < kUnroll; u += 2) {
        float pair_D[V] = {}, pair_T[V] = {};
#pragma unroll
        for (int w = u; w < u + 2; ++w) {
          if (s + w * rows.lanes < tile.end) {
            float g[V], v[V];
            Packed<T, V>::unpack(raw_dy[w], g);
            Packed<T, V>::unpack(raw_x[w], v);
            apply_row_gate<kGate>(g, bits[w], v, h, A, B);
#pragma unroll
            for (int i = 0; i < V; ++i) {
              pair_D[i] += g[i];
              pair_T[i] = fmaf(g[i], v[i] - h, pair_T[i]);
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
  double total[2] = {};
#pragma unroll
  for (int i = 0; i < V; ++i) {
    total[0] += sum_D[i];
    total[1] += sum_T[i];
  }
  reduce_lanes(total, rows.lanes, scratch);
  if (tile.inside && tile.lane == 0) {
    const int64_t at = partial_index(rows, tile);
    first[at] = static_cast<float>(total[0]);
    second[at] = static_cast<float>(total[1]);
  }
}

// dx = P·G + Q·(x − h) + R, dresidual = G. With given statistics Q = 0 and x is not read, unless
// the gate needs it.
template <class T, int V, Gate kGate, bool kTraining>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_write_first_kernel(const T* __restrict__ dy,           // [N, C, S]
                                    const T* __restrict__ x,            // [N, C, S]
                                    const uint8_t* __restrict__ mask,   // [N, C, row_bytes]
                                    const float* __restrict__ state_h,  // [N, C]
                                    const float* __restrict__ state_A,  // [N, C]
                                    const float* __restrict__ state_B,  // [N, C]
                                    BackwardPlanes planes,
                                    T* __restrict__ dx,         // [N, C, S]
                                    T* __restrict__ dresidual,  // [N, C, S]
                                    int64_t row_bytes, Rows rows) {
  constexpr bool kReadsX = kTraining || kGate == Gate::kSign;
  const RowTile tile = find_row_tile(rows, reversed_block());
  if (!tile.inside) return;
  const BackwardCoefficients k = {planes.P[tile.row],
                                  kTraining ? planes.Q[tile.row % rows.channels] : 0.0f,
                                  planes.R[tile.row]};
  const float h = kReadsX ? state_h[tile.row] : 0.0f;
  const float A = kGate == Gate::kSign ? state_A[tile.row] : 0.0f;
  const float B = kGate == Gate::kSign ? state_B[tile.row] : 0.0f;
  for (int64_t s = tile.begin + tile.lane; s < tile.end; s += kUnroll * rows.lanes) {
    Raw<T, V> raw_dy[kUnroll], raw_x[kUnroll];
    unsigned bits[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t vector = s + u * rows.lanes;
      if (vector < tile.end) {
        raw_dy[u] = load_last<T, V>(dy + tile.row * rows.positions + vector * V);
        if constexpr (kReadsX)
          raw_x[u] = load_last<T, V>(x + tile.row * rows.positions + vector * V);
        if constexpr (kGate == Gate::kMask)
          bits[u] = load_mask<V>(mask + tile.row * row_bytes, vector);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t vector = s + u * rows.lanes;
      if (vector < tile.end) {
        const int64_t at = tile.row * rows.positions + vector * V;
        float g[V], v[V] = {};
        Packed<T, V>::unpack(raw_dy[u], g);
        if constexpr (kReadsX) Packed<T, V>::unpack(raw_x[u], v);
        apply_row_gate<kGate>(g, bits[u], v, h, A, B);
        if constexpr (kGate == Gate::kMask) {
          if (dresidual) store_last<T, V>(dresidual + at, g);
        }
#pragma unroll
        for (int i = 0; i < V; ++i) {
          g[i] = kTraining ? backward_element(g[i], v[i], h, k)
                           : backward_element(g[i], 0.0f, 0.0f, k);
        }
        store_last<T, V>(dx + at, g);
      }
    }
  }
}

}  // namespace

cudaError_t rbn_backward_sums_first(const RbnBackward& call, const Rows& rows, int width,
                                    const PartialSums& sums, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(rows, stream),
          rbn_backward_sums_first_kernel<T, decltype(element)::kWidth, decltype(gate)::kValue>,
          static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask, call.state,
          call.state + 2 * rows.rows, call.state + 3 * rows.rows, sums.first, sums.second,
          rbn_mask_row_bytes(&call.problem), rows);
    });
  });
}

cudaError_t rbn_backward_write_first(const RbnBackward& call, const Rows& rows, int width,
                                     const BackwardPlanes& planes, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      constexpr int kWidth = decltype(element)::kWidth;
      constexpr Gate kGate = decltype(gate)::kValue;
      const auto kernel = call.problem.training
                              ? rbn_backward_write_first_kernel<T, kWidth, kGate, true>
                              : rbn_backward_write_first_kernel<T, kWidth, kGate, false>;
      return launch(config_of(rows, stream), kernel, static_cast<const T*>(call.dy),
                    static_cast<const T*>(call.x), call.mask, call.state,
                    call.state + 2 * rows.rows, call.state + 3 * rows.rows, planes,
                    static_cast<T*>(call.dx), static_cast<T*>(call.dresidual),
                    rbn_mask_row_bytes(&call.problem), rows);
    });
  });
}

}  // namespace rbn
