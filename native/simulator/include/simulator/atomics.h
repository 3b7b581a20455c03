// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Integer atomics, relaxed as CUDA's are: they order no other memory without a fence. There are none on
// floats, because their result would depend on the order.
#ifndef RBN_SIMULATOR_ATOMICS_H_
#define RBN_SIMULATOR_ATOMICS_H_

#include "thread.h"

namespace rbn {
namespace simulator {

// Before and after every atomic: gives other threads their turn, and carries what fences order.
void before_atomic(const void* address);
void after_atomic(const void* address);

// new value = update(old value); returns the old value.
template <class T, class Update>
inline T atomic_update(T* address, Update update) {
  static_assert(std::is_same<T, int>::value || std::is_same<T, unsigned>::value ||
                    std::is_same<T, unsigned long long>::value,
                "atomics are for int, unsigned and unsigned long long");
  before_atomic(address);
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(address, &old, update(old), false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED)) {
  }
  after_atomic(address);
  return old;
}

// Integer overflow wraps on a GPU.
template <class T>
inline T wrapping_add(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}

}  // namespace simulator
}  // namespace rbn

#define RBN_SIMULATOR_ATOMIC(name, expression)                                     \
  template <class T>                                                               \
  inline T name(T* address, std::common_type_t<T> value) {                         \
    return ::rbn::simulator::atomic_update(address, [value](T old) -> T { return expression; }); \
  }
RBN_SIMULATOR_ATOMIC(atomicAdd, ::rbn::simulator::wrapping_add(old, value))
RBN_SIMULATOR_ATOMIC(atomicMax, old < value ? value : old)
RBN_SIMULATOR_ATOMIC(atomicMin, value < old ? value : old)
RBN_SIMULATOR_ATOMIC(atomicExch, (static_cast<void>(old), value))
RBN_SIMULATOR_ATOMIC(atomicOr, old | value)
RBN_SIMULATOR_ATOMIC(atomicAnd, old & value)
#undef RBN_SIMULATOR_ATOMIC

template <class T>
inline T atomicCAS(T* address, std::common_type_t<T> expected, std::common_type_t<T> value) {
  return rbn::simulator::atomic_update(address, [=](T old) { return old == expected ? value : old; });
}
// Counts up to `limit` and begins again at 0: the counter of a "last block" is ready for the next launch.
inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return rbn::simulator::atomic_update(address, [=](unsigned old) { return old >= limit ? 0u : old + 1; });
}

#endif  // RBN_SIMULATOR_ATOMICS_H_
