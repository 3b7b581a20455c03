// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// S = 1: x is [N, C] and every element has a gate of its own. The reduction over the instances
// takes them for the positions of one instance (tiles with instances = 1, positions = N).
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// Blocks a multiprocessor: 64 registers a thread. Left to itself, ptxas spills a few to fit more.
constexpr int kSingleBlocks = 4;

// What the kernels read of the channels; beside it `center`, two planes [C]: the mean of x_c in two
// parts.
struct SingleInputs {
  const float* gamma;          // [C] or null
  const float* beta;           // [C] or null
  const float* center_weight;  // [C]; null: plain batch normalization
  const float* scale_weight;   // [C], as above
  const float* scale_bias;     // [C], as above
  const float* variance;       // [C]
  const float* center;         // [2, C]
  int64_t channels;
  double epsilon;
};

// One channel in float32, for elements.
struct SingleChannel {
  SingleCoefficients k;
  float gamma, beta, scale_weight, scale_bias;

  __device__ __forceinline__ SingleGate<float> gate(float x_s) const {
    return single_gate(x_s, scale_weight, scale_bias);
  }
};

__device__ __forceinline__ SingleChannel load_single(const SingleInputs& in, int64_t c) {
  const ChannelParameters p =
      load_parameters(in.gamma, in.beta, in.center_weight, in.scale_weight, in.scale_bias, c);
  const double mean = static_cast<double>(in.center[c]) + in.center[in.channels + c];
  const double inv_std = inverse_std(in.variance[c], in.epsilon);
  return {single_coefficients(p.center_weight, mean, inv_std), static_cast<float>(p.gamma),
          static_cast<float>(p.beta), static_cast<float>(p.scale_weight),
          static_cast<float>(p.scale_bias)};
}

// The channels of a block, [block_x · V] in shared memory: each is worked out, in double, by one
// thread. A slab has at most 32 vectors.
template <int V>
__device__ __forceinline__ void load_slab(const SingleInputs& in, const Tile& tile,
                                          SingleChannel* slab) {
  const int64_t first = (tile.vector - threadIdx.x) * V;
  const int thread = threadIdx.y * blockDim.x + threadIdx.x;
  const int count = blockDim.x * V;
  for (int i = thread; i < count; i += blockDim.x * blockDim.y) {
    if (first + i < in.channels) slab[i] = load_single(in, first + i);
  }
  __syncthreads();
}

// Statistics: in training from sums, whose pivots are x[0, c]; otherwise the given ones.
template <class T>
__global__ void __launch_bounds__(kThreads, kSingleBlocks)
    rbn_forward_finalize_single_kernel(const T* __restrict__ x,                  // [N, C]
                                       PartialSums sums,                         // [1, chunks, C]
                                       const float* __restrict__ center_weight,  // [C] or null
                                       const float* __restrict__ given_mean,     // [C]
                                       float* __restrict__ mean_out,             // [C]
                                       float* __restrict__ variance_out,         // [C]
                                       float* __restrict__ center,               // [2, C]
                                       int64_t instances, int64_t channels, int32_t training) {
  RBN_SHARED(double, scratch, kRowsScratch<2>);
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  double total[2] = {};
  if (training && c < channels) {
    for (int64_t chunk = threadIdx.y; chunk < sums.chunks; chunk += blockDim.y) {
      total[0] += sums.first[chunk * channels + c];
      total[1] += sums.second[chunk * channels + c];
    }
  }
  reduce_rows(total, scratch);
  if (c >= channels || threadIdx.y != 0) return;
  double mean;
  if (training) {
    float pivot[1];
    Packed<T, 1>::unpack(load_kept<T, 1>(x + c), pivot);
    const double count = static_cast<double>(instances);
    const InstanceMoments m = instance_moments(pivot[0], total[0], total[1], count);
    const double w = center_weight ? center_weight[c] : 0.0;
    mean = batch_mean(w, m.mean);
    mean_out[c] = static_cast<float>(mean);
    variance_out[c] = static_cast<float>(batch_variance(w, 0.0, m.variance * count, count));
  } else {
    mean = given_mean[c];
  }
  const float high = static_cast<float>(mean);
  center[c] = high;
  center[channels + c] = static_cast<float>(mean - high);
}

template <class T, int V, Tail kTail>
__global__ void __launch_bounds__(kThreads, kSingleBlocks)
    rbn_forward_write_single_kernel(const T* __restrict__ x,         // [N, C]
                                    const T* __restrict__ residual,  // [N, C]
                                    SingleInputs in,
                                    T* __restrict__ y,           // [N, C]
                                    uint8_t* __restrict__ mask,  // [N, row_bytes]
                                    int64_t row_bytes, bool relu, Tiles tiles) {
  RBN_SHARED(SingleChannel, slab, 32 * V);
  const Tile tile = find_tile(tiles, reversed_block());
  load_slab<V>(in, tile, slab);
  // All threads take the same number of steps: bytes of the mask are put together by whole warps.
  for (int64_t start = tile.begin; start < tile.end; start += blockDim.y) {
    const int64_t n = start + threadIdx.y;
    const bool inside = tile.inside && n < tile.end;
    unsigned bits = 0;
    if (inside) {
      const int64_t at = n * tiles.channels + tile.vector * V;
      float v[V], r[V];
      Packed<T, V>::unpack(load_last<T, V>(x + at), v);
      if constexpr (kTail != Tail::kNone) Packed<T, V>::unpack(load_last<T, V>(residual + at), r);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const SingleChannel& c = slab[threadIdx.x * V + i];
        const float x_s = single_standardize(v[i], c.k);
        v[i] = single_forward_element(x_s, c.gate(x_s), c.gamma, c.beta);
      }
      bits = finish<kTail>(v, r, relu);
      store_last<T, V>(y + at, v);
    }
    if constexpr (kTail == Tail::kResidualMask)
      store_mask<V>(mask + n * row_bytes, tile.vector, inside, bits);
  }
}

// G of one element.
template <Gate kGate>
__device__ __forceinline__ float gate_single(float dy, unsigned bit, float x_s,
                                             const SingleGate<float>& gate,
                                             const SingleChannel& c) {
  if constexpr (kGate == Gate::kMask) return bit ? dy : 0.0f;
  if constexpr (kGate == Gate::kSign) {
    return relu_passes(single_forward_element(x_s, gate, c.gamma, c.beta)) ? dy : 0.0f;
  }
  return dy;
}

// The sums over the instances that the backward pass needs, in the order of their planes.
enum SingleSum { kSumG, kSumGamma, kSumScaleBias, kSumScaleWeight, kSumGatedBeta, kSumUD, kSumD };

// d = x − x[0, c]: deviations from the mean are got from it in double, at the end.
template <class T, Gate kGate>
__global__ void __launch_bounds__(kThreads, kSingleBlocks)
    rbn_backward_sums_single_kernel(const T* __restrict__ dy,          // [N, C]
                                    const T* __restrict__ x,           // [N, C]
                                    const uint8_t* __restrict__ mask,  // [N, row_bytes]
                                    SingleInputs in,
                                    float* __restrict__ partial,  // [kSingleSums, chunks, C]
                                    int64_t row_bytes, Tiles tiles) {
  RBN_SHARED(double, scratch, kRowsScratch<kSingleSums>);
  RBN_SHARED(SingleChannel, slab, 32);
  const Tile tile = find_tile(tiles, blockIdx.x);
  load_slab<1>(in, tile, slab);
  float sum[kSingleSums] = {};
  if (tile.inside) {
    const SingleChannel c = slab[threadIdx.x];
    float pivot[1];
    Packed<T, 1>::unpack(load_kept<T, 1>(x + tile.vector), pivot);
#pragma unroll 4
    for (int64_t n = tile.begin + threadIdx.y; n < tile.end; n += blockDim.y) {
      const int64_t at = n * tiles.channels + tile.vector;
      float v[1], g[1];
      Packed<T, 1>::unpack(load_kept<T, 1>(x + at), v);
      Packed<T, 1>::unpack(load_kept<T, 1>(dy + at), g);
      const unsigned bit =
          kGate == Gate::kMask ? load_mask<1>(mask + n * row_bytes, tile.vector) : 0;
      const float x_s = single_standardize(v[0], c.k);
      const SingleGate<float> gate = c.gate(x_s);
      const float G = gate_single<kGate>(g[0], bit, x_s, gate, c);
      const SingleGradient<float> s = single_gradient(G, x_s, gate, c.gamma, c.scale_weight);
      const float d = v[0] - pivot[0];
      sum[kSumG] += G;
      sum[kSumGamma] += s.gamma;
      sum[kSumScaleBias] += s.scale_bias;
      sum[kSumScaleWeight] += s.scale_weight;
      sum[kSumGatedBeta] += s.gated_beta;
      sum[kSumUD] = fmaf(s.u, d, sum[kSumUD]);
      sum[kSumD] += d;
    }
  }
  double total[kSingleSums];
#pragma unroll
  for (int k = 0; k < kSingleSums; ++k) total[k] = sum[k];
  reduce_rows(total, scratch);
  if (tile.inside && threadIdx.y == 0) {
#pragma unroll
    for (int k = 0; k < kSingleSums; ++k) {
      partial[(k * tiles.chunks + tile.chunk) * tiles.channels + tile.vector] =
          static_cast<float>(total[k]);
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads, kSingleBlocks) rbn_backward_finalize_single_kernel(
    const T* __restrict__ x,            // [N, C], for the pivots
    const float* __restrict__ partial,  // [kSingleSums, chunks, C]
    SingleInputs in,
    float* __restrict__ dgamma,          // [C] or null
    float* __restrict__ dbeta,           // [C] or null
    float* __restrict__ dcenter_weight,  // [C]; null: plain batch normalization
    float* __restrict__ dscale_weight,   // [C], as above
    float* __restrict__ dscale_bias,     // [C], as above
    float* __restrict__ coefficients,    // [3, C]
    int64_t instances, int64_t chunks, int32_t training) {
  RBN_SHARED(double, scratch, kRowsScratch<kSingleSums>);
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  double total[kSingleSums] = {};
  if (c < in.channels) {
    for (int64_t chunk = threadIdx.y; chunk < chunks; chunk += blockDim.y) {
#pragma unroll
      for (int k = 0; k < kSingleSums; ++k)
        total[k] += partial[(k * chunks + chunk) * in.channels + c];
    }
  }
  reduce_rows(total, scratch);
  if (c >= in.channels || threadIdx.y != 0) return;
  const ChannelParameters p =
      load_parameters(in.gamma, in.beta, in.center_weight, in.scale_weight, in.scale_bias, c);
  const double count = static_cast<double>(instances);
  const double inv_std = inverse_std(in.variance[c], in.epsilon);
  const InstanceGradient sum = {total[kSumG],           total[kSumGamma],     total[kSumScaleBias],
                                total[kSumScaleWeight], total[kSumGatedBeta], 0.0};
  const double sum_u = sum_of_standardized_gradients(p, sum);
  float pivot[1];
  Packed<T, 1>::unpack(load_kept<T, 1>(x + c), pivot);
  const double center = training
                            ? single_center_gradient(in.epsilon, inv_std,
                                                     total[kSumUD] - total[kSumD] / count * sum_u)
                            : inv_std * (total[kSumUD] + pivot[0] * sum_u);  // Σ k·U, U = r·u
  const SingleBackwardCoefficients b = single_backward_coefficients(
      p.center_weight, batch_gradient(p, sum, inv_std, in.epsilon, count, training));
  if (dgamma) dgamma[c] = static_cast<float>(sum.gamma);
  if (dbeta) dbeta[c] = static_cast<float>(sum.beta);
  if (dcenter_weight) {
    dcenter_weight[c] = static_cast<float>(center);
    dscale_weight[c] = static_cast<float>(sum.scale_weight);
    dscale_bias[c] = static_cast<float>(sum.scale_bias);
  }
  coefficients[c] = b.a_times_scale;
  coefficients[in.channels + c] = b.mean_u;
  coefficients[2 * in.channels + c] = b.mean_u_x_s;
}

template <class T, int V, Gate kGate>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_write_single_kernel(const T* __restrict__ dy,          // [N, C]
                                     const T* __restrict__ x,           // [N, C]
                                     const uint8_t* __restrict__ mask,  // [N, row_bytes]
                                     SingleInputs in,
                                     const float* __restrict__ coefficients,  // [3, C]
                                     T* __restrict__ dx,                      // [N, C]
                                     T* __restrict__ dresidual,               // [N, C]
                                     int64_t row_bytes, Tiles tiles) {
  RBN_SHARED(SingleChannel, slab, 32 * V);
  const Tile tile = find_tile(tiles, reversed_block());
  load_slab<V>(in, tile, slab);
  if (!tile.inside) return;
  float a_times_scale[V], mean_u[V], mean_u_x_s[V];
  load_plane(coefficients + tile.vector * V, a_times_scale);
  load_plane(coefficients + tiles.channels + tile.vector * V, mean_u);
  load_plane(coefficients + 2 * tiles.channels + tile.vector * V, mean_u_x_s);
  for (int64_t n = tile.begin + threadIdx.y; n < tile.end; n += blockDim.y) {
    const int64_t at = n * tiles.channels + tile.vector * V;
    float v[V], g[V];
    Packed<T, V>::unpack(load_last<T, V>(x + at), v);
    Packed<T, V>::unpack(load_last<T, V>(dy + at), g);
    const unsigned bits =
        kGate == Gate::kMask ? load_mask<V>(mask + n * row_bytes, tile.vector) : 0;
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const SingleChannel& c = slab[threadIdx.x * V + i];
      const float x_s = single_standardize(v[i], c.k);
      const SingleGate<float> gate = c.gate(x_s);
      g[i] = gate_single<kGate>(g[i], bits >> i & 1u, x_s, gate, c);
      const float u = single_gradient(g[i], x_s, gate, c.gamma, c.scale_weight).u;
      v[i] = single_backward_element(u, x_s, a_times_scale[i], mean_u[i], mean_u_x_s[i]);
    }
    if constexpr (kGate == Gate::kMask) {
      if (dresidual) store_last<T, V>(dresidual + at, g);
    }
    store_last<T, V>(dx + at, v);
  }
}

// 8 channels × 32 lanes that share the chunks, as in finalize.cu.
LaunchConfig finalize_config(int64_t channels, cudaStream_t stream) {
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(divide_up(channels, 8)));
  config.block = dim3(8, kThreads / 8);
  config.stream = stream;
  return config;
}

SingleInputs inputs_of(const RbnBackward& call) {
  return {call.gamma,    call.beta,  call.center_weight,    call.scale_weight,   call.scale_bias,
          call.variance, call.state, call.problem.channels, call.problem.epsilon};
}

}  // namespace

cudaError_t rbn_forward_finalize_single(const RbnForward& call, const PartialSums& sums,
                                        float* center, cudaStream_t stream) {
  const RbnProblem& p = call.problem;
  return dispatch_element(p.dtype, 1, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(finalize_config(p.channels, stream), rbn_forward_finalize_single_kernel<T>,
                  static_cast<const T*>(call.x), sums, call.center_weight, call.given_mean,
                  call.mean, call.variance, center, p.instances, p.channels, p.training);
  });
}

cudaError_t rbn_forward_write_single(const RbnForward& call, const Tiles& tiles, int width,
                                     const float* center, cudaStream_t stream) {
  const RbnProblem& p = call.problem;
  const SingleInputs in = {call.gamma,
                           call.beta,
                           call.center_weight,
                           call.scale_weight,
                           call.scale_bias,
                           p.training ? call.variance : call.given_variance,
                           center,
                           p.channels,
                           p.epsilon};
  return dispatch_element(p.dtype, width, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(tiles, stream),
          rbn_forward_write_single_kernel<T, decltype(element)::kWidth, decltype(tail)::kValue>,
          static_cast<const T*>(call.x), static_cast<const T*>(call.residual), in,
          static_cast<T*>(call.y), call.mask, divide_up(p.channels, 8), p.activation == RBN_RELU,
          tiles);
    });
  });
}

cudaError_t rbn_backward_sums_single(const RbnBackward& call, const Tiles& tiles, float* partial,
                                     cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, 1, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      return launch(config_of(tiles, stream),
                    rbn_backward_sums_single_kernel<T, decltype(gate)::kValue>,
                    static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask,
                    inputs_of(call), partial, divide_up(call.problem.channels, 8), tiles);
    });
  });
}

cudaError_t rbn_backward_finalize_single(const RbnBackward& call, const float* partial,
                                         int64_t chunks, float* coefficients, cudaStream_t stream) {
  const RbnProblem& p = call.problem;
  return dispatch_element(p.dtype, 1, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(finalize_config(p.channels, stream), rbn_backward_finalize_single_kernel<T>,
                  static_cast<const T*>(call.x), partial, inputs_of(call), call.dgamma, call.dbeta,
                  call.dcenter_weight, call.dscale_weight, call.dscale_bias, coefficients,
                  p.instances, chunks, p.training);
  });
}

cudaError_t rbn_backward_write_single(const RbnBackward& call, const Tiles& tiles, int width,
                                      const float* coefficients, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, width, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      return launch(
          config_of(tiles, stream),
          rbn_backward_write_single_kernel<T, decltype(element)::kWidth, decltype(gate)::kValue>,
          static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask, inputs_of(call),
          coefficients, static_cast<T*>(call.dx), static_cast<T*>(call.dresidual),
          divide_up(call.problem.channels, 8), tiles);
    });
  });
}

}  // namespace rbn
