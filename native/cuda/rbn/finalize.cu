// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The small step between the two passes: partial sums become statistics, coefficients and parameter
// gradients, in double. A block takes kFinalizeChannels channels, all their instances and chunks.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// 8 channels are 32 bytes of each plane, the least that DRAM and L2 hand out.
constexpr int kFinalizeChannels = 8;
constexpr int kFinalizeLanes = kThreads / kFinalizeChannels;

// Lanes that share the chunks of one instance, where the instances alone would leave lanes idle.
int lanes_per_instance(int64_t instances, int64_t chunks) {
  const int instance_lanes = power_of_two_from(instances, kFinalizeLanes);
  return power_of_two_from(chunks, kFinalizeLanes / instance_lanes);
}

// Adds up the chunks of every instance of a channel; `store` gets (n, Σ first, Σ second) in one
// thread an instance. Called by all threads of the block.
template <class F>
__device__ __forceinline__ void add_chunks(const PartialSums& sums, int64_t instances,
                                           int64_t channels, int64_t c, int lanes, double* scratch,
                                           F&& store) {
  const int lane = threadIdx.y % lanes;
  const int64_t instances_at_once = kFinalizeLanes / lanes;
  const int slot = threadIdx.y * kFinalizeChannels + threadIdx.x;
  for (int64_t start = 0; start < instances; start += instances_at_once) {
    const int64_t n = start + threadIdx.y / lanes;
    const bool inside = n < instances && c < channels;
    double total[2] = {};
    if (inside) {
      // Unrolled for loads in flight: this is latency alone.
#pragma unroll 4
      for (int64_t chunk = lane; chunk < sums.chunks; chunk += lanes) {
        const int64_t at = (n * sums.chunks + chunk) * channels + c;
        total[0] += sums.first[at];
        total[1] += sums.second[at];
      }
    }
    if (lanes > 1) {
      scratch[slot] = total[0];
      scratch[kThreads + slot] = total[1];
      __syncthreads();
      if (lane == 0) {
        for (int other = 1; other < lanes; ++other) {
          total[0] += scratch[slot + other * kFinalizeChannels];
          total[1] += scratch[kThreads + slot + other * kFinalizeChannels];
        }
      }
      __syncthreads();
    }
    if (inside && lane == 0) store(n, total[0], total[1]);
  }
}

// As reduce_rows, and every thread of a channel gets the sums.
template <int K>
__device__ __forceinline__ void reduce_and_share(double (&value)[K], double* scratch) {
  reduce_rows(value, scratch);
  if (threadIdx.y == 0) {
#pragma unroll
    for (int k = 0; k < K; ++k) scratch[k * kFinalizeChannels + threadIdx.x] = value[k];
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < K; ++k) value[k] = scratch[k * kFinalizeChannels + threadIdx.x];
  __syncthreads();
}

struct Parameters {
  const float* gamma;          // [C] or null
  const float* beta;           // [C] or null
  const float* center_weight;  // [C]; null: plain batch normalization
  const float* scale_weight;   // [C], as above
  const float* scale_bias;     // [C], as above

  __device__ __forceinline__ ChannelParameters load(int64_t c) const {
    return load_parameters(gamma, beta, center_weight, scale_weight, scale_bias, c);
  }
};

struct Sizes {
  int64_t instances, positions, channels;
  double epsilon;
  int32_t lanes;  // that share an instance
  int32_t training;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_finalize_kernel(const T* __restrict__ x,                        // for the pivots
                                int64_t pivot_instance, int64_t pivot_channel,  // strides
                                PartialSums sums, Parameters parameters,
                                const float* __restrict__ given_mean,      // [C]
                                const float* __restrict__ given_variance,  // [C]
                                float* mean_out,                           // [C]
                                float* variance_out,                       // [C]
                                float* state,                              // 4 planes [N, C]
                                Sizes sizes) {
  RBN_SHARED(double, scratch, kRowsScratch<4>);
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kFinalizeChannels + threadIdx.x;
  const bool inside = c < sizes.channels;
  const int64_t plane = sizes.instances * sizes.channels;
  const double positions = static_cast<double>(sizes.positions);
  const double instances = static_cast<double>(sizes.instances);
  float* const state_h = state;
  float* const state_l = state + plane;

  double moments[2] = {};  // Σk, Σv
  add_chunks(sums, sizes.instances, sizes.channels, c, sizes.lanes, scratch,
             [&](int64_t n, double sum, double square) {
               float pivot[1];
               Packed<T, 1>::unpack(load_kept<T, 1>(x + n * pivot_instance + c * pivot_channel),
                                    pivot);
               const InstanceMoments m = instance_moments(pivot[0], sum, square, positions);
               moments[0] += m.mean;
               moments[1] += m.variance;
               const float h = static_cast<float>(m.mean);
               state_h[n * sizes.channels + c] = h;
               state_l[n * sizes.channels + c] = static_cast<float>(m.mean - h);
             });

  const ChannelParameters p = inside ? parameters.load(c) : ChannelParameters{};
  double mean = 0.0;
  float variance = 0.0f;
  if (sizes.training) {
    reduce_and_share(moments, scratch);  // and makes h and l seen by all threads
    const double mean_of_means = moments[0] / instances;
    double deviation[1] = {};
    for (int64_t n = threadIdx.y; inside && n < sizes.instances; n += kFinalizeLanes) {
      const int64_t at = n * sizes.channels + c;
      const double k = static_cast<double>(state_h[at]) + state_l[at];
      deviation[0] += (k - mean_of_means) * (k - mean_of_means);
    }
    reduce_and_share(deviation, scratch);
    mean = batch_mean(p.center_weight, mean_of_means);
    variance =
        static_cast<float>(batch_variance(p.center_weight, moments[1], deviation[0], instances));
    if (inside && threadIdx.y == 0) {
      mean_out[c] = static_cast<float>(mean);
      variance_out[c] = variance;
    }
  } else {
    if (inside) {
      mean = given_mean[c];
      variance = given_variance[c];
    }
    __syncthreads();  // h and l were written by other threads
  }

  const double inv_std = inverse_std(variance, sizes.epsilon);
  for (int64_t n = threadIdx.y; inside && n < sizes.instances; n += kFinalizeLanes) {
    const int64_t at = n * sizes.channels + c;
    const double k = static_cast<double>(state_h[at]) + state_l[at];
    const ForwardCoefficients f =
        forward_coefficients(p, k, calibrate(p, k, mean, inv_std), inv_std);
    state_h[at] = f.h;
    state_l[at] = f.l;
    state[2 * plane + at] = f.A;
    state[3 * plane + at] = f.B;
  }
}

struct ParameterGradients {
  float* dgamma;          // [C] or null
  float* dbeta;           // [C] or null
  float* dcenter_weight;  // [C]; null: plain batch normalization
  float* dscale_weight;   // [C], as above
  float* dscale_bias;     // [C], as above
};

// One block a multiprocessor is all there ever is: without the second bound ptxas spills to fit
// three.
__global__ void __launch_bounds__(kThreads, 1) rbn_backward_finalize_kernel(
    PartialSums partial, Parameters parameters,
    const float* __restrict__ given_mean,  // [C], with given statistics
    const float* __restrict__ variance,    // [C]
    const float* __restrict__ state,       // 4 planes [N, C]
    double* sums,                          // 2 planes [N, C]: D, T
    BackwardPlanes planes, ParameterGradients gradients, Sizes sizes) {
  RBN_SHARED(double, scratch, kRowsScratch<5>);
  const int64_t c = static_cast<int64_t>(blockIdx.x) * kFinalizeChannels + threadIdx.x;
  const bool inside = c < sizes.channels;
  const int64_t plane = sizes.instances * sizes.channels;
  const double positions = static_cast<double>(sizes.positions);
  const double instances = static_cast<double>(sizes.instances);
  const float* const state_h = state;
  const float* const state_l = state + plane;

  add_chunks(partial, sizes.instances, sizes.channels, c, sizes.lanes, scratch,
             [&](int64_t n, double D, double T) {
               sums[n * sizes.channels + c] = D;
               sums[plane + n * sizes.channels + c] = T;
             });
  __syncthreads();  // other threads read D and T

  const ChannelParameters p = inside ? parameters.load(c) : ChannelParameters{};
  const double inv_std = inside ? inverse_std(variance[c], sizes.epsilon) : 0.0;
  double mean_of_means = 0.0, mean = 0.0;
  if (sizes.training) {
    double k[1] = {};
    for (int64_t n = threadIdx.y; inside && n < sizes.instances; n += kFinalizeLanes) {
      const int64_t at = n * sizes.channels + c;
      k[0] += static_cast<double>(state_h[at]) + state_l[at];
    }
    reduce_and_share(k, scratch);
    mean_of_means = k[0] / instances;
    mean = batch_mean(p.center_weight, mean_of_means);
  } else if (inside) {
    mean = given_mean[c];
  }

  double total[5] = {};  // of InstanceGradient, but for H
  for (int64_t n = threadIdx.y; inside && n < sizes.instances; n += kFinalizeLanes) {
    const int64_t at = n * sizes.channels + c;
    const double k = static_cast<double>(state_h[at]) + state_l[at];
    const InstanceGradient i = instance_gradient(p, calibrate(p, k, mean, inv_std), inv_std,
                                                 state_l[at], sums[at], sums[plane + at]);
    total[0] += i.beta;
    total[1] += i.gamma;
    total[2] += i.scale_bias;
    total[3] += i.scale_weight;
    total[4] += i.gated_beta;
  }
  reduce_and_share(total, scratch);
  const InstanceGradient sum = {total[0], total[1], total[2], total[3], total[4], 0.0};
  const BatchGradient batch =
      batch_gradient(p, sum, inv_std, sizes.epsilon, instances * positions, sizes.training);

  double center[1] = {};
  for (int64_t n = threadIdx.y; inside && n < sizes.instances; n += kFinalizeLanes) {
    const int64_t at = n * sizes.channels + c;
    const double k = static_cast<double>(state_h[at]) + state_l[at];
    const Calibration q = calibrate(p, k, mean, inv_std);
    const InstanceGradient i =
        instance_gradient(p, q, inv_std, state_l[at], sums[at], sums[plane + at]);
    const double U = centered_gradient(i, q, batch, positions);
    center[0] += (k - mean_of_means) * U;  // with given statistics mean_of_means is 0: Σ k·U
    const BackwardCoefficients b =
        backward_coefficients(p, q, i, batch, inv_std, state_l[at], U, positions);
    planes.P[at] = b.P;
    planes.R[at] = b.R;
    if (n == 0) planes.Q[c] = b.Q;
  }
  reduce_rows(center, scratch);
  if (inside && threadIdx.y == 0) {
    if (gradients.dgamma) gradients.dgamma[c] = static_cast<float>(sum.gamma);
    if (gradients.dbeta) gradients.dbeta[c] = static_cast<float>(sum.beta);
    if (gradients.dcenter_weight) {
      gradients.dcenter_weight[c] = static_cast<float>(center[0]);
      gradients.dscale_weight[c] = static_cast<float>(sum.scale_weight);
      gradients.dscale_bias[c] = static_cast<float>(sum.scale_bias);
    }
  }
}

LaunchConfig finalize_config(int64_t channels, cudaStream_t stream) {
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(divide_up(channels, kFinalizeChannels)));
  config.block = dim3(kFinalizeChannels, kFinalizeLanes);
  config.stream = stream;
  return config;
}

Sizes sizes_of(const RbnProblem& p, int64_t chunks) {
  return {p.instances, p.positions, p.channels, p.epsilon, lanes_per_instance(p.instances, chunks),
          p.training};
}

}  // namespace

cudaError_t rbn_forward_finalize(const RbnForward& call, const PartialSums& sums, float* state,
                                 cudaStream_t stream) {
  const RbnProblem& p = call.problem;
  const int64_t channel_stride = p.layout == RBN_CHANNELS_LAST ? 1 : p.positions;
  return dispatch_element(p.dtype, 1, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(
        finalize_config(p.channels, stream), rbn_forward_finalize_kernel<T>,
        static_cast<const T*>(call.x), p.positions * p.channels, channel_stride, sums,
        Parameters{call.gamma, call.beta, call.center_weight, call.scale_weight, call.scale_bias},
        call.given_mean, call.given_variance, call.mean, call.variance, state,
        sizes_of(p, sums.chunks));
  });
}

cudaError_t rbn_backward_finalize(const RbnBackward& call, const PartialSums& partial, double* sums,
                                  const BackwardPlanes& planes, cudaStream_t stream) {
  const RbnProblem& p = call.problem;
  return launch(
      finalize_config(p.channels, stream), rbn_backward_finalize_kernel, partial,
      Parameters{call.gamma, call.beta, call.center_weight, call.scale_weight, call.scale_bias},
      call.mean, call.variance, call.state, sums, planes,
      ParameterGradients{call.dgamma, call.dbeta, call.dcenter_weight, call.dscale_weight,
                         call.dscale_bias},
      sizes_of(p, partial.chunks));
}

cudaError_t rbn_probe_device() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes,
                               reinterpret_cast<const void*>(&rbn_backward_finalize_kernel));
}

}  // namespace rbn
