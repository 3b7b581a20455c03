// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Elements in global memory: loads and stores of 1 element or of 16 bytes, float32 or bfloat16, as
// float32 in registers; planes of float32; bits of the mask.
#ifndef RBN_CUDA_RBN_ELEMENTS_H_
#define RBN_CUDA_RBN_ELEMENTS_H_

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <stdint.h>

namespace rbn {

// V elements of T as they lie in memory.
template <class T, int V>
struct Packed;

template <>
struct Packed<float, 1> {
  using Raw = float;
  static __device__ __forceinline__ void unpack(Raw raw, float (&v)[1]) { v[0] = raw; }
  static __device__ __forceinline__ Raw pack(const float (&v)[1]) { return v[0]; }
};

template <>
struct Packed<float, 4> {
  using Raw = float4;
  static __device__ __forceinline__ void unpack(const Raw& raw, float (&v)[4]) {
    v[0] = raw.x, v[1] = raw.y, v[2] = raw.z, v[3] = raw.w;
  }
  static __device__ __forceinline__ Raw pack(const float (&v)[4]) {
    return make_float4(v[0], v[1], v[2], v[3]);
  }
};

__device__ __forceinline__ unsigned bfloat16_bits(float v) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(v));
}

template <>
struct Packed<__nv_bfloat16, 1> {
  using Raw = unsigned short;
  static __device__ __forceinline__ void unpack(Raw raw, float (&v)[1]) {
    v[0] = __uint_as_float(static_cast<unsigned>(raw) << 16);
  }
  static __device__ __forceinline__ Raw pack(const float (&v)[1]) {
    return static_cast<Raw>(bfloat16_bits(v[0]));
  }
};

template <>
struct Packed<__nv_bfloat16, 8> {
  using Raw = uint4;
  static __device__ __forceinline__ void unpack(const Raw& raw, float (&v)[8]) {
    const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      v[2 * i] = __uint_as_float(words[i] << 16);
      v[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
    }
  }
  static __device__ __forceinline__ Raw pack(const float (&v)[8]) {
    unsigned words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      words[i] = bfloat16_bits(v[2 * i]) | bfloat16_bits(v[2 * i + 1]) << 16;
    return make_uint4(words[0], words[1], words[2], words[3]);
  }
};

template <class T, int V>
using Raw = typename Packed<T, V>::Raw;

// Read again by a later launch or another block: stays in L2 as long as it can.
template <class T, int V>
__device__ __forceinline__ Raw<T, V> load_kept(const T* p) {
  return *reinterpret_cast<const Raw<T, V>*>(p);
}

// Read for the last time: leaves L2 first.
template <class T, int V>
__device__ __forceinline__ Raw<T, V> load_last(const T* p) {
  return __ldcs(reinterpret_cast<const Raw<T, V>*>(p));
}

// Results leave L2 before the inputs that this launch has still to read from there. Where all of it
// fits, nothing leaves and the next operation finds them.
template <class T, int V>
__device__ __forceinline__ void store_last(T* p, const float (&v)[V]) {
  __stcs(reinterpret_cast<Raw<T, V>*>(p), Packed<T, V>::pack(v));
}

// V floats of a plane. V > 1 only where the plane's rows keep 16 bytes whole.
template <int V>
__device__ __forceinline__ void load_plane(const float* p, float (&v)[V]) {
  if constexpr (V == 1) {
    v[0] = *p;
  } else {
#pragma unroll
    for (int i = 0; i < V; i += 4) {
      const float4 raw = *reinterpret_cast<const float4*>(p + i);
      v[i] = raw.x, v[i + 1] = raw.y, v[i + 2] = raw.z, v[i + 3] = raw.w;
    }
  }
}

// Bits of the V elements of vector number `vector` of a row of the mask.
template <int V>
__device__ __forceinline__ unsigned load_mask(const uint8_t* row, int64_t vector) {
  if constexpr (V == 8) return row[vector];
  if constexpr (V == 4) return row[vector >> 1] >> ((vector & 1) * 4) & 15u;
  return row[vector >> 3] >> (vector & 7) & 1u;
}

// The other way. Called by all lanes of a warp, with consecutive vectors from a multiple of a byte
// on; `bits` is 0 where a lane has no element. Each byte is written by the lane of its first
// element.
template <int V>
__device__ __forceinline__ void store_mask(uint8_t* row, int64_t vector, bool inside,
                                           unsigned bits) {
  if constexpr (V == 8) {
    if (inside) row[vector] = static_cast<uint8_t>(bits);
  } else if constexpr (V == 4) {
    const unsigned upper = __shfl_down_sync(0xffffffffu, bits, 1);
    if (inside && vector % 2 == 0) row[vector >> 1] = static_cast<uint8_t>(bits | upper << 4);
  } else {
    const unsigned warp = __ballot_sync(0xffffffffu, bits != 0);
    const unsigned lane = (threadIdx.y * blockDim.x + threadIdx.x) & 31u;
    if (inside && vector % 8 == 0) row[vector >> 3] = static_cast<uint8_t>(warp >> (lane & 24u));
  }
}

}  // namespace rbn

#endif  // RBN_CUDA_RBN_ELEMENTS_H_
