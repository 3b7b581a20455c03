// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Forward, channels first, two passes: the one that sums and the one that writes. Lanes of a block
// share rows (n, c) of S positions.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// Per row and chunk: Σ(x − pivot) and Σ(x − pivot)², pivot = x[n, c, 0]. Without the second bound
// ptxas spills to fit 40 registers.
template <class T, int V>
__global__ void __launch_bounds__(kThreads, 1)
    rbn_forward_sums_first_kernel(const T* __restrict__ x,     // [N, C, S]
                                  float* __restrict__ first,   // [N, chunks, C]
                                  float* __restrict__ second,  // [N, chunks, C]
                                  Rows rows) {
  RBN_SHARED(double, scratch, kLanesScratch<2>);
  const RowTile tile = find_row_tile(rows, blockIdx.x);
  float sum[V] = {}, square[V] = {};
  if (tile.inside) {
    const T* row = x + tile.row * rows.positions;
    float pivot[1];
    Packed<T, 1>::unpack(load_kept<T, 1>(row), pivot);
    for (int64_t s = tile.begin + tile.lane; s < tile.end; s += kUnroll * rows.lanes) {
      Raw<T, V> raw[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * rows.lanes < tile.end) raw[u] = load_kept<T, V>(row + (s + u * rows.lanes) * V);
      }
      // Two positions meet before they join the long sum, as with channels last.
#pragma unroll
      for (int u = 0; u < kUnroll; u += 2) {
        float pair[V] = {}, pair_square[V] = {};
#pragma unroll
        for (int w = u; w < u + 2; ++w) {
          if (s + w * rows.lanes < tile.end) {
            float v[V];
            Packed<T, V>::unpack(raw[w], v);
#pragma unroll
            for (int i = 0; i < V; ++i) {
              const float d = v[i] - pivot[0];
              pair[i] += d;
              pair_square[i] = fmaf(d, d, pair_square[i]);
            }
          }
        }
#pragma unroll
        for (int i = 0; i < V; ++i) {
          sum[i] += pair[i];
          square[i] += pair_square[i];
        }
      }
    }
  }
  double total[2] = {};
#pragma unroll
  for (int i = 0; i < V; ++i) {
    total[0] += sum[i];
    total[1] += square[i];
  }
  reduce_lanes(total, rows.lanes, scratch);
  if (tile.inside && tile.lane == 0) {
    const int64_t at = partial_index(rows, tile);
    first[at] = static_cast<float>(total[0]);
    second[at] = static_cast<float>(total[1]);
  }
}

// y = A·(x − h) + B, then residual and ReLU.
template <class T, int V, Tail kTail>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_write_first_kernel(const T* __restrict__ x,            // [N, C, S]
                                   const T* __restrict__ residual,     // [N, C, S]
                                   const float* __restrict__ state_h,  // [N, C]
                                   const float* __restrict__ state_A,  // [N, C]
                                   const float* __restrict__ state_B,  // [N, C]
                                   T* __restrict__ y,                  // [N, C, S]
                                   uint8_t* __restrict__ mask,         // [N, C, row_bytes]
                                   int64_t row_bytes, bool relu, Rows rows) {
  const RowTile tile = find_row_tile(rows, reversed_block());
  float h = 0.0f, A = 0.0f, B = 0.0f;
  if (tile.inside) h = state_h[tile.row], A = state_A[tile.row], B = state_B[tile.row];
  // All threads take the same number of steps: bytes of the mask are put together by whole warps.
  for (int64_t start = tile.begin; start < tile.end; start += kUnroll * rows.lanes) {
    Raw<T, V> raw[kUnroll], raw_residual[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * rows.lanes + tile.lane;
      if (tile.inside && s < tile.end) {
        const int64_t at = tile.row * rows.positions + s * V;
        raw[u] = load_last<T, V>(x + at);
        if constexpr (kTail != Tail::kNone) raw_residual[u] = load_last<T, V>(residual + at);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * rows.lanes + tile.lane;
      const bool inside = tile.inside && s < tile.end;
      unsigned bits = 0;
      if (inside) {
        float v[V], r[V];
        Packed<T, V>::unpack(raw[u], v);
        if constexpr (kTail != Tail::kNone) Packed<T, V>::unpack(raw_residual[u], r);
#pragma unroll
        for (int i = 0; i < V; ++i) v[i] = forward_element(v[i], h, A, B);
        bits = finish<kTail>(v, r, relu);
        store_last<T, V>(y + tile.row * rows.positions + s * V, v);
      }
      if constexpr (kTail == Tail::kResidualMask)
        store_mask<V>(mask + tile.row * row_bytes, s, inside, bits);
    }
  }
}

}  // namespace

cudaError_t rbn_forward_sums_first(const RbnForward& call, const Rows& rows, int width,
                                   const PartialSums& sums, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(config_of(rows, stream),
                  rbn_forward_sums_first_kernel<T, decltype(element)::kWidth>,
                  static_cast<const T*>(call.x), sums.first, sums.second, rows);
  });
}

cudaError_t rbn_forward_write_first(const RbnForward& call, const Rows& rows, int width,
                                    const float* state, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(rows, stream),
          rbn_forward_write_first_kernel<T, decltype(element)::kWidth, decltype(tail)::kValue>,
          static_cast<const T*>(call.x), static_cast<const T*>(call.residual), state,
          state + 2 * rows.rows, state + 3 * rows.rows, static_cast<T*>(call.y), call.mask,
          rbn_mask_row_bytes(&call.problem), call.problem.activation == RBN_RELU, rows);
    });
  });
}

}  // namespace rbn
