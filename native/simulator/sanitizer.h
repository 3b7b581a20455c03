// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the simulator tells AddressSanitizer and ThreadSanitizer, through weak symbols: one build of these
// sources serves plain, address and thread builds. They are themselves compiled without -fsanitize=thread,
// so that only the .cu files' own accesses are checked.
#ifndef RBN_SIMULATOR_SANITIZER_H_
#define RBN_SIMULATOR_SANITIZER_H_

#include <stddef.h>
#include <stdint.h>

extern "C" {
void __asan_poison_memory_region(const volatile void* p, size_t bytes) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void* p, size_t bytes) __attribute__((weak));
void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom, size_t bytes)
    __attribute__((weak));
void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom, size_t* old_bytes)
    __attribute__((weak));
void* __tsan_get_current_fiber() __attribute__((weak));
void* __tsan_create_fiber(unsigned flags) __attribute__((weak));
void __tsan_destroy_fiber(void* fiber) __attribute__((weak));
void __tsan_switch_to_fiber(void* fiber, unsigned flags) __attribute__((weak));
void __tsan_acquire(void* address) __attribute__((weak));
void __tsan_release(void* address) __attribute__((weak));
}

namespace rbn {
namespace simulator {

inline bool under_asan() { return __asan_poison_memory_region != nullptr; }
inline bool under_tsan() { return __tsan_create_fiber != nullptr; }

inline void poison(const void* p, size_t bytes) {
  if (under_asan()) __asan_poison_memory_region(p, bytes);
}
inline void unpoison(const void* p, size_t bytes) {
  if (under_asan()) __asan_unpoison_memory_region(p, bytes);
}

// A place where one thread leaves what it has done for others to take over. The only order that
// ThreadSanitizer sees between CUDA threads, streams and the host.
inline void acquire(const void* address) {
  if (under_tsan()) __tsan_acquire(const_cast<void*>(address));
}
inline void release(const void* address) {
  if (under_tsan()) __tsan_release(const_cast<void*>(address));
}

// A TSan thread of its own for a CUDA thread or a stream.
class TsanFiber {
 public:
  TsanFiber() : handle_(under_tsan() ? __tsan_create_fiber(0) : nullptr) {}
  ~TsanFiber() {
    if (handle_) __tsan_destroy_fiber(handle_);
  }
  TsanFiber(const TsanFiber&) = delete;
  TsanFiber& operator=(const TsanFiber&) = delete;
  void* handle() const { return handle_; }

 private:
  void* handle_;
};

inline void* current_tsan_fiber() { return under_tsan() ? __tsan_get_current_fiber() : nullptr; }

// 1: the switch itself orders nothing.
inline void switch_tsan_fiber(void* handle) {
  if (handle) __tsan_switch_to_fiber(handle, 1);
}

// New memory, global or shared, holds this. Each half is a bfloat16 NaN, each word a float32 NaN, two
// words a double NaN; as an index it is far out of bounds, as bytes it is neither all 0 nor all 1.
constexpr uint32_t kGarbage = 0x7fa57fa5u;

// By volatile stores: memset would be seen by ThreadSanitizer as an access of whoever runs now.
inline void fill_garbage(void* p, size_t bytes) {
  typedef uint64_t __attribute__((aligned(1), may_alias)) Word;
  auto* words = static_cast<volatile Word*>(p);
  for (size_t i = 0; i < bytes / 8; i++) words[i] = kGarbage | static_cast<uint64_t>(kGarbage) << 32;
  auto* tail = static_cast<volatile unsigned char*>(p);
  for (size_t i = bytes / 8 * 8; i < bytes; i++) tail[i] = static_cast<unsigned char>(kGarbage >> i % 4 * 8);
}

}  // namespace simulator
}  // namespace rbn

#endif  // RBN_SIMULATOR_SANITIZER_H_
