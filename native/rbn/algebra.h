// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The algebra of Representative Batch Normalization (Gao et al., CVPR 2021), once, for the host and
// for the device. Everything between a pass that sums over the positions of (n, c) and a pass that
// writes elements is here, a few dozen operations a (n, c), in double: it costs nothing beside the
// passes and removes cancellation where the mean is thousands of standard deviations.
//
// With a = 1 + centerWeight, k = mean_s x, and r = 1/sqrt(variance + epsilon):
//   mean_s(x_s) = K = (a·k − mean)·r        g = sigmoid(w_v·K + w_b)
//   y = γ·g·r·(x − k) + γ·g·K + β
// No step divides by a: centerWeight = −1 is legal.
#ifndef RBN_ALGEBRA_H_
#define RBN_ALGEBRA_H_

#include <math.h>
#include <stdint.h>

#if defined(__CUDACC__) || defined(RBN_SIMULATOR)
#define RBN_HOST_DEVICE __host__ __device__ __forceinline__
#else
// Never a function of its own: native/cpu compiles this file for several instruction sets, and the linker
// would keep one copy for all.
#define RBN_HOST_DEVICE inline __attribute__((always_inline))
#endif

namespace rbn {

// The five parameters of one channel.
struct ChannelParameters {
  double gamma, beta, center_weight, scale_weight, scale_bias;
};

// The logit of a gate that is open to the last bit of a double, and has no slope.
constexpr double kOpenGate = 100.0;

// Reads channel c; gamma and beta may be left out (null): 1 and 0. So may the calibration's three
// together: 0, 0 and an open gate, which is plain batch normalization.
RBN_HOST_DEVICE ChannelParameters load_parameters(const float* gamma, const float* beta,
                                                  const float* center_weight, const float* scale_weight,
                                                  const float* scale_bias, int64_t c) {
  ChannelParameters p = {gamma ? static_cast<double>(gamma[c]) : 1.0, beta ? static_cast<double>(beta[c]) : 0.0,
                         0.0, 0.0, kOpenGate};
  if (center_weight) {
    p.center_weight = center_weight[c];
    p.scale_weight = scale_weight[c];
    p.scale_bias = scale_bias[c];
  }
  return p;
}

// Mean and biased variance over the positions of one instance.
struct InstanceMoments {
  double mean;      // k_n
  double variance;  // v_n
};

// From sums of d = x − pivot and of d². Pivoted sums stay exact enough in float32 where E[x²] − E[x]²
// would lose everything; the comparison keeps a NaN, which fmax would drop.
RBN_HOST_DEVICE InstanceMoments instance_moments(double pivot, double sum, double sum_of_squares,
                                                 double positions) {
  const double d = sum / positions;
  const double variance = sum_of_squares / positions - d * d;
  return {pivot + d, variance < 0.0 ? 0.0 : variance};
}

// mean_n v_n + a²·mean_n (k_n − k̄)², from the two sums over instances.
RBN_HOST_DEVICE double batch_variance(double center_weight, double sum_of_variances,
                                      double sum_of_squared_mean_deviations, double instances) {
  const double a = 1.0 + center_weight;
  return (sum_of_variances + a * a * sum_of_squared_mean_deviations) / instances;
}

// Mean of x_c over the batch, from that of x.
RBN_HOST_DEVICE double batch_mean(double center_weight, double mean_of_means) {
  return (1.0 + center_weight) * mean_of_means;
}

// From the float32 variance that callers store, so that forward and backward agree on r.
RBN_HOST_DEVICE double inverse_std(float variance, double epsilon) {
  return 1.0 / sqrt(static_cast<double>(variance) + epsilon);
}

RBN_HOST_DEVICE double sigmoid(double z) { return 1.0 / (1.0 + exp(-z)); }

// What is done to every element is a template over Real: float here and on the device, vectors of floats
// in native/cpu, whose namespace brings its own multiply_add and exponential.
RBN_HOST_DEVICE float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }

// e^z for a gate; finite, since an open gate of 0 and an infinite e^z would give a closed one of NaN.
RBN_HOST_DEVICE float exponential(float z) { return expf(z > 80.0f ? 80.0f : z); }

// What one instance knows of its channel: K = mean_s(x_s) and its gate.
struct Calibration {
  double mean;  // K
  double gate;  // g
};

// `mean` is that of x_c: a·k̄ in training (in double: its float32 rounding is too coarse where
// mean/std is large), the given one otherwise.
RBN_HOST_DEVICE double standardized_mean(const ChannelParameters& p, double k, double mean, double inv_std) {
  return ((1.0 + p.center_weight) * k - mean) * inv_std;
}

RBN_HOST_DEVICE Calibration calibrate(const ChannelParameters& p, double k, double mean, double inv_std) {
  const double K = standardized_mean(p, k, mean, inv_std);
  return {K, sigmoid(p.scale_weight * K + p.scale_bias)};
}

// y = A·(x − h) + B; h is the float32 part of k, l = k − h what it misses. h and l also carry k to
// the backward pass.
struct ForwardCoefficients {
  float h, l, A, B;
};

RBN_HOST_DEVICE ForwardCoefficients forward_coefficients(const ChannelParameters& p, double k,
                                                         const Calibration& q, double inv_std) {
  const float h = static_cast<float>(k);
  const double l = k - static_cast<double>(h);
  const double A = p.gamma * q.gate * inv_std;
  const double B = p.beta + p.gamma * q.gate * q.mean - A * l;
  return {h, static_cast<float>(l), static_cast<float>(A), static_cast<float>(B)};
}

// One element of the output before residual and activation.
template <class Real>
RBN_HOST_DEVICE Real forward_element(Real x, Real h, Real A, Real B) {
  return multiply_add(A, x - h, B);
}

RBN_HOST_DEVICE bool not_less_equal(float a, float b) { return !(a <= b); }

// ReLU that keeps a NaN, and the gradient mask that goes with it: a bool, or one for each lane of a vector.
template <class Real>
RBN_HOST_DEVICE auto relu_passes(Real y) {
  return not_less_equal(y, Real(0));
}

// The terms of one (n, c) in the backward pass. From D = Σ_s G and the raw sum Σ_s G·(x − h).
struct InstanceGradient {
  double beta;          // D
  double gamma;         // g·E,  E = r·T + K·D
  double scale_bias;    // q = γ·E·g·(1 − g)
  double scale_weight;  // q·K
  double gated_beta;    // g·D
  double H;             // γ·g·D + w_v·q
};

RBN_HOST_DEVICE InstanceGradient instance_gradient(const ChannelParameters& p, const Calibration& q,
                                                   double inv_std, double l, double D, double raw_T) {
  const double T = raw_T - l * D;
  const double E = inv_std * T + q.mean * D;
  const double dz = p.gamma * E * q.gate * (1.0 - q.gate);
  const double gated_beta = q.gate * D;
  return {D, q.gate * E, dz, dz * q.mean, gated_beta, p.gamma * gated_beta + p.scale_weight * dz};
}

// dL/dx_c = scale·(dL/dx_s − m1 − x_s·m2). m1 and m2 are how the loss moves with the batch's mean and
// variance: the means over all M = N·S of dL/dx_s and of dL/dx_s·x_s, zero with given statistics.
struct BatchGradient {
  double scale;  // r
  double m1, m2;
};

// Σ dL/dx_s over the batch, from the sums over instances of InstanceGradient.
RBN_HOST_DEVICE double sum_of_standardized_gradients(const ChannelParameters& p,
                                                     const InstanceGradient& sum) {
  return p.gamma * sum.gated_beta + p.scale_weight * sum.scale_bias;
}

// From the sums over instances of InstanceGradient. M = 2: both x_s² are 1 − ε·r², so that the term of m2
// takes away all but ε·r² of the rest. Nothing of that would be left in float32; it is put into the scale.
RBN_HOST_DEVICE BatchGradient batch_gradient(const ChannelParameters& p, const InstanceGradient& sum,
                                             double inv_std, double epsilon, double elements,
                                             bool training) {
  if (!training) return {inv_std, 0.0, 0.0};
  const double m1 = sum_of_standardized_gradients(p, sum) / elements;
  if (elements == 2.0) return {epsilon * inv_std * inv_std * inv_std, m1, 0.0};
  return {inv_std, m1, (p.gamma * sum.gamma + p.scale_weight * sum.scale_weight) / elements};
}

// U_n = Σ_s dL/dx_c.
RBN_HOST_DEVICE double centered_gradient(const InstanceGradient& i, const Calibration& q,
                                         const BatchGradient& b, double positions) {
  return b.scale * (i.H - positions * b.m1 - positions * q.mean * b.m2);
}

// dx = P·G + Q·(x − h) + R
struct BackwardCoefficients {
  float P, Q, R;
};

RBN_HOST_DEVICE BackwardCoefficients backward_coefficients(const ChannelParameters& p, const Calibration& q,
                                                           const InstanceGradient& i, const BatchGradient& b,
                                                           double inv_std, double l, double U,
                                                           double positions) {
  const double Q = -b.scale * inv_std * b.m2;
  const double R = b.scale * (p.scale_weight * i.scale_bias / positions - b.m1 - b.m2 * q.mean) +
                   p.center_weight / positions * U - Q * l;
  return {static_cast<float>(b.scale * p.gamma * q.gate), static_cast<float>(Q), static_cast<float>(R)};
}

template <class Real>
RBN_HOST_DEVICE Real backward_element(Real G, Real x, Real h, Real P, Real Q, Real R) {
  return multiply_add(P, G, multiply_add(Q, x - h, R));
}

RBN_HOST_DEVICE float backward_element(float G, float x, float h, const BackwardCoefficients& k) {
  return backward_element(G, x, h, k.P, k.Q, k.R);
}

// S = 1: every instance is its own mean, so x_s = K is elementwise, in float32. a and the mean are
// split into high and low parts: one rounding of a·x alone would be 1e-3 standard deviations where
// mean/std = 1e4.
struct SingleCoefficients {
  float a_high, a_low, mean_high, mean_low, inv_std;
};

RBN_HOST_DEVICE SingleCoefficients single_coefficients(double center_weight, double mean, double inv_std) {
  const double a = 1.0 + center_weight;
  const float a_high = static_cast<float>(a), mean_high = static_cast<float>(mean);
  return {a_high, static_cast<float>(a - a_high), mean_high, static_cast<float>(mean - mean_high),
          static_cast<float>(inv_std)};
}

// x_s of one element.
template <class Real>
RBN_HOST_DEVICE Real single_standardize(Real x, Real a_high, Real a_low, Real mean_high, Real mean_low,
                                        Real inv_std) {
  return (multiply_add(a_high, x, -mean_high) + multiply_add(a_low, x, -mean_low)) * inv_std;
}

RBN_HOST_DEVICE float single_standardize(float x, const SingleCoefficients& k) {
  return single_standardize(x, k.a_high, k.a_low, k.mean_high, k.mean_low, k.inv_std);
}

// g of one element, and 1 − g, which in float32 would lose its digits where g is close to 1.
template <class Real>
struct SingleGate {
  Real open, closed;
};

template <class Real>
RBN_HOST_DEVICE SingleGate<Real> single_gate(Real x_s, Real scale_weight, Real scale_bias) {
  const Real e = exponential(-multiply_add(scale_weight, x_s, scale_bias));
  const Real open = Real(1) / (Real(1) + e);
  return {open, e * open};
}

// One element of the output before residual and activation.
template <class Real>
RBN_HOST_DEVICE Real single_forward_element(Real x_s, const SingleGate<Real>& gate, Real gamma, Real beta) {
  return multiply_add(gamma * gate.open, x_s, beta);
}

// The terms of one element in the backward pass; InstanceGradient for S = 1, where E = x_s·G.
template <class Real>
struct SingleGradient {
  Real gamma;         // g·x_s·G
  Real scale_bias;    // q = γ·x_s·G·g·(1 − g)
  Real scale_weight;  // q·x_s
  Real gated_beta;    // g·G
  Real u;             // dL/dx_s = γ·g·G + w_v·q
};

template <class Real>
RBN_HOST_DEVICE SingleGradient<Real> single_gradient(Real G, Real x_s, const SingleGate<Real>& gate,
                                                     Real gamma, Real scale_weight) {
  const Real gated_beta = gate.open * G;
  const Real gated = gated_beta * x_s;
  const Real q = gamma * gated * gate.closed;
  return {gated, q, q * x_s, gated_beta, multiply_add(gamma, gated_beta, scale_weight * q)};
}

// With u = dL/dx_s = γ·g·(1 + w_v·x_s·(1 − g))·G, in training dw_m = ε·r³·Σ_n u·(k_n − k̄): the closed
// form, because Σ_n (k_n − k̄)·U_n cancels to that small rest.
RBN_HOST_DEVICE double single_center_gradient(double epsilon, double inv_std, double sum_u_times_deviation) {
  return epsilon * inv_std * inv_std * inv_std * sum_u_times_deviation;
}

struct SingleBackwardCoefficients {
  float a_times_scale, mean_u, mean_u_x_s;
};

RBN_HOST_DEVICE SingleBackwardCoefficients single_backward_coefficients(double center_weight,
                                                                        const BatchGradient& b) {
  return {static_cast<float>((1.0 + center_weight) * b.scale), static_cast<float>(b.m1),
          static_cast<float>(b.m2)};
}

// dx = a·dL/dx_c, as BatchGradient has it: with one position every element is an instance.
template <class Real>
RBN_HOST_DEVICE Real single_backward_element(Real u, Real x_s, Real a_times_scale, Real mean_u,
                                             Real mean_u_x_s) {
  return a_times_scale * (u - mean_u - x_s * mean_u_x_s);
}

}  // namespace rbn

#endif  // RBN_ALGEBRA_H_
