// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Complex-step differentiation of the reference: f(x + i·h·d) has h·f'(x)·d as its imaginary part,
// with no difference of close numbers, so a step of 1e-100 gives the derivative to the last digits.
#include "case_runner_self.h"

#include <cmath>
#include <complex>
#include <functional>

namespace rbn_test {
namespace {

using Complex = std::complex<double>;
constexpr double kStep = 1e-100;

// Some direction without symmetry.
double direction(size_t i) { return std::sin(1.0 + 1.7 * static_cast<double>(i)); }

}  // namespace

std::string check_reference(const Case& c, const CaseData& data, const Reference& r) {
  struct Input {
    const char* name;
    std::vector<Complex> Inputs<Complex>::* member;
    const std::vector<double>* gradient;
  };
  const Input inputs[] = {
      {"x", &Inputs<Complex>::x, &r.dx},
      {"residual", &Inputs<Complex>::residual, &r.dresidual},
      {"gamma", &Inputs<Complex>::gamma, &r.dgamma.value},
      {"beta", &Inputs<Complex>::beta, &r.dbeta.value},
      {"center_weight", &Inputs<Complex>::center_weight, &r.dcenter_weight.value},
      {"scale_weight", &Inputs<Complex>::scale_weight, &r.dscale_weight.value},
      {"scale_bias", &Inputs<Complex>::scale_bias, &r.dscale_bias.value},
  };
  for (const Input& input : inputs) {
    Inputs<Complex> in = make_inputs<Complex>(c, data);
    std::vector<Complex>& moved = in.*input.member;
    double expected = 0, size = 0;
    for (size_t i = 0; i < moved.size(); ++i) {
      moved[i] += Complex(0, kStep * direction(i));
      expected += (*input.gradient)[i] * direction(i);
      size += std::fabs((*input.gradient)[i] * direction(i));
    }
    const std::vector<Complex> output = reference_forward(c, in).output;
    double derivative = 0, terms = 0;
    for (size_t i = 0; i < output.size(); ++i)
      if (!c.relu || output[i].real() > 0) {
        derivative += data.dy[i] * (output[i].imag() / kStep);
        terms += std::fabs(data.dy[i] * (output[i].imag() / kStep));
      }
    // Rounding of some thousand operations. dx may be the small rest of what reaches x through x_s
    // alone, dcenter_weight that of Σ k·dx.
    if (input.gradient == &r.dx)
      for (int64_t n = 0; n < c.instances(); ++n)
        for (int64_t s = 0; s < c.positions(); ++s)
          for (int64_t i = 0; i < c.channels(); ++i)
            size += std::fabs(data.dy[c.index(n, s, i)] * in.gamma[i].real() * r.inverse_std[i]);
    if (input.gradient == &r.dcenter_weight.value)
      for (size_t i = 0; i < data.x.size(); ++i) size += std::fabs(data.x[i] * r.dx[i]);
    const double tolerance = 1e-13 * (size + terms);
    if (!(std::fabs(derivative - expected) <= tolerance))
      return std::string("reference: derivative in ") + input.name + " is " +
             std::to_string(expected) + ", complex step gives " + std::to_string(derivative);
  }
  return "";
}

}  // namespace rbn_test
