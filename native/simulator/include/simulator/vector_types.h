// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// CUDA's function qualifiers and vector types, with CUDA's alignment: a misaligned vector access is
// then reported by UBSan.
#ifndef RBN_SIMULATOR_VECTOR_TYPES_H_
#define RBN_SIMULATOR_VECTOR_TYPES_H_

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

#define RBN_SIMULATOR_VECTOR(T, name, alignment2, alignment4)                  \
  struct alignas(alignment2) name##2 {                                         \
    T x, y;                                                                    \
  };                                                                           \
  struct name##3 {                                                             \
    T x, y, z;                                                                 \
  };                                                                           \
  struct alignas(alignment4) name##4 {                                         \
    T x, y, z, w;                                                              \
  };                                                                           \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                   \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }           \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

RBN_SIMULATOR_VECTOR(float, float, 8, 16)
RBN_SIMULATOR_VECTOR(double, double, 16, 16)
RBN_SIMULATOR_VECTOR(int, int, 8, 16)
RBN_SIMULATOR_VECTOR(unsigned, uint, 8, 16)
RBN_SIMULATOR_VECTOR(unsigned short, ushort, 4, 8)
RBN_SIMULATOR_VECTOR(unsigned char, uchar, 2, 4)
#undef RBN_SIMULATOR_VECTOR

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#endif  // RBN_SIMULATOR_VECTOR_TYPES_H_
