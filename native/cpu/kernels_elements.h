// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What every kernel uses on top of a vector_*.h, compiled once for each instruction set: walking
// along a row, masks, the exponential. Included by kernels_*.cc only.
#ifndef RBN_CPU_KERNELS_ELEMENTS_H_
#define RBN_CPU_KERNELS_ELEMENTS_H_

#include <stdint.h>
#include <string.h>

#include "../rbn/algebra.h"
#include "kernels.h"

namespace rbn::cpu::RBN_CPU_ISA {

// body(column, Full or Part) for the vectors of a row.
template <class Body>
RBN_INLINE void for_columns(int64_t columns, const Body& body) {
  int64_t j = 0;
  for (; j + kWidth <= columns; j += kWidth) body(j, Full{});
  if (j < columns) body(j, Part(columns - j));
}

// Asks for the cache line of p[offset], which may lie past the array's end.
RBN_INLINE void prefetch(const float* p, int64_t offset) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(offset) * 4;
  __builtin_prefetch(reinterpret_cast<const void*>(address));
}

// e^z. z = n·ln 2 + r, |r| ≤ ln 2 / 2; adding kShift rounds z / ln 2 to n and leaves n in the low
// bits. Taylor to the seventh power: the rest is below 6e-9 of the result. Clamped as the scalar
// form in algebra.h is, and where 1 + e^z is 1.
RBN_INLINE Vec exponential(Vec z) {
  constexpr float kShift = 12582912.0f;  // 1.5 · 2^23
  constexpr float kLn2High = 0.693359375f,
                  kLn2Low = -2.12194440e-4f;  // their products with n are exact
  z = clamp(z, -80.0f, 80.0f);
  const Vec shifted = multiply_add(z, Vec(1.44269504f), Vec(kShift));
  const Vec n = shifted - Vec(kShift);
  const Vec r = multiply_add(n, Vec(-kLn2Low), multiply_add(n, Vec(-kLn2High), z));
  Vec p = Vec(1.0f / 5040);
  p = multiply_add(p, r, Vec(1.0f / 720));
  p = multiply_add(p, r, Vec(1.0f / 120));
  p = multiply_add(p, r, Vec(1.0f / 24));
  p = multiply_add(p, r, Vec(1.0f / 6));
  p = multiply_add(p, r, Vec(0.5f));
  p = multiply_add(p, r, Vec(1.0f));
  p = multiply_add(p, r, Vec(1.0f));
  return p * power_of_two(shifted);
}

// Bits of a mask row from column j on, a multiple of 8.
RBN_INLINE uint32_t load_bits(const uint8_t* row, int64_t j, Full) {
  uint32_t bits = row[j / 8];
  if (kWidth > 8) bits |= static_cast<uint32_t>(row[j / 8 + 1]) << 8;
  return bits;
}
RBN_INLINE uint32_t load_bits(const uint8_t* row, int64_t j, const Part& part) {
  uint32_t bits = row[j / 8];
  if (part.count > 8) bits |= static_cast<uint32_t>(row[j / 8 + 1]) << 8;
  return bits;
}
RBN_INLINE void store_bits(uint8_t* row, int64_t j, uint32_t bits, Full) {
  row[j / 8] = static_cast<uint8_t>(bits);
  if (kWidth > 8) row[j / 8 + 1] = static_cast<uint8_t>(bits >> 8);
}
RBN_INLINE void store_bits(uint8_t* row, int64_t j, uint32_t bits, const Part& part) {
  bits &= (1u << part.count) - 1;
  row[j / 8] = static_cast<uint8_t>(bits);
  if (part.count > 8) row[j / 8 + 1] = static_cast<uint8_t>(bits >> 8);
}

template <bool kStream>
RBN_INLINE void put(float* p, Vec v, Full full) {
  if (kStream) {
    stream(p, v);
  } else {
    store(p, v, full);
  }
}
template <bool kStream>
RBN_INLINE void put(float* p, Vec v, const Part& part) {
  store(p, v, part);
}

// A coefficient of row r (channels first) or of column j (channels last).
template <bool kFirst, class Width>
RBN_INLINE Vec coefficient(const float* p, int64_t r, int64_t j, const Width& width) {
  return kFirst ? Vec(p[r]) : load(p + j, width);
}

// How the gradient of one vector is masked. y(): the output before the activation.
template <Gate kGate, class Width, class Output>
RBN_INLINE Vec gated(Vec dy, const uint8_t* mask_row, int64_t j, const Width& width,
                     const Output& y) {
  if constexpr (kGate == Gate::kMask) return keep(from_bits(load_bits(mask_row, j, width)), dy);
  if constexpr (kGate == Gate::kSign) return keep(relu_passes(y()), dy);
  return dy;
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_ELEMENTS_H_
