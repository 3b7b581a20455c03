// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Where the cases run: native/cpu on host memory, or an engine on its device's memory, behind one
// interface.
#ifndef RBN_TEST_CASE_RUNNER_MACHINE_H_
#define RBN_TEST_CASE_RUNNER_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "case_runner_criteria.h"
#include "native/cpu/rbn_cpu.h"
#include "native/cuda/engine.h"
#include "native/rbn/problem.h"
#include "native/simulator/include/simulator/control.h"

namespace rbn_test {

// Every failure arrives as a std::runtime_error.
class Machine {
 public:
  virtual ~Machine() = default;
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* memory) = 0;
  virtual void write(void* to, const void* from_host, size_t bytes) = 0;
  virtual void read(void* to_host, const void* from, size_t bytes) = 0;
  virtual void forward(const RbnForward& call) = 0;
  virtual void backward(const RbnBackward& call) = 0;
};

// `offset`: bytes by which arrays are moved off the allocator's alignment, a multiple of 4.
std::unique_ptr<Machine> cpu_machine(rbn::cpu::Isa isa, int threads, size_t offset);

// An engine's library and one context on its first device.
class Engine {
 public:
  explicit Engine(const std::string& path);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const RbnEngineApi& api() const { return *api_; }
  RbnContext* context() const { return context_; }
  void close();  // destroys the context
  bool simulated() const { return set_seed != nullptr; }
  // `offset`: bytes that arrays are moved off their alignment.
  std::unique_ptr<Machine> machine(RbnPlan forward, RbnPlan backward, size_t offset = 0) const;
  bool fits(const RbnProblem& problem, bool backward, RbnPlan plan) const;

  // The simulator's controls (native/simulator/include/simulator/control.h); null for another
  // engine.
  void (*set_seed)(uint64_t) = nullptr;
  void (*set_defer)(int) = nullptr;
  void (*fail_allocation)(uint64_t) = nullptr;
  void (*fail_launch)(uint64_t) = nullptr;
  uint64_t (*live_allocations)(uint64_t*) = nullptr;
  void (*clear_error)() = nullptr;
  uint64_t (*launches)(rbn_simulator_launch*, uint64_t) = nullptr;

 private:
  void* library_ = nullptr;
  const RbnEngineApi* api_ = nullptr;
  RbnContext* context_ = nullptr;
};

// Throws where an engine's call did not return RBN_OK.
void check(int32_t status, const RbnError& error, const char* what);

RbnProblem problem_of(const Case& c);

// A case's arrays on a machine, and calls on them. Outputs begin as NaN, so that what is not
// written is seen; they lie between guards (where no AddressSanitizer watches), and inputs are
// checked for being unchanged. Those throw std::runtime_error.
class Arrays {
 public:
  Arrays(Machine* machine, const Case& c, const CaseData& data);
  ~Arrays();
  void forward();                // with all outputs
  void forward_without_state();  // y alone, as inference does
  void backward();
  void backward_without_options();  // without dresidual, dgamma and dbeta
  Outputs outputs();  // of the calls so far; checks guards and inputs
  const RbnForward& forward_call() const { return forward_; }
  const RbnBackward& backward_call() const { return backward_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  RbnForward forward_ = {};
  RbnBackward backward_ = {};
};

}  // namespace rbn_test

#endif  // RBN_TEST_CASE_RUNNER_MACHINE_H_
