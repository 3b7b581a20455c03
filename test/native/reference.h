// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Representative Batch Normalization in double precision, straight from its definition: every op of
// the forward pass in turn, then every op backwards. Knows nothing of native/rbn/algebra.h and
// shares none of its shortcuts. A template, so that complex numbers can differentiate the forward
// pass (case_runner_self.cc). test/support/reference.ts is the same in TypeScript.
#ifndef RBN_TEST_REFERENCE_H_
#define RBN_TEST_REFERENCE_H_

#include <cmath>
#include <complex>
#include <vector>

#include "case_runner_data.h"
#include "case_runner_table.h"

namespace rbn_test {

template <class T>
struct Inputs {
  std::vector<T> x, residual;                                           // residual empty: none
  std::vector<T> gamma, beta, center_weight, scale_weight, scale_bias;  // [C]
  std::vector<double> given_mean, given_variance;                       // [C], empty in training
};

// Every intermediate value, with the names of the definition. x is first moved by its channel's
// pivot, x[0, 0, c]: exact, of no consequence for x_c − mean, and without it a double would lose
// four of its digits where mean/std is 1e4, which dcenter_weight of one position (a small rest of a
// sum) can not spare.
template <class T>
struct ForwardPass {
  std::vector<double> pivot;             // [C]
  std::vector<T> k;                      // [N, C], mean over positions of x − pivot
  std::vector<T> centered;               // x_c of x − pivot, as x
  std::vector<T> mean;                   // [C], of `centered`; or the given one, moved alike
  std::vector<T> variance, inverse_std;  // [C]
  std::vector<T> standardized;           // x_s, as x
  std::vector<T> K, gate;                // [N, C]
  std::vector<T> output;                 // before the activation, as x
};

template <class T>
void center(const Case& c, const Inputs<T>& in, ForwardPass<T>* f) {
  const int64_t N = c.instances(), S = c.positions(), C = c.channels();
  f->pivot.assign(C, 0.0);
  for (int64_t i = 0; i < C && c.elements() > 0; ++i)
    f->pivot[i] = std::real(in.x[c.index(0, 0, i)]);
  f->k.assign(N * C, T(0));
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) f->k[n * C + i] += in.x[c.index(n, s, i)] - f->pivot[i];
  for (T& k : f->k) k /= static_cast<double>(S);
  f->centered.resize(in.x.size());
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        f->centered[at] = in.x[at] - f->pivot[i] + in.center_weight[i] * f->k[n * C + i];
      }
}

// Mean and biased variance of `centered` over the batch; 0 where there is nothing.
template <class T>
void batch_moments(const Case& c, ForwardPass<T>* f) {
  const int64_t N = c.instances(), S = c.positions(), C = c.channels();
  const double M = static_cast<double>(N * S);
  f->mean.assign(C, T(0));
  f->variance.assign(C, T(0));
  if (M == 0) return;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) f->mean[i] += f->centered[c.index(n, s, i)];
  for (T& mean : f->mean) mean /= M;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const T d = f->centered[c.index(n, s, i)] - f->mean[i];
        f->variance[i] += d * d;
      }
  for (T& variance : f->variance) variance /= M;
}

template <class T>
ForwardPass<T> reference_forward(const Case& c, const Inputs<T>& in) {
  using std::exp;
  using std::sqrt;
  const int64_t N = c.instances(), S = c.positions(), C = c.channels();
  ForwardPass<T> f;
  center(c, in, &f);
  if (c.training) {
    batch_moments(c, &f);
  } else {
    for (int64_t i = 0; i < C; ++i)
      f.mean.push_back(in.given_mean[i] - (1.0 + in.center_weight[i]) * f.pivot[i]);
    f.variance.assign(in.given_variance.begin(), in.given_variance.end());
  }
  for (int64_t i = 0; i < C; ++i) f.inverse_std.push_back(1.0 / sqrt(f.variance[i] + c.epsilon));
  f.standardized.resize(in.x.size());
  f.K.assign(N * C, T(0));
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        f.standardized[at] = (f.centered[at] - f.mean[i]) * f.inverse_std[i];
        f.K[n * C + i] += f.standardized[at];
      }
  f.gate.resize(N * C);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t i = 0; i < C; ++i) {
      f.K[n * C + i] /= static_cast<double>(S);
      f.gate[n * C + i] =
          1.0 / (1.0 + exp(-(in.scale_weight[i] * f.K[n * C + i] + in.scale_bias[i])));
    }
  f.output.resize(in.x.size());
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        f.output[at] = in.gamma[i] * f.standardized[at] * f.gate[n * C + i] + in.beta[i];
        if (!in.residual.empty()) f.output[at] += in.residual[at];
      }
  return f;
}

// A parameter's gradient and the sum of the absolute values of the terms that add up to it, which
// is what the rounding of a float32 sum is proportional to.
struct Summed {
  std::vector<double> value;  // [C]
  std::vector<double> terms;  // [C]
  explicit Summed(int64_t channels = 0) : value(channels, 0.0), terms(channels, 0.0) {}
  void add(int64_t c, double term) {
    value[c] += term;
    terms[c] += std::fabs(term);
  }
};

struct Reference {
  std::vector<double> y;                                             // as x
  std::vector<double> mean, variance;                                // [C], of x_c
  std::vector<double> inverse_std;                                   // [C]
  std::vector<double> dx, dresidual;                                 // as x
  Summed dgamma, dbeta, dcenter_weight, dscale_weight, dscale_bias;  // [C]
};

// For the loss Σ dy·y.
Reference reference(const Case& c, const CaseData& data);

struct Statistics {
  std::vector<double> mean, variance;  // [C]
};
Statistics batch_statistics(const Case& c, const CaseData& data);

// The smallest |value| before the activation.
double nearest_to_kink(const Case& c, const CaseData& data);

// The inputs of a case as T; gamma and beta are filled in with 1 and 0 where left out.
template <class T>
Inputs<T> make_inputs(const Case& c, const CaseData& d) {
  const auto convert = [](const std::vector<float>& v) {
    return std::vector<T>(v.begin(), v.end());
  };
  Inputs<T> in;
  in.x = convert(d.x);
  in.residual = convert(d.residual);
  in.gamma = c.affine ? convert(d.gamma) : std::vector<T>(c.channels(), T(1));
  in.beta = c.affine ? convert(d.beta) : std::vector<T>(c.channels(), T(0));
  in.center_weight = convert(d.center_weight);
  in.scale_weight = convert(d.scale_weight);
  in.scale_bias = convert(d.scale_bias);
  in.given_mean.assign(d.given_mean.begin(), d.given_mean.end());
  in.given_variance.assign(d.given_variance.begin(), d.given_variance.end());
  return in;
}

}  // namespace rbn_test

#endif  // RBN_TEST_REFERENCE_H_
