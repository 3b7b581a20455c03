// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Stacks and the context switch: hand-written for x86-64 (a few nanoseconds), ucontext elsewhere.
#include "fiber.h"

#include <stdint.h>
#include <sys/mman.h>

#include <new>

#if defined(__x86_64__)
// Saves the callee-saved registers on the current stack and its pointer at *from, then goes on at `to`.
// The floating-point control words are not switched: device code does not change them.
asm(R"(
.text
.p2align 4
.globl rbn_simulator_switch
.hidden rbn_simulator_switch
.type rbn_simulator_switch, @function
rbn_simulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size rbn_simulator_switch, . - rbn_simulator_switch
)");
extern "C" void rbn_simulator_switch(void** from, void* to);
#endif

namespace rbn {
namespace simulator {
namespace {

constexpr size_t kPage = 4096;
// TSan ends the process at 8,128 threads; some are the host's and the streams'.
constexpr int kTsanFibers = 7000;
int fiber_count = 0;  // the simulator's lock guards it

__thread Fiber* current_fiber = nullptr;

void switch_between(SwitchPoint& from, SwitchPoint& to) {
  if (__sanitizer_start_switch_fiber) __sanitizer_start_switch_fiber(&from.fake_stack, to.bottom, to.bytes);
  switch_tsan_fiber(to.tsan);
#if defined(__x86_64__)
  rbn_simulator_switch(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.context, &to.context);
#endif
}

// After a switch has arrived: `from` is where it came from.
void arrive(SwitchPoint& here, SwitchPoint& from) {
  if (__sanitizer_finish_switch_fiber) {
    __sanitizer_finish_switch_fiber(here.fake_stack, &from.bottom, &from.bytes);
  }
}

}  // namespace

Fiber::Fiber(void (*body)(), size_t index, size_t stack_bytes)
    : body_(body), stack_bytes_(stack_bytes), shift_(index % 16 * 256) {
  if (under_tsan() && fiber_count >= kTsanFibers) throw std::bad_alloc();
  const size_t bytes = stack_bytes_ + kPage;
  void* memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory) + kPage;
  if (mprotect(stack_, stack_bytes_, PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, bytes);
    throw std::bad_alloc();
  }
  fiber_count++;
  tsan_ = std::make_unique<TsanFiber>();
  rewind();
}

Fiber::~Fiber() {
  fiber_count--;
  unpoison(stack_, stack_bytes_);
  munmap(stack_ - kPage, stack_bytes_ + kPage);
}

void Fiber::rewind() {
  here_ = SwitchPoint();
  here_.tsan = tsan_->handle();
  here_.bottom = stack_;
  here_.bytes = stack_bytes_;
#if defined(__x86_64__)
  // What the switch pops: six registers and the address of loop(). Above it a null return address ends
  // stack traces, and puts the stack at 8 modulo 16, as at any function's entry.
  auto** top = reinterpret_cast<void**>(stack_ + stack_bytes_ - shift_) - 1;
  for (int i = 0; i < 8; i++) *(top - 7 + i) = nullptr;
  *(top - 1) = reinterpret_cast<void*>(&Fiber::loop);
  here_.stack_pointer = top - 7;
#else
  getcontext(&here_.context);
  here_.context.uc_stack.ss_sp = stack_;
  here_.context.uc_stack.ss_size = stack_bytes_ - shift_;
  here_.context.uc_link = nullptr;
  makecontext(&here_.context, &Fiber::loop, 0);
#endif
}

void Fiber::loop() {
  Fiber* self = current_fiber;
  arrive(self->here_, *self->scheduler_);
  for (;;) {
    self->body_();
    self->leave();
  }
}

void Fiber::enter(SwitchPoint& scheduler) {
  current_fiber = this;
  scheduler_ = &scheduler;
  scheduler.tsan = current_tsan_fiber();
  switch_between(scheduler, here_);
  arrive(scheduler, here_);
}

void Fiber::leave() {
  switch_between(here_, *scheduler_);
  arrive(here_, *scheduler_);
}

void Fiber::abandon(const void* address) {
  if (tsan_->handle()) {
    void* const mine = current_tsan_fiber();
    switch_tsan_fiber(tsan_->handle());
    release(address);
    switch_tsan_fiber(mine);
    // Its shadow stack holds frames that will never return.
    tsan_ = std::make_unique<TsanFiber>();
  }
  unpoison(stack_, stack_bytes_);
  rewind();
}

}  // namespace simulator
}  // namespace rbn
