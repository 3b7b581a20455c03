// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The backward pass of the reference: each op of reference.h's forward pass, in reverse.
#include "reference.h"

#include <algorithm>
#include <limits>

namespace rbn_test {

Statistics batch_statistics(const Case& c, const CaseData& data) {
  const Inputs<double> in = make_inputs<double>(c, data);
  ForwardPass<double> f;
  center(c, in, &f);
  batch_moments(c, &f);
  Statistics statistics = {f.mean, f.variance};
  for (int64_t i = 0; i < c.channels(); ++i)
    statistics.mean[i] += (1.0 + in.center_weight[i]) * f.pivot[i];
  return statistics;
}

double nearest_to_kink(const Case& c, const CaseData& data) {
  double nearest = std::numeric_limits<double>::infinity();
  for (double z : reference_forward(c, make_inputs<double>(c, data)).output)
    nearest = std::min(nearest, std::fabs(z));
  return nearest;
}

Reference reference(const Case& c, const CaseData& data) {
  const int64_t N = c.instances(), S = c.positions(), C = c.channels();
  const double M = static_cast<double>(N * S);
  const Inputs<double> in = make_inputs<double>(c, data);
  const ForwardPass<double> f = reference_forward(c, in);
  Reference r;
  for (int64_t i = 0; i < C; ++i)
    r.mean.push_back(f.mean[i] + (1.0 + in.center_weight[i]) * f.pivot[i]);
  r.variance = f.variance;
  r.inverse_std = f.inverse_std;
  r.y.resize(in.x.size());
  r.dx.resize(in.x.size());
  r.dresidual.resize(in.x.size());
  r.dgamma = r.dbeta = r.dcenter_weight = r.dscale_weight = r.dscale_bias = Summed(C);
  if (M == 0) return r;

  // What K = mean_s x_s is the rest of, for the terms of dscale_weight.
  std::vector<double> mean_size(N * C, 0.0);  // mean_s |x_s|
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i)
        mean_size[n * C + i] += std::fabs(f.standardized[c.index(n, s, i)]) / S;

  // y = activation(output), output = gamma · x_s · gate + beta + residual
  std::vector<double> dstandardized(in.x.size()), dgate(N * C, 0.0);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i), nc = n * C + i;
        const bool passes = !c.relu || f.output[at] > 0;
        r.y[at] = passes ? f.output[at] : 0.0;
        const double G = passes ? static_cast<double>(data.dy[at]) : 0.0;
        r.dresidual[at] = G;
        r.dbeta.add(i, G);
        r.dgamma.add(i, G * f.standardized[at] * f.gate[nc]);
        dstandardized[at] = G * in.gamma[i] * f.gate[nc];
        const double gate_term = G * in.gamma[i] * f.standardized[at];
        dgate[nc] += gate_term;
        // gate = sigmoid(scale_weight · K + scale_bias)
        const double dlogit_term = gate_term * f.gate[nc] * (1.0 - f.gate[nc]);
        r.dscale_bias.add(i, dlogit_term);
        r.dscale_weight.value[i] += dlogit_term * f.K[nc];
        r.dscale_weight.terms[i] += std::fabs(dlogit_term) * mean_size[nc];
      }
  // K = mean_s x_s
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t nc = n * C + i;
        const double dlogit = dgate[nc] * f.gate[nc] * (1.0 - f.gate[nc]);
        dstandardized[c.index(n, s, i)] += dlogit * in.scale_weight[i] / S;
      }
  // x_s = (x_c − mean) · inverse_std
  std::vector<double> dcentered(in.x.size()), dmean(C, 0.0), dinverse_std(C, 0.0);
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        dcentered[at] = dstandardized[at] * f.inverse_std[i];
        dmean[i] -= dcentered[at];
        dinverse_std[i] += dstandardized[at] * (f.centered[at] - f.mean[i]);
      }
  // inverse_std = 1 / sqrt(variance + epsilon), variance = mean (x_c − mean)², mean = mean x_c
  if (c.training)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t s = 0; s < S; ++s)
        for (int64_t i = 0; i < C; ++i) {
          const int64_t at = c.index(n, s, i);
          const double dvariance = -0.5 * dinverse_std[i] * std::pow(f.inverse_std[i], 3);
          dcentered[at] += (dmean[i] + dvariance * 2.0 * (f.centered[at] - f.mean[i])) / M;
        }
  // x_c = x + center_weight · k, k = mean_s x. In training Σ dcentered = 0, so that k may be
  // counted from its own mean. The terms are those of that difference, x less its mean; and with
  // one position, where the variance's share of each term cancels, ε/(variance + ε) of it.
  std::vector<double> dk(N * C, 0.0), origin(C, 0.0),
      size(N * C, 0.0);  // size: mean_s |x − origin|
  for (int64_t i = 0; i < C; ++i) origin[i] = c.training ? 0.0 : -f.pivot[i];
  for (int64_t n = 0; n < N && c.training; ++n)
    for (int64_t i = 0; i < C; ++i) origin[i] += f.k[n * C + i] / N;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i)
        size[n * C + i] += std::fabs(in.x[c.index(n, s, i)] - f.pivot[i] - origin[i]) / S;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i), nc = n * C + i;
        dk[nc] += in.center_weight[i] * dcentered[at];
        r.dcenter_weight.value[i] += (f.k[nc] - origin[i]) * dcentered[at];
        const double term = c.training && S == 1
                                ? dstandardized[at] * c.epsilon * std::pow(f.inverse_std[i], 3)
                                : dcentered[at];
        r.dcenter_weight.terms[i] += std::fabs(term) * size[nc];
      }
  for (int64_t n = 0; n < N; ++n)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        r.dx[at] = dcentered[at] + dk[n * C + i] / S;
      }
  return r;
}

}  // namespace rbn_test
