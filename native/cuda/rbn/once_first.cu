// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Forward with given statistics, channels first, in one launch: a block keeps its rows (n, c) in
// shared memory between the sums and the writing, so x is read once.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

template <class T, int V, Tail kTail>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_once_first_kernel(const T* __restrict__ x,                   // [N, C, S]
                                  const T* __restrict__ residual,            // [N, C, S]
                                  const float* __restrict__ gamma,           // [C] or null
                                  const float* __restrict__ beta,            // [C] or null
                                  const float* __restrict__ center_weight,   // [C]; null: plain
                                  const float* __restrict__ scale_weight,    // [C]
                                  const float* __restrict__ scale_bias,      // [C]
                                  const float* __restrict__ given_mean,      // [C]
                                  const float* __restrict__ given_variance,  // [C]
                                  double epsilon,
                                  T* __restrict__ y,           // [N, C, S]
                                  float* __restrict__ state,   // 4 planes [N, C] or null
                                  uint8_t* __restrict__ mask,  // [N, C, row_bytes]
                                  int64_t row_bytes, bool relu, Rows rows, int64_t piece_bytes) {
  using Pack = Raw<T, V>;
  // Nothing beside the dynamic shared memory: what a kernel declares itself counts towards the same limit.
  RBN_DYNAMIC_SHARED(Pack, piece);  // [block_rows, vectors]
  double* const scratch = reinterpret_cast<double*>(reinterpret_cast<char*>(piece) + piece_bytes);
  // h, A, B: three planes [rows of the block]
  float* const coefficients = reinterpret_cast<float*>(scratch + kLanesScratch<1>);
  static_assert(kOnceRowsRest == kLanesScratch<1> * sizeof(double) + 3 * (kThreads / 8) * sizeof(float),
                "as plan.h has it");
  const RowTile tile = find_row_tile(rows, blockIdx.x);
  const int local_row = threadIdx.x / rows.lanes;
  Raw<T, V>* const kept = piece + local_row * rows.vectors;
  const T* const row = x + tile.row * rows.positions;

  // Σ(x − pivot): given statistics need the mean of an instance, not its variance.
  float sum[V] = {};
  float pivot[1] = {};
  if (tile.inside) {
    Packed<T, 1>::unpack(load_kept<T, 1>(row), pivot);
    for (int64_t s = tile.lane; s < rows.vectors; s += kUnroll * rows.lanes) {
      Raw<T, V> raw[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * rows.lanes < rows.vectors)
          raw[u] = load_last<T, V>(row + (s + u * rows.lanes) * V);
      }
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * rows.lanes < rows.vectors) {
          kept[s + u * rows.lanes] = raw[u];
          float v[V];
          Packed<T, V>::unpack(raw[u], v);
#pragma unroll
          for (int i = 0; i < V; ++i) sum[i] += v[i] - pivot[0];
        }
      }
    }
  }
  double total[1] = {};
#pragma unroll
  for (int i = 0; i < V; ++i) total[0] += sum[i];
  reduce_lanes(total, rows.lanes, scratch);
  if (tile.inside && tile.lane == 0) {
    const int64_t c = tile.row % rows.channels;
    const double k =
        instance_moments(pivot[0], total[0], 0.0, static_cast<double>(rows.positions)).mean;
    const ChannelParameters p =
        load_parameters(gamma, beta, center_weight, scale_weight, scale_bias, c);
    const double inv_std = inverse_std(given_variance[c], epsilon);
    const ForwardCoefficients f =
        forward_coefficients(p, k, calibrate(p, k, given_mean[c], inv_std), inv_std);
    if (state) {
      state[tile.row] = f.h;
      state[rows.rows + tile.row] = f.l;
      state[2 * rows.rows + tile.row] = f.A;
      state[3 * rows.rows + tile.row] = f.B;
    }
    coefficients[local_row] = f.h;
    coefficients[kThreads / 8 + local_row] = f.A;
    coefficients[2 * (kThreads / 8) + local_row] = f.B;
  }
  __syncthreads();

  const float h = coefficients[local_row];
  const float A = coefficients[kThreads / 8 + local_row];
  const float B = coefficients[2 * (kThreads / 8) + local_row];
  // Each thread finds in the piece what it put there itself. All take the same number of steps:
  // bytes of the mask are put together by whole warps.
  for (int64_t start = 0; start < rows.vectors; start += kUnroll * rows.lanes) {
    Raw<T, V> raw_residual[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * rows.lanes + tile.lane;
      if (kTail != Tail::kNone && tile.inside && s < rows.vectors) {
        raw_residual[u] = load_last<T, V>(residual + tile.row * rows.positions + s * V);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * rows.lanes + tile.lane;
      const bool inside = tile.inside && s < rows.vectors;
      unsigned bits = 0;
      if (inside) {
        float v[V], r[V];
        Packed<T, V>::unpack(kept[s], v);
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

cudaError_t rbn_forward_once_first(const RbnForward& call, const Rows& rows, int width,
                                   int64_t shared_bytes, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      const auto kernel =
          rbn_forward_once_first_kernel<T, decltype(element)::kWidth, decltype(tail)::kValue>;
      LaunchConfig config = config_of(rows, stream);
      config.shared_bytes = static_cast<size_t>(shared_bytes);
      const cudaError_t code = allow_shared(kernel, config.shared_bytes);
      if (code != cudaSuccess) return code;
      return launch(config, kernel, static_cast<const T*>(call.x),
                    static_cast<const T*>(call.residual), call.gamma, call.beta, call.center_weight,
                    call.scale_weight, call.scale_bias, call.given_mean, call.given_variance,
                    call.problem.epsilon, static_cast<T*>(call.y), call.state, call.mask,
                    rbn_mask_row_bytes(&call.problem), call.problem.activation == RBN_RELU, rows,
                    shared_bytes - kOnceRowsRest);
    });
  });
}

}  // namespace rbn
