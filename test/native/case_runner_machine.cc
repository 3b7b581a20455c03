// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// native/cpu and engines as machines.
#include "case_runner_machine.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

namespace rbn_test {
namespace {

class CpuMachine : public Machine {
 public:
  CpuMachine(rbn::cpu::Isa isa, int threads, size_t offset)
      : isa_(isa), threads_(threads), offset_(offset) {}
  void* allocate(size_t bytes) override {
    return static_cast<char*>(::operator new(bytes + offset_)) + offset_;
  }
  void release(void* memory) override { ::operator delete(static_cast<char*>(memory) - offset_); }
  void write(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void read(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void forward(const RbnForward& call) override {
    use_isa();
    rbn::cpu::forward(call, threads_);
  }
  void backward(const RbnBackward& call) override {
    use_isa();
    rbn::cpu::backward(call, threads_);
  }

 private:
  static void copy(void* to, const void* from, size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);  // an empty vector's data may be null
  }
  void use_isa() {
    if (!rbn::cpu::set_isa(isa_)) throw std::runtime_error("set_isa refused an instruction set");
  }

  const rbn::cpu::Isa isa_;
  const int threads_;
  const size_t offset_;
};

class EngineMachine : public Machine {
 public:
  EngineMachine(const Engine& engine, RbnPlan forward, RbnPlan backward, size_t offset)
      : api_(engine.api()),
        context_(engine.context()),
        forward_(forward),
        backward_(backward),
        offset_(offset) {}
  void* allocate(size_t bytes) override {
    RbnError error = {};
    void* memory = nullptr;
    check(api_.allocate(context_, bytes + offset_, &memory, &error), error, "allocate");
    return static_cast<char*>(memory) + offset_;
  }
  void release(void* memory) override {
    RbnError error = {};
    check(api_.release(context_, static_cast<char*>(memory) - offset_, &error), error, "release");
  }
  void write(void* to, const void* from, size_t bytes) override {
    RbnError error = {};
    check(api_.upload(context_, to, from, bytes, &error), error, "upload");
  }
  void read(void* to, const void* from, size_t bytes) override {
    RbnError error = {};
    check(api_.download(context_, to, from, bytes, &error), error, "download");
  }
  void forward(const RbnForward& call) override {
    RbnError error = {};
    check(api_.forward(context_, &call, forward_, &error), error, "forward");
  }
  void backward(const RbnBackward& call) override {
    RbnError error = {};
    check(api_.backward(context_, &call, backward_, &error), error, "backward");
  }

 private:
  const RbnEngineApi& api_;
  RbnContext* const context_;
  const RbnPlan forward_, backward_;
  const size_t offset_;
};

template <class Function>
void find(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

std::unique_ptr<Machine> cpu_machine(rbn::cpu::Isa isa, int threads, size_t offset) {
  return std::make_unique<CpuMachine>(isa, threads, offset);
}

void check(int32_t status, const RbnError& error, const char* what) {
  if (status != RBN_OK)
    throw std::runtime_error(std::string(what) + " returned " + std::to_string(status) + ": " +
                             error.message);
}

Engine::Engine(const std::string& path) {
  library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) throw std::runtime_error(dlerror());
  RbnEngineApiFunction entry = nullptr;
  entry = reinterpret_cast<RbnEngineApiFunction>(dlsym(library_, RBN_ENGINE_SYMBOL));
  if (entry == nullptr) throw std::runtime_error(path + " has no " RBN_ENGINE_SYMBOL);
  api_ = entry();
  if (api_->abi_version != RBN_ENGINE_ABI_VERSION)
    throw std::runtime_error(path + " has another ABI version");
  find(library_, "rbn_simulator_set_seed", &set_seed);
  find(library_, "rbn_simulator_set_defer", &set_defer);
  find(library_, "rbn_simulator_fail_allocation", &fail_allocation);
  find(library_, "rbn_simulator_fail_launch", &fail_launch);
  find(library_, "rbn_simulator_live_allocations", &live_allocations);
  find(library_, "rbn_simulator_clear_error", &clear_error);
  find(library_, "rbn_simulator_launches", &launches);
  RbnError error = {};
  check(api_->context_create(0, &context_, &error), error, "context_create");
}

// The library stays loaded: leak checkers need its symbols.
Engine::~Engine() { close(); }

void Engine::close() {
  api_->context_destroy(context_);
  context_ = nullptr;
}

std::unique_ptr<Machine> Engine::machine(RbnPlan forward, RbnPlan backward, size_t offset) const {
  return std::make_unique<EngineMachine>(*this, forward, backward, offset);
}

bool Engine::fits(const RbnProblem& problem, bool backward, RbnPlan plan) const {
  int32_t fits = 0;
  check(api_->plan_fits(context_, &problem, backward, plan, &fits), {}, "plan_fits");
  return fits != 0;
}

RbnProblem problem_of(const Case& c) {
  return {c.instances(),
          c.positions(),
          c.channels(),
          c.channels_first() ? RBN_CHANNELS_FIRST : RBN_CHANNELS_LAST,
          c.bfloat16 ? RBN_BFLOAT16 : RBN_FLOAT32,
          c.training,
          c.relu ? RBN_RELU : RBN_LINEAR,
          c.epsilon};
}

}  // namespace rbn_test
