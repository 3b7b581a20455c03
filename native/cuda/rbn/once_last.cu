// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Forward with given statistics, channels last, in one launch: a block keeps all positions of an
// instance's block_x vectors in shared memory between the sums and the writing, so x is read once.
#include "dispatch.h"

namespace rbn {
namespace {

constexpr int kWarps = kThreads / 32;

template <class T, int V, Tail kTail>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_once_last_kernel(const T* __restrict__ x,                   // [N, S, C]
                                 const T* __restrict__ residual,            // [N, S, C]
                                 const float* __restrict__ gamma,           // [C] or null
                                 const float* __restrict__ beta,            // [C] or null
                                 const float* __restrict__ center_weight,   // [C]; null: plain
                                 const float* __restrict__ scale_weight,    // [C]
                                 const float* __restrict__ scale_bias,      // [C]
                                 const float* __restrict__ given_mean,      // [C]
                                 const float* __restrict__ given_variance,  // [C]
                                 double epsilon,
                                 T* __restrict__ y,           // [N, S, C]
                                 float* __restrict__ state,   // 4 planes [N, C] or null
                                 uint8_t* __restrict__ mask,  // [N, S, row_bytes]
                                 int64_t row_bytes, bool relu, OnceTiles tiles) {
  using Pack = Raw<T, V>;
  RBN_DYNAMIC_SHARED(Pack, piece);  // [S, block_x]
  const int block_x = tiles.block_x;
  const int channels = block_x * V;  // of this block
  // Behind the piece: the sums of each warp, [channels, kWarps]; then coefficients in their place.
  float* const sums = reinterpret_cast<float*>(piece) + tiles.piece_bytes / sizeof(float);
  float* const coefficients = sums;  // h, A, B: three planes [channels]

  const unsigned slabs = static_cast<unsigned>(tiles.slabs);
  const int64_t instance = blockIdx.x / slabs;
  const int64_t slab = blockIdx.x % slabs;
  const int64_t vector = slab * block_x + threadIdx.x;
  const bool column_inside = vector < tiles.vectors;
  const int64_t step = blockDim.y;
  const T* const column = x + instance * tiles.positions * tiles.channels + vector * V;

  // Σ(x − pivot): given statistics need the mean of an instance, not its variance.
  float sum[V] = {};
  if (column_inside) {
    float pivot[V];
    Packed<T, V>::unpack(load_kept<T, V>(column), pivot);
    for (int64_t s = threadIdx.y; s < tiles.positions; s += kUnroll * step) {
      Raw<T, V> raw[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * step < tiles.positions)
          raw[u] = load_last<T, V>(column + (s + u * step) * tiles.channels);
      }
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (s + u * step < tiles.positions) {
          piece[(s + u * step) * block_x + threadIdx.x] = raw[u];
          float v[V];
          Packed<T, V>::unpack(raw[u], v);
#pragma unroll
          for (int i = 0; i < V; ++i) sum[i] += v[i] - pivot[i];
        }
      }
    }
  }

  // Lanes of a warp with the same vector are block_x apart.
  const unsigned thread = threadIdx.y * block_x + threadIdx.x;
  const unsigned warp = thread / 32, lane = thread % 32;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    double total = sum[i];
    for (int apart = 16; apart >= block_x; apart /= 2)
      total += __shfl_down_sync(0xffffffffu, total, apart);
    if (static_cast<int>(lane) < block_x) {
      sums[(static_cast<int>(threadIdx.x) * V + i) * kWarps + warp] = static_cast<float>(total);
    }
  }
  __syncthreads();

  // One thread a channel; a block never has more channels than threads.
  const int64_t c = slab * channels + thread;
  const bool mine = static_cast<int>(thread) < channels && c < tiles.channels;
  ForwardCoefficients f = {};
  if (mine) {
    double total = 0.0;
    for (int w = 0; w < kWarps; ++w) total += sums[thread * kWarps + w];
    float pivot[1];
    Packed<T, 1>::unpack(load_kept<T, 1>(x + instance * tiles.positions * tiles.channels + c),
                         pivot);
    const double k =
        instance_moments(pivot[0], total, 0.0, static_cast<double>(tiles.positions)).mean;
    const ChannelParameters p =
        load_parameters(gamma, beta, center_weight, scale_weight, scale_bias, c);
    const double inv_std = inverse_std(given_variance[c], epsilon);
    f = forward_coefficients(p, k, calibrate(p, k, given_mean[c], inv_std), inv_std);
    if (state) {
      const int64_t plane = tiles.instances * tiles.channels, at = instance * tiles.channels + c;
      state[at] = f.h;
      state[plane + at] = f.l;
      state[2 * plane + at] = f.A;
      state[3 * plane + at] = f.B;
    }
  }
  __syncthreads();  // all sums are read
  if (mine) {
    coefficients[thread] = f.h;
    coefficients[channels + thread] = f.A;
    coefficients[2 * channels + thread] = f.B;
  }
  __syncthreads();

  float h[V], A[V], B[V];
  if (column_inside) {
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const int channel = static_cast<int>(threadIdx.x) * V + i;
      h[i] = coefficients[channel];
      A[i] = coefficients[channels + channel];
      B[i] = coefficients[2 * channels + channel];
    }
  }
  // Each thread finds in the piece what it put there itself. All take the same number of steps:
  // bytes of the mask are put together by whole warps.
  for (int64_t start = 0; start < tiles.positions; start += kUnroll * step) {
    Raw<T, V> raw_residual[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * step + threadIdx.y;
      if (kTail != Tail::kNone && column_inside && s < tiles.positions) {
        raw_residual[u] = load_last<T, V>(
            residual + (instance * tiles.positions + s) * tiles.channels + vector * V);
      }
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t s = start + u * step + threadIdx.y;
      const int64_t position = instance * tiles.positions + s;
      const bool inside = column_inside && s < tiles.positions;
      unsigned bits = 0;
      if (inside) {
        float v[V], r[V];
        Packed<T, V>::unpack(piece[s * block_x + threadIdx.x], v);
        if constexpr (kTail != Tail::kNone) Packed<T, V>::unpack(raw_residual[u], r);
#pragma unroll
        for (int i = 0; i < V; ++i) v[i] = forward_element(v[i], h[i], A[i], B[i]);
        bits = finish<kTail>(v, r, relu);
        store_last<T, V>(y + position * tiles.channels + vector * V, v);
      }
      if constexpr (kTail == Tail::kResidualMask)
        store_mask<V>(mask + position * row_bytes, vector, inside, bits);
    }
  }
}

}  // namespace

cudaError_t rbn_forward_once_last(const RbnForward& call, const OnceTiles& tiles, int width,
                                  cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      const auto kernel =
          rbn_forward_once_last_kernel<T, decltype(element)::kWidth, decltype(tail)::kValue>;
      LaunchConfig config;
      config.grid = dim3(static_cast<unsigned>(tiles.grid()));
      config.block = dim3(tiles.block_x, tiles.block_y);
      config.shared_bytes = static_cast<size_t>(tiles.shared_bytes);
      config.stream = stream;
      const cudaError_t code = allow_shared(kernel, config.shared_bytes);
      if (code != cudaSuccess) return code;
      return launch(config, kernel, static_cast<const T*>(call.x),
                    static_cast<const T*>(call.residual), call.gamma, call.beta, call.center_weight,
                    call.scale_weight, call.scale_bias, call.given_mean, call.given_variance,
                    call.problem.epsilon, static_cast<T*>(call.y), call.state, call.mask,
                    rbn_mask_row_bytes(&call.problem), call.problem.activation == RBN_RELU, tiles);
    });
  });
}

}  // namespace rbn
