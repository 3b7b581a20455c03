// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Working memory of one call: from the stack where the problem is small, else from the heap.
#ifndef RBN_CPU_SCRATCH_H_
#define RBN_CPU_SCRATCH_H_

#include <stdint.h>
#include <stdlib.h>

#include <new>

namespace rbn::cpu {

class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { free(heap_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Asked for before the first take: bytes for every array that will be taken, each rounded up by
  // size_of.
  void reserve(int64_t bytes) {
    if (bytes <= static_cast<int64_t>(sizeof small_)) return;
    heap_ = aligned_alloc(kAlignment, static_cast<size_t>(bytes));
    if (!heap_) throw std::bad_alloc();
    next_ = static_cast<char*>(heap_);
  }

  template <class T>
  static int64_t size_of(int64_t count) {
    return (count * static_cast<int64_t>(sizeof(T)) + kAlignment - 1) / kAlignment * kAlignment;
  }

  // Uninitialised, aligned to a cache line.
  template <class T>
  T* take(int64_t count) {
    T* const array = reinterpret_cast<T*>(next_);
    next_ += size_of<T>(count);
    return array;
  }

 private:
  static constexpr int64_t kAlignment = 64;
  alignas(kAlignment) char small_[8192];
  void* heap_ = nullptr;
  char* next_ = small_;
};

}  // namespace rbn::cpu

#endif  // RBN_CPU_SCRATCH_H_
