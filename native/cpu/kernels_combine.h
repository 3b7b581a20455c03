// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The step between the passes, for some channels of one instance: loops over native/rbn/algebra.h
// that the compiler turns into vectors of doubles. Compiled once for each instruction set.
#ifndef RBN_CPU_KERNELS_COMBINE_H_
#define RBN_CPU_KERNELS_COMBINE_H_

#include "combine.h"
#include "kernels_elements.h"

namespace rbn::cpu::RBN_CPU_ISA {

// e^z to 1e-11 for |z| <= kExponents, without a branch or a call: z = n·ln 2 + r, and e^r by its
// series.
constexpr double kExponents = 700;
RBN_INLINE double exponential(double z) {
  constexpr double kRound = 0x1.8p52;  // added, leaves an integer in the lowest bits
  const double shifted = z * 1.4426950408889634 + kRound;
  const double n = shifted - kRound;
  const double r = z - n * 0.6931471805599453;
  double series = 1.0 / 362880;
  series = series * r + 1.0 / 40320;
  series = series * r + 1.0 / 5040;
  series = series * r + 1.0 / 720;
  series = series * r + 1.0 / 120;
  series = series * r + 1.0 / 24;
  series = series * r + 1.0 / 6;
  series = series * r + 0.5;
  series = series * r + 1.0;
  series = series * r + 1.0;
  uint64_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 52) + 0x3ff0000000000000u;
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return series * power;
}

#if defined(__clang__)
#define RBN_LANES _Pragma("clang loop vectorize(assume_safety)")
#else
#define RBN_LANES _Pragma("GCC ivdep")
#endif

static void combine_moments(const CombineMomentsCall& call) {
  const double positions = call.positions;
  RBN_LANES
  for (int64_t i = 0; i < call.count; ++i) {
    const double pivot = call.pivot[i];
    const InstanceMoments m =
        instance_moments(pivot, call.sum[i] - positions * pivot, call.squares[i], positions);
    call.sum[i] = m.mean;
    call.means[i] += m.mean;
    call.variances[i] += m.variance;
  }
}

// K and gate of each channel.
RBN_INLINE void calibrate(const ChannelBlock& b, int64_t count, const double* k, double* K,
                          double* gate) {
  RBN_LANES
  for (int64_t i = 0; i < count; ++i) {
    const ChannelParameters p = channel_parameters(b, i);
    K[i] = standardized_mean(p, k[i], b.mean[i], b.inv_std[i]);
    // First its argument, kept to where the gate is neither 0 nor 1; a NaN stays one.
    const double logit = p.scale_weight * K[i] + p.scale_bias;
    const double raised = logit < -kExponents ? -kExponents : logit;
    gate[i] = raised > kExponents ? kExponents : raised;
  }
  // A loop of its own: the compiler makes branches of a choice and of what follows it.
  for (int64_t i = 0; i < count; ++i) gate[i] = 1.0 / (1.0 + exponential(-gate[i]));
}

static void combine_forward(const CombineForwardCall& call) {
  const ChannelBlock& b = *call.channels;
  double K[kCombineChannels], gate[kCombineChannels];
  calibrate(b, call.count, call.k, K, gate);
  RBN_LANES
  for (int64_t i = 0; i < call.count; ++i) {
    const ForwardCoefficients y =
        forward_coefficients(channel_parameters(b, i), call.k[i], {K[i], gate[i]}, b.inv_std[i]);
    call.h[i] = y.h;
    call.l[i] = y.l;
    call.A[i] = y.A;
    call.B[i] = y.B;
  }
}

RBN_INLINE void means_of(const float* h, const float* l, int64_t count, double* k) {
  for (int64_t i = 0; i < count; ++i) k[i] = static_cast<double>(h[i]) + static_cast<double>(l[i]);
}

static void combine_gradients(const CombineGradientsCall& call) {
  const ChannelBlock& b = *call.channels;
  double k[kCombineChannels], K[kCombineChannels], gate[kCombineChannels];
  means_of(call.h, call.l, call.count, k);
  calibrate(b, call.count, k, K, gate);
  GradientTotals& totals = *call.totals;
  RBN_LANES
  for (int64_t i = 0; i < call.count; ++i) {
    const InstanceGradient g = instance_gradient(channel_parameters(b, i), {K[i], gate[i]},
                                                 b.inv_std[i], call.l[i], call.D[i], call.T[i]);
    totals.beta[i] += g.beta;
    totals.gamma[i] += g.gamma;
    totals.scale_bias[i] += g.scale_bias;
    totals.scale_weight[i] += g.scale_weight;
    totals.gated_beta[i] += g.gated_beta;
    call.D[i] = g.H;
    call.T[i] = g.scale_bias;
    call.gate[i] = static_cast<float>(gate[i]);
  }
}

static void combine_backward(const CombineBackwardCall& call) {
  const ChannelBlock& b = *call.channels;
  const double positions = call.positions;
  double k[kCombineChannels];
  means_of(call.h, call.l, call.count, k);
  GradientTotals& totals = *call.totals;
  RBN_LANES
  for (int64_t i = 0; i < call.count; ++i) {
    const ChannelParameters p = channel_parameters(b, i);
    const Calibration calibration = {standardized_mean(p, k[i], b.mean[i], b.inv_std[i]),
                                     call.P[i]};
    const BatchGradient batch = {b.scale[i], b.m1[i], b.m2[i]};
    const InstanceGradient gradient = {0.0, 0.0, call.scale_bias[i], 0.0, 0.0, call.H[i]};
    const double U = centered_gradient(gradient, calibration, batch, positions);
    totals.center_weight[i] += (k[i] - b.k_mean[i]) * U;
    const BackwardCoefficients dx = backward_coefficients(p, calibration, gradient, batch,
                                                          b.inv_std[i], call.l[i], U, positions);
    call.P[i] = dx.P;
    call.Q[i] = dx.Q;
    call.R[i] = dx.R;
  }
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_COMBINE_H_
