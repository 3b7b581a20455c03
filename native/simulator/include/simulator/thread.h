// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What device code sees of its own thread: indices, the block's barriers, shared memory, fences, and
// the scalar intrinsics that need no other thread.
#ifndef RBN_SIMULATOR_THREAD_H_
#define RBN_SIMULATOR_THREAD_H_

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#include "vector_types.h"

namespace rbn {
namespace simulator {

// The indices of the CUDA thread that runs on this host thread now.
struct ThreadIndices {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
extern __thread const ThreadIndices* self;

// A place in the text of a kernel. Threads that meet must be at the same one.
struct Site {
  const char* file;
  int line;
};
constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return {file, line};
}

enum class Vote { kCount, kAnd, kOr };

// Waits for all threads of the block; returns the vote over their predicates.
int block_barrier(Vote vote, int predicate, Site site);
void grid_barrier(Site site);
void cluster_barrier(Site site);
unsigned cluster_rank();    // of this block in its cluster
unsigned cluster_blocks();  // blocks of the cluster
void* map_shared(void* shared, unsigned rank, Site site);

// The block's array that belongs to `key`, one a declaration; and its dynamic shared memory.
void* shared_array(const void* key, size_t bytes, size_t alignment);
void* dynamic_shared(size_t alignment);

enum class Scope { kBlock, kDevice };
void fence(Scope scope);

template <class To, class From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast between sizes");
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

}  // namespace simulator
}  // namespace rbn

#define threadIdx (::rbn::simulator::self->thread)
#define blockIdx (::rbn::simulator::self->block)
#define blockDim (::rbn::simulator::self->block_dim)
#define gridDim (::rbn::simulator::self->grid_dim)
constexpr int warpSize = 32;

// RBN_SHARED(float, sums, 256);  →  float (&sums)[256], one a block.
#define RBN_SHARED(T, name, count)                                                              \
  T(&name)[count] = *static_cast<T(*)[count]>(::rbn::simulator::shared_array(                   \
      [] {                                                                                      \
        static const char key = 0;                                                              \
        return static_cast<const void*>(&key);                                                  \
      }(),                                                                                      \
      sizeof(T[count]), alignof(T)))

// RBN_DYNAMIC_SHARED(float, tile);  →  float* tile, of LaunchConfig::shared_bytes bytes.
#define RBN_DYNAMIC_SHARED(T, name) \
  T* const name = static_cast<T*>(::rbn::simulator::dynamic_shared(alignof(T)))

inline void __syncthreads(rbn::simulator::Site site = rbn::simulator::here()) {
  rbn::simulator::block_barrier(rbn::simulator::Vote::kCount, 0, site);
}
inline int __syncthreads_count(int predicate, rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::block_barrier(rbn::simulator::Vote::kCount, predicate, site);
}
inline int __syncthreads_and(int predicate, rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::block_barrier(rbn::simulator::Vote::kAnd, predicate, site);
}
inline int __syncthreads_or(int predicate, rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::block_barrier(rbn::simulator::Vote::kOr, predicate, site);
}

inline void __threadfence() { rbn::simulator::fence(rbn::simulator::Scope::kDevice); }
inline void __threadfence_block() { rbn::simulator::fence(rbn::simulator::Scope::kBlock); }

// Loads and stores with a cache hint: the hint means nothing here.
template <class T>
inline T __ldg(const T* p) { return *p; }
template <class T>
inline T __ldcs(const T* p) { return *p; }
template <class T>
inline T __ldcg(const T* p) { return *p; }
template <class T>
inline void __stcs(T* p, std::common_type_t<T> value) { *p = value; }
template <class T>
inline void __stcg(T* p, std::common_type_t<T> value) { *p = value; }

// Scalar intrinsics. The fast ones are exact here: what depends on their error is shown on a GPU.
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline unsigned __float_as_uint(float x) { return rbn::simulator::bit_cast<unsigned>(x); }
inline int __float_as_int(float x) { return rbn::simulator::bit_cast<int>(x); }
inline float __uint_as_float(unsigned x) { return rbn::simulator::bit_cast<float>(x); }
inline float __int_as_float(int x) { return rbn::simulator::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return rbn::simulator::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return rbn::simulator::bit_cast<double>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }

// CUDA has these in the global namespace.
template <class A, class B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <class A, class B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}

#endif  // RBN_SIMULATOR_THREAD_H_
