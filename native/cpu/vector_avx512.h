// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Sixteen floats at a time by AVX-512 (F, VL, DQ, BW). Included by kernels_avx512.cc under its
// target pragma.
#ifndef RBN_CPU_VECTOR_AVX512_H_
#define RBN_CPU_VECTOR_AVX512_H_

#include <immintrin.h>
#include <stdint.h>

#include "vector_common.h"

namespace rbn::cpu::RBN_CPU_ISA {

constexpr int kWidth = 16;

struct Vec {
  __m512 v;
  Vec() = default;
  RBN_MEMBER Vec(__m512 value) : v(value) {}
  RBN_MEMBER explicit Vec(float f) : v(_mm512_set1_ps(f)) {}
};
using Fused = Vec;

// One truth value a lane.
struct Lanes {
  __mmask16 m;
};

// How much of a vector is in memory: all of it, or the first `count` lanes.
struct Full {};
struct Part {
  __mmask16 mask;
  int count;
  RBN_MEMBER explicit Part(int64_t n)
      : mask(static_cast<__mmask16>((1u << n) - 1)), count(static_cast<int>(n)) {}
};

RBN_INLINE Vec operator+(Vec a, Vec b) { return _mm512_add_ps(a.v, b.v); }
RBN_INLINE Vec operator-(Vec a, Vec b) { return _mm512_sub_ps(a.v, b.v); }
RBN_INLINE Vec operator*(Vec a, Vec b) { return _mm512_mul_ps(a.v, b.v); }
RBN_INLINE Vec operator/(Vec a, Vec b) { return _mm512_div_ps(a.v, b.v); }
RBN_INLINE Vec operator-(Vec a) { return _mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f)); }
RBN_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }

RBN_INLINE Vec load(const float* p, Full) { return _mm512_loadu_ps(p); }
RBN_INLINE Vec load(const float* p, Part part) { return _mm512_maskz_loadu_ps(part.mask, p); }
RBN_INLINE void store(float* p, Vec v, Full) { _mm512_storeu_ps(p, v.v); }
RBN_INLINE void store(float* p, Vec v, Part part) { _mm512_mask_storeu_ps(p, part.mask, v.v); }

// Past the caches; p is aligned to kStreamAlignment.
constexpr int kStreamAlignment = 64;
RBN_INLINE void stream(float* p, Vec v) { _mm512_stream_ps(p, v.v); }
RBN_INLINE void stream_fence() { _mm_sfence(); }

RBN_INLINE Lanes not_less_equal(Vec a, Vec b) {  // !(a <= b), true where either is NaN
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NLE_UQ)};
}
RBN_INLINE Vec keep(Lanes lanes, Vec v) {
  return _mm512_maskz_mov_ps(lanes.m, v.v);
}  // 0 elsewhere
RBN_INLINE uint32_t to_bits(Lanes lanes) { return lanes.m; }
RBN_INLINE Lanes from_bits(uint32_t bits) { return {static_cast<__mmask16>(bits)}; }

RBN_INLINE Lanes lanes(Part part) { return {part.mask}; }

RBN_INLINE Vec clamp(Vec v, float low,
                     float high) {  // keeps a NaN: min and max give their second operand
  return _mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), v.v));
}
RBN_INLINE Vec power_of_two(Vec shifted) {  // see exponential
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23),
                                              _mm512_set1_epi32(0x3f800000)));
}

// The lanes of a Vec in double.
struct Wide {
  __m512d low, high;
};
RBN_INLINE Wide widen(Vec v) {
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(v.v)),
          _mm512_cvtps_pd(_mm512_extractf32x8_ps(v.v, 1))};
}
RBN_INLINE Wide operator+(Wide a, Wide b) {
  return {_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}
RBN_INLINE void add_to(double* sum, Wide w, Full) {
  _mm512_storeu_pd(sum, _mm512_add_pd(_mm512_loadu_pd(sum), w.low));
  _mm512_storeu_pd(sum + 8, _mm512_add_pd(_mm512_loadu_pd(sum + 8), w.high));
}
RBN_INLINE void add_to(double* sum, Wide w, Part part) {
  const __mmask8 low = static_cast<__mmask8>(part.mask),
                 high = static_cast<__mmask8>(part.mask >> 8);
  _mm512_mask_storeu_pd(sum, low, _mm512_add_pd(_mm512_maskz_loadu_pd(low, sum), w.low));
  _mm512_mask_storeu_pd(sum + 8, high, _mm512_add_pd(_mm512_maskz_loadu_pd(high, sum + 8), w.high));
}
RBN_INLINE double sum_lanes(Wide w) {
  const __m512d eight = _mm512_add_pd(w.low, w.high);
  const __m256d four =
      _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_VECTOR_AVX512_H_
