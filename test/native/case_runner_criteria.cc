// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The criteria and what is said where they are not met.
#include "case_runner_criteria.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rbn_test {
namespace {

// Figures of the project: relative L2 of y and dx; parameter gradients as a share of the sum of
// their absolute terms, where the center weight's terms are left after a cancellation that float32
// pays for.
constexpr double kElements = 2e-6;
constexpr double kParameters = 5e-6;
constexpr double kCenterWeight = 5e-5;
// Of bfloat16 elements may be one unit off: float32 arithmetic lands on the other side of a
// rounding boundary about once in 2^16 times the relative error in float32 units.
constexpr double kBfloat16Share = 1e-3;
// mean is stored in float32, half a unit of its size (6e-8), and counts in units of the standard
// deviation beyond that; variance has the relative error of its squares.
constexpr double kHalfUnit = 6e-8;
constexpr double kMoments = 2e-6;

__attribute__((format(printf, 2, 3))) void say(std::string* to, const char* format, ...) {
  char text[300];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  *to += (to->empty() ? "" : "; ") + std::string(text);
}

bool sizes_agree(const char* name, size_t expected, size_t received, std::string* failures) {
  if (expected != received)
    say(failures, "%s: expected %zu values, received %zu", name, expected, received);
  return expected == received;
}

void relative_l2(const char* name, const std::vector<double>& expected,
                 const std::vector<float>& received, std::string* failures) {
  if (!sizes_agree(name, expected.size(), received.size(), failures)) return;
  double error = 0, size = 0, worst = -1;
  size_t at = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double d = std::fabs(received[i] - expected[i]);
    error += d * d;
    size += expected[i] * expected[i];
    if (!(d <= worst)) worst = d, at = i;
  }
  if (!(std::sqrt(error) <= kElements * std::sqrt(size)))
    say(failures,
        "%s: relative L2 error %.3g, allowed %.3g; worst element %zu: expected %.9g, received %.9g",
        name, std::sqrt(error / size), kElements, at, expected[at], received[at]);
}

// bfloat16 values in their order, as integers without gaps.
int ordinal(float value) {
  const int bits = bfloat16_bits(value);
  return bits & 0x8000 ? -(bits & 0x7fff) : bits;
}

float nearest_bfloat16(double value) {
  const float f = round_to_bfloat16(static_cast<float>(value));
  // Rounding twice can miss by one: the closest of f and its neighbours is right.
  float best = f;
  for (int step : {-1, 1}) {
    const float neighbour = from_bfloat16_bits(static_cast<uint16_t>(bfloat16_bits(f) + step));
    if (std::fabs(neighbour - value) < std::fabs(best - value)) best = neighbour;
  }
  return best;
}

void bfloat16_rounding(const char* name, const std::vector<double>& expected,
                       const std::vector<float>& received, std::string* failures) {
  if (!sizes_agree(name, expected.size(), received.size(), failures)) return;
  size_t off = 0, far_off = 0, at = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int distance =
        std::isnan(received[i])
            ? 2
            : std::abs(ordinal(nearest_bfloat16(expected[i])) - ordinal(received[i]));
    if (distance == 0) continue;
    ++off;
    if (distance > 1) ++far_off;
    if (distance > 1 || off == 1) at = i;
  }
  if (far_off > 0 ||
      static_cast<double>(off) > kBfloat16Share * static_cast<double>(expected.size()))
    say(failures,
        "%s: %zu of %zu bfloat16 values off, %zu of them by more than one unit; element %zu: "
        "expected %.9g, received %.9g",
        name, off, expected.size(), far_off, at, expected[at], received[at]);
}

void exact(const char* name, const std::vector<double>& expected,
           const std::vector<float>& received, std::string* failures) {
  if (!sizes_agree(name, expected.size(), received.size(), failures)) return;
  for (size_t i = 0; i < expected.size(); ++i)
    if (!(received[i] == expected[i])) {
      say(failures, "%s: element %zu: expected exactly %.9g, received %.9g", name, i, expected[i],
          received[i]);
      return;
    }
}

// |error| <= tolerance[c] in each channel.
template <class Tolerance>
void per_channel(const char* name, const std::vector<double>& expected,
                 const std::vector<float>& received, Tolerance tolerance, std::string* failures) {
  if (!sizes_agree(name, expected.size(), received.size(), failures)) return;
  for (size_t c = 0; c < expected.size(); ++c) {
    const double error = std::fabs(received[c] - expected[c]);
    if (!(error <= tolerance(c))) {
      say(failures, "%s: channel %zu: expected %.9g, received %.9g, error %.3g, allowed %.3g", name,
          c, expected[c], received[c], error, tolerance(c));
      return;
    }
  }
}

void parameter(const char* name, const Summed& expected, const std::vector<float>& received,
               double share, std::string* failures) {
  per_channel(
      name, expected.value, received, [&](size_t c) { return share * expected.terms[c]; },
      failures);
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace

std::string compare(const Case& c, const Reference& expected, const Outputs& received) {
  std::string failures;
  const auto elements = c.bfloat16 ? bfloat16_rounding : relative_l2;
  elements("y", expected.y, received.y, &failures);
  if (c.training) {
    per_channel(
        "mean", expected.mean, received.mean,
        [&](size_t i) {
          return kHalfUnit * std::fabs(expected.mean[i]) +
                 kMoments * std::sqrt(expected.variance[i]);
        },
        &failures);
    per_channel(
        "variance", expected.variance, received.variance,
        [&](size_t i) { return kMoments * expected.variance[i]; }, &failures);
  }
  elements("dx", expected.dx, received.dx, &failures);
  if (c.residual && c.relu) exact("dresidual", expected.dresidual, received.dresidual, &failures);
  if (c.affine) {
    parameter("dgamma", expected.dgamma, received.dgamma, kParameters, &failures);
    parameter("dbeta", expected.dbeta, received.dbeta, kParameters, &failures);
  }
  parameter("dcenter_weight", expected.dcenter_weight, received.dcenter_weight, kCenterWeight,
            &failures);
  parameter("dscale_weight", expected.dscale_weight, received.dscale_weight, kParameters,
            &failures);
  parameter("dscale_bias", expected.dscale_bias, received.dscale_bias, kParameters, &failures);
  return failures;
}

std::string same_bits(const Outputs& a, const Outputs& b) {
  const struct {
    const char* name;
    std::vector<float> Outputs::* member;
  } all[] = {{"y", &Outputs::y},
             {"mean", &Outputs::mean},
             {"variance", &Outputs::variance},
             {"dx", &Outputs::dx},
             {"dresidual", &Outputs::dresidual},
             {"dgamma", &Outputs::dgamma},
             {"dbeta", &Outputs::dbeta},
             {"dcenter_weight", &Outputs::dcenter_weight},
             {"dscale_weight", &Outputs::dscale_weight},
             {"dscale_bias", &Outputs::dscale_bias}};
  for (const auto& output : all)
    if (!same(a.*output.member, b.*output.member))
      return std::string(output.name) + " has other bits";
  return "";
}

}  // namespace rbn_test
