// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Makes the data of a case.
#include "case_runner_data.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "reference.h"

namespace rbn_test {
namespace {

uint32_t fnv1a(const void* bytes, size_t size, uint32_t hash = 0x811c9dc5u) {
  const unsigned char* p = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < size; ++i) hash = (hash ^ p[i]) * 0x01000193u;
  return hash;
}

// A Weyl sequence through the finaliser of MurmurHash3: 32 bits of state are plenty for arrays of
// this size, and every step is one that JavaScript's Math.imul has too.
class Random {
 public:
  explicit Random(const std::string& seed) : state_(fnv1a(seed.data(), seed.size())) {}
  double uniform() {  // [0, 1)
    state_ += 0x9e3779b9u;
    uint32_t z = state_;
    z = (z ^ (z >> 16)) * 0x85ebca6bu;
    z = (z ^ (z >> 13)) * 0xc2b2ae35u;
    z ^= z >> 16;
    return z / 4294967296.0;
  }
  // Mean 0, variance 1, within ±3.5: four uniforms, since log and cos differ between libraries.
  double normal() {
    const double sum = uniform() + uniform() + (uniform() + uniform());
    return (sum - 2.0) * 1.7320508075688772;
  }

 private:
  uint32_t state_;
};

CaseData make_attempt(const Case& c, const std::string& seed) {
  const int64_t N = c.instances(), S = c.positions(), C = c.channels();
  CaseData d;
  Random parameters(seed + " parameters");
  std::vector<double> scale(C), location(C);
  for (int64_t i = 0; i < C; ++i) {
    const double u = parameters.uniform(), sign = parameters.uniform() < 0.5 ? -1.0 : 1.0;
    scale[i] = 0.5 + u;
    location[i] = sign * c.conditioning * scale[i];
    double gamma = 1, beta = 0, center = 0, weight = 0, bias = 1;
    if (c.parameters == "random") {
      gamma = 0.5 + parameters.uniform();
      if (parameters.uniform() < 0.25) gamma = -gamma;
      beta = 0.5 * parameters.normal();
      center = 0.5 * parameters.normal();
      weight = 0.5 * parameters.normal();
      bias = 0.5 + 0.5 * parameters.normal();
    } else if (c.parameters == "wide") {
      gamma = i % 5 == 0 ? 0.0 : 2.0 * parameters.normal();
      beta = 2.0 * parameters.normal();
      center = 2.0 * parameters.normal();
      weight = 10.0 * parameters.normal();
      bias = 3.0 * parameters.normal();
    }
    if (!std::isnan(c.center_weight)) center = c.center_weight;
    if (c.affine) {
      d.gamma.push_back(static_cast<float>(gamma));
      d.beta.push_back(static_cast<float>(beta));
    }
    d.center_weight.push_back(static_cast<float>(center));
    d.scale_weight.push_back(static_cast<float>(weight));
    d.scale_bias.push_back(static_cast<float>(bias));
  }

  const auto store = [&](double value) {
    const float f = static_cast<float>(value);
    return c.bfloat16 ? round_to_bfloat16(f) : f;
  };
  Random shifts(seed + " shifts"), noise(seed + " x"), residual(seed + " residual"),
      dy(seed + " dy");
  std::vector<double> shift(C);
  d.x.resize(c.elements());
  d.dy.resize(c.elements());
  if (c.residual) d.residual.resize(c.elements());
  for (int64_t n = 0; n < N; ++n) {
    for (double& s : shift) s = c.instance_shift * shifts.normal();
    for (int64_t s = 0; s < S; ++s)
      for (int64_t i = 0; i < C; ++i) {
        const int64_t at = c.index(n, s, i);
        d.x[at] = store(location[i] + scale[i] * (shift[i] + c.noise * noise.normal()));
        d.dy[at] = store(0.25 + dy.normal());
        if (c.residual) d.residual[at] = store(residual.normal());
      }
  }

  if (!c.training) {
    // Near the batch's own statistics, as a moving average is, but not equal to them.
    Random given(seed + " given");
    const Statistics batch = batch_statistics(c, d);
    for (int64_t i = 0; i < C; ++i) {
      const double u = given.normal(), v = given.uniform();
      d.given_mean.push_back(static_cast<float>(batch.mean[i] + 0.3 * u * scale[i]));
      d.given_variance.push_back(static_cast<float>((0.5 + v) * (batch.variance[i] + 0.1)));
    }
  }
  return d;
}

}  // namespace

CaseData make_data(const Case& c) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    CaseData d = make_attempt(c, c.name + " #" + std::to_string(attempt));
    if (!c.relu || nearest_to_kink(c, d) > kKinkMargin) return d;
  }
  throw std::runtime_error(c.name + ": every seed puts a value next to the kink of the ReLU");
}

uint32_t checksum(const CaseData& d) {
  uint32_t hash = fnv1a(nullptr, 0);
  for (const auto* array : {&d.x, &d.residual, &d.dy, &d.gamma, &d.beta, &d.center_weight,
                            &d.scale_weight, &d.scale_bias, &d.given_mean, &d.given_variance})
    hash = fnv1a(array->data(), array->size() * sizeof(float), hash);
  return hash;
}

float round_to_bfloat16(float value) {
  if (std::isnan(value)) return value;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  bits &= 0xffff0000u;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

uint16_t bfloat16_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

float from_bfloat16_bits(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

}  // namespace rbn_test
