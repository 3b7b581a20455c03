// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Eight floats at a time for whatever the compiler targets without flags: two vectors of four by
// the vector extensions of GCC and Clang, which become SSE2, NEON or plain code. Included by
// kernels_baseline.cc; the other vector_*.h give the same names for their instruction sets.
#ifndef RBN_CPU_VECTOR_GENERIC_H_
#define RBN_CPU_VECTOR_GENERIC_H_

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "vector_common.h"

namespace rbn::cpu::RBN_CPU_ISA {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef double Double2 __attribute__((vector_size(16)));

constexpr int kWidth = 8;

struct Vec {
  Float4 low, high;
  Vec() = default;
  RBN_MEMBER Vec(Float4 l, Float4 h) : low(l), high(h) {}
  RBN_MEMBER explicit Vec(float f) : low{f, f, f, f}, high{f, f, f, f} {}
};

// One truth value a lane: all bits or none.
struct Lanes {
  Int4 low, high;
};

// How much of a vector is in memory: all of it, or the first `count` lanes.
struct Full {};
struct Part {
  int count;
  RBN_MEMBER explicit Part(int64_t n) : count(static_cast<int>(n)) {}
};

RBN_INLINE Vec operator+(Vec a, Vec b) { return {a.low + b.low, a.high + b.high}; }
RBN_INLINE Vec operator-(Vec a, Vec b) { return {a.low - b.low, a.high - b.high}; }
RBN_INLINE Vec operator*(Vec a, Vec b) { return {a.low * b.low, a.high * b.high}; }
RBN_INLINE Vec operator/(Vec a, Vec b) { return {a.low / b.low, a.high / b.high}; }
RBN_INLINE Vec operator-(Vec a) { return {-a.low, -a.high}; }

#if defined(__ARM_NEON) && defined(__aarch64__)
RBN_INLINE Vec multiply_add(Vec a, Vec b, Vec c) {
  return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}
using Fused = Vec;
#else
// Two roundings: without FMA in hardware one rounding costs too much where it is not needed.
RBN_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return a * b + c; }

// A Vec whose multiply_add rounds once (but for a double rounding in 2^29), by way of double; for
// single_standardize, which is noise without it where mean/std is large.
struct Fused : Vec {
  Fused() = default;
  RBN_MEMBER Fused(Vec v) : Vec(v) {}
};
RBN_INLINE Fused operator+(Fused a, Fused b) { return static_cast<Vec>(a) + static_cast<Vec>(b); }
RBN_INLINE Fused operator*(Fused a, Fused b) { return static_cast<Vec>(a) * static_cast<Vec>(b); }
RBN_INLINE Fused operator-(Fused a) { return -static_cast<Vec>(a); }
RBN_INLINE Float4 multiply_add_once(Float4 a, Float4 b, Float4 c) {
  Float4 result;
  for (int i = 0; i < 4; ++i) {
    result[i] = static_cast<float>(static_cast<double>(a[i]) * static_cast<double>(b[i]) +
                                   static_cast<double>(c[i]));
  }
  return result;
}
RBN_INLINE Fused multiply_add(Fused a, Fused b, Fused c) {
  return Vec(multiply_add_once(a.low, b.low, c.low), multiply_add_once(a.high, b.high, c.high));
}
#endif

RBN_INLINE Vec load(const float* p, Full) {
  Vec v;
  memcpy(&v.low, p, 16);
  memcpy(&v.high, p + 4, 16);
  return v;
}
RBN_INLINE Vec load(const float* p, Part part) {
  alignas(16) float lanes[kWidth] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int i = 0; i < part.count; ++i) lanes[i] = p[i];
  return load(lanes, Full{});
}
RBN_INLINE void store(float* p, Vec v, Full) {
  memcpy(p, &v.low, 16);
  memcpy(p + 4, &v.high, 16);
}
RBN_INLINE void store(float* p, Vec v, Part part) {
  alignas(16) float lanes[kWidth];
  store(lanes, v, Full{});
  for (int i = 0; i < part.count; ++i) p[i] = lanes[i];
}

// Past the caches; p is aligned to kStreamAlignment.
#if defined(__SSE2__)
constexpr int kStreamAlignment = 16;
RBN_INLINE void stream(float* p, Vec v) {
  _mm_stream_ps(p, v.low);
  _mm_stream_ps(p + 4, v.high);
}
RBN_INLINE void stream_fence() { _mm_sfence(); }
#else
constexpr int kStreamAlignment = 0;  // there is none
RBN_INLINE void stream(float* p, Vec v) { store(p, v, Full{}); }
RBN_INLINE void stream_fence() {}
#endif

RBN_INLINE Lanes not_less_equal(Vec a, Vec b) {  // !(a <= b), true where either is NaN
  return {~(a.low <= b.low), ~(a.high <= b.high)};
}
RBN_INLINE Vec keep(Lanes lanes, Vec v) {  // 0 elsewhere
  return {(Float4)((Int4)v.low & lanes.low), (Float4)((Int4)v.high & lanes.high)};
}
RBN_INLINE uint32_t to_bits(Lanes lanes) {
#if defined(__SSE2__)
  return static_cast<uint32_t>(_mm_movemask_ps((Float4)lanes.low) |
                               _mm_movemask_ps((Float4)lanes.high) << 4);
#else
  uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) bits |= (lanes.low[i] & 1u) << i | (lanes.high[i] & 1u) << (i + 4);
  return bits;
#endif
}
RBN_INLINE Lanes from_bits(uint32_t bits) {
  const int32_t b = static_cast<int32_t>(bits);
  const Int4 all = {b, b, b, b}, low = {1, 2, 4, 8}, high = {16, 32, 64, 128};
  return {(all & low) == low, (all & high) == high};
}

RBN_INLINE Lanes lanes(Part part) {
  const int32_t n = part.count;
  const Int4 all = {n, n, n, n}, low = {0, 1, 2, 3}, high = {4, 5, 6, 7};
  return {low < all, high < all};
}

RBN_INLINE Vec clamp(Vec v, float low, float high) {  // keeps a NaN
  const Vec l(low), h(high);
  v.low = v.low < l.low ? l.low : v.low;
  v.high = v.high < l.high ? l.high : v.high;
  v.low = v.low > h.low ? h.low : v.low;
  v.high = v.high > h.high ? h.high : v.high;
  return v;
}
RBN_INLINE Vec power_of_two(Vec shifted) {  // see exponential
  const Int4 one = {0x3f800000, 0x3f800000, 0x3f800000, 0x3f800000};
  return {(Float4)(((Int4)shifted.low << 23) + one), (Float4)(((Int4)shifted.high << 23) + one)};
}

// The lanes of a Vec in double.
struct Wide {
  Double2 part[4];
};
RBN_INLINE Wide widen(Vec v) {
  const auto pair = [](float a, float b) {
    return Double2{static_cast<double>(a), static_cast<double>(b)};
  };
  return {{pair(v.low[0], v.low[1]), pair(v.low[2], v.low[3]), pair(v.high[0], v.high[1]),
           pair(v.high[2], v.high[3])}};
}
RBN_INLINE Wide operator+(Wide a, const Wide& b) {
  for (int i = 0; i < 4; ++i) a.part[i] += b.part[i];
  return a;
}
RBN_INLINE void add_to(double* sum, const Wide& w, Full) {
  for (int i = 0; i < 4; ++i) {
    Double2 pair;
    memcpy(&pair, sum + 2 * i, 16);
    pair += w.part[i];
    memcpy(sum + 2 * i, &pair, 16);
  }
}
RBN_INLINE void add_to(double* sum, const Wide& w, Part part) {
  for (int i = 0; i < part.count; ++i) sum[i] += w.part[i / 2][i % 2];
}
RBN_INLINE double sum_lanes(const Wide& w) {
  const Double2 pair = (w.part[0] + w.part[1]) + (w.part[2] + w.part[3]);
  return pair[0] + pair[1];
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_VECTOR_GENERIC_H_
