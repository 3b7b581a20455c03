// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A stack and a place to go on from: what a CUDA thread, or the work of a stream, runs on. A fiber runs
// `body` again and again, one round for each CUDA thread that uses it, so that starting a thread is no
// more than a switch. To TSan it is a thread, which is why nothing else may run on its stack.
#ifndef RBN_SIMULATOR_FIBER_H_
#define RBN_SIMULATOR_FIBER_H_

#include <stddef.h>

#include <memory>

#include "sanitizer.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace rbn {
namespace simulator {

// Where a switch came from or goes to.
struct SwitchPoint {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
  void* tsan = nullptr;           // the TSan thread that is current there
  void* fake_stack = nullptr;     // ASan's, while the switch is away from there
  const void* bottom = nullptr;   // of the stack
  size_t bytes = 0;
};

// Kernels keep little on the stack; sanitizers put redzones round every variable, and their reports run
// on the stack of the thread that failed.
inline size_t thread_stack_bytes() { return (under_asan() || under_tsan() ? 256 : 64) * 1024; }

class Fiber {
 public:
  // `index` shifts the stack a little: tops at one offset in their pages would compete for the same
  // cache sets. Throws std::bad_alloc.
  Fiber(void (*body)(), size_t index, size_t stack_bytes = thread_stack_bytes());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From the scheduler into the fiber, until it calls leave().
  void enter(SwitchPoint& scheduler);
  // From inside the fiber back to the scheduler.
  void leave();
  // Gives up what is on the stack; the next enter() begins a round from the start. What the fiber did
  // is left at `address` for TSan.
  void abandon(const void* address);

 private:
  static void loop();
  void rewind();

  void (*body_)();
  char* stack_;  // the guard page is below
  size_t stack_bytes_, shift_;
  SwitchPoint here_;
  SwitchPoint* scheduler_ = nullptr;
  std::unique_ptr<TsanFiber> tsan_;
};

}  // namespace simulator
}  // namespace rbn

#endif  // RBN_SIMULATOR_FIBER_H_
