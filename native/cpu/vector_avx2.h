// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Eight floats at a time by AVX2 and FMA. Included by kernels_avx2.cc under its target pragma.
#ifndef RBN_CPU_VECTOR_AVX2_H_
#define RBN_CPU_VECTOR_AVX2_H_

#include <immintrin.h>
#include <stdint.h>

#include "vector_common.h"

namespace rbn::cpu::RBN_CPU_ISA {

constexpr int kWidth = 8;

struct Vec {
  __m256 v;
  Vec() = default;
  RBN_MEMBER Vec(__m256 value) : v(value) {}
  RBN_MEMBER explicit Vec(float f) : v(_mm256_set1_ps(f)) {}
};
using Fused = Vec;

// One truth value a lane: all bits or none.
struct Lanes {
  __m256 v;
};

// How much of a vector is in memory: all of it, or the first `count` lanes.
struct Full {};
struct Part {
  __m256i mask;
  int count;
  RBN_MEMBER explicit Part(int64_t n)
      : mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))),
        count(static_cast<int>(n)) {}
};

RBN_INLINE Vec operator+(Vec a, Vec b) { return _mm256_add_ps(a.v, b.v); }
RBN_INLINE Vec operator-(Vec a, Vec b) { return _mm256_sub_ps(a.v, b.v); }
RBN_INLINE Vec operator*(Vec a, Vec b) { return _mm256_mul_ps(a.v, b.v); }
RBN_INLINE Vec operator/(Vec a, Vec b) { return _mm256_div_ps(a.v, b.v); }
RBN_INLINE Vec operator-(Vec a) { return _mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f)); }
RBN_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }

RBN_INLINE Vec load(const float* p, Full) { return _mm256_loadu_ps(p); }
RBN_INLINE Vec load(const float* p, Part part) { return _mm256_maskload_ps(p, part.mask); }
RBN_INLINE void store(float* p, Vec v, Full) { _mm256_storeu_ps(p, v.v); }
RBN_INLINE void store(float* p, Vec v, Part part) { _mm256_maskstore_ps(p, part.mask, v.v); }

// Past the caches; p is aligned to kStreamAlignment.
constexpr int kStreamAlignment = 32;
RBN_INLINE void stream(float* p, Vec v) { _mm256_stream_ps(p, v.v); }
RBN_INLINE void stream_fence() { _mm_sfence(); }

RBN_INLINE Lanes not_less_equal(Vec a, Vec b) {  // !(a <= b), true where either is NaN
  return {_mm256_cmp_ps(a.v, b.v, _CMP_NLE_UQ)};
}
RBN_INLINE Vec keep(Lanes lanes, Vec v) { return _mm256_and_ps(lanes.v, v.v); }  // 0 elsewhere
RBN_INLINE uint32_t to_bits(Lanes lanes) {
  return static_cast<uint32_t>(_mm256_movemask_ps(lanes.v));
}
RBN_INLINE Lanes from_bits(uint32_t bits) {
  const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i all = _mm256_set1_epi32(static_cast<int>(bits));
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, lane), lane))};
}

RBN_INLINE Lanes lanes(Part part) { return {_mm256_castsi256_ps(part.mask)}; }

RBN_INLINE Vec clamp(Vec v, float low,
                     float high) {  // keeps a NaN: min and max give their second operand
  return _mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), v.v));
}
RBN_INLINE Vec power_of_two(Vec shifted) {  // see exponential
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(shifted.v), 23),
                                              _mm256_set1_epi32(0x3f800000)));
}

// The lanes of a Vec in double.
struct Wide {
  __m256d low, high;
};
RBN_INLINE Wide widen(Vec v) {
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(v.v)),
          _mm256_cvtps_pd(_mm256_extractf128_ps(v.v, 1))};
}
RBN_INLINE Wide operator+(Wide a, Wide b) {
  return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}
RBN_INLINE void add_to(double* sum, Wide w, Full) {
  _mm256_storeu_pd(sum, _mm256_add_pd(_mm256_loadu_pd(sum), w.low));
  _mm256_storeu_pd(sum + 4, _mm256_add_pd(_mm256_loadu_pd(sum + 4), w.high));
}
RBN_INLINE void add_to(double* sum, Wide w, Part part) {
  alignas(32) double lanes[kWidth];
  _mm256_store_pd(lanes, w.low);
  _mm256_store_pd(lanes + 4, w.high);
  for (int i = 0; i < part.count; ++i) sum[i] += lanes[i];
}
RBN_INLINE double sum_lanes(Wide w) {
  const __m256d sums = _mm256_add_pd(w.low, w.high);
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(sums), _mm256_extractf128_pd(sums, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_VECTOR_AVX2_H_
