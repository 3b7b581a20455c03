// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// native/tensorflow on a false TensorFlow: the registration, and the small cases of the table through the kernels of
// both devices, the GPU's on the simulated engine, whose work is deferred until somebody waits for it. Ends with
// 'N passed, N failed'.
//
//   rbn_tensorflow_test FAKE INCOMPLETE_FAKE ENGINE
#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "case_runner_criteria.h"
#include "case_runner_machine.h"
#include "native/tensorflow/ops.h"
#include "native/tensorflow/registration.h"
#include "tensorflow_fake.h"

namespace rbn_test {
namespace {

namespace rt = rbn::tensorflow;

struct Fake {
  explicit Fake(const char* path) : library(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (!library) throw std::runtime_error(dlerror());
    run = reinterpret_cast<RbnFakeRun>(dlsym(library, "rbn_fake_run"));
    definition = reinterpret_cast<RbnFakeDefinition>(dlsym(library, "rbn_fake_definition"));
    shapes = reinterpret_cast<RbnFakeShapes>(dlsym(library, "rbn_fake_shapes"));
    host_arguments = reinterpret_cast<RbnFakeHostArguments>(dlsym(library, "rbn_fake_host_arguments"));
    live = reinterpret_cast<RbnFakeLive>(dlsym(library, "rbn_fake_live"));
  }
  void* library;
  RbnFakeRun run;
  RbnFakeDefinition definition;
  RbnFakeShapes shapes;
  RbnFakeHostArguments host_arguments;
  RbnFakeLive live;
};

int passed = 0, failed = 0;

template <class Test>
void test(const std::string& name, const Test& body) {
  std::string failure;
  try {
    failure = body();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  ++(failure.empty() ? passed : failed);
  if (!failure.empty()) std::printf("FAILED %s\n       %s\n", name.c_str(), failure.c_str());
}

std::string same(const std::string& expected, const std::string& received) {
  return expected == received ? "" : "expected '" + expected + "', received '" + received + "'";
}

// Another machine's memory, and calls as TensorFlow makes them.
class TensorflowMachine : public Machine {
 public:
  TensorflowMachine(const Fake& fake, const char* device, Machine* memory)
      : fake_(fake), device_(device), memory_(memory), host_(std::strcmp(device, "CPU") == 0) {}
  void* allocate(size_t bytes) override { return memory_->allocate(bytes); }
  void release(void* memory) override { memory_->release(memory); }
  void write(void* to, const void* from, size_t bytes) override { memory_->write(to, from, bytes); }
  void read(void* to, const void* from, size_t bytes) override { memory_->read(to, from, bytes); }

  void forward(const RbnForward& call) override {
    begin(call.problem);
    if (call.gamma) flags_ |= rt::kGamma;
    if (call.beta) flags_ |= rt::kBeta;
    if (call.residual) flags_ |= rt::kResidual;
    if (call.state) flags_ |= rt::kState;
    inputs_ = {x(call.x), vector(call.center_weight), vector(call.scale_weight), vector(call.scale_bias)};
    add(call.gamma), add(call.beta);
    if (call.residual) inputs_.push_back(x(call.residual));
    if (!call.problem.training) add(call.given_mean), add(call.given_variance);
    outputs_ = {x(call.y)};
    if (call.problem.training) outputs_.insert(outputs_.end(), {vector(call.mean), vector(call.variance)});
    if (call.state) outputs_.push_back(line(rt::kFloat, rbn_state_floats(&call.problem), call.state));
    const bool masked = call.state && call.residual && call.problem.activation == RBN_RELU;
    if (masked) outputs_.push_back(mask(call.mask));
    run(rt::forward_op().name);
    if (masked && host_) std::memcpy(call.mask, whole_mask_.data(), rbn_mask_bytes(&call.problem));
  }

  void backward(const RbnBackward& call) override {
    begin(call.problem);
    if (call.gamma) flags_ |= rt::kGamma;
    if (call.beta) flags_ |= rt::kBeta;
    if (call.mask) flags_ |= rt::kMask;
    inputs_ = {x(call.x), x(call.dy), vector(call.center_weight), vector(call.scale_weight), vector(call.scale_bias),
               vector(call.variance), line(rt::kFloat, rbn_state_floats(&call.problem), call.state)};
    add(call.gamma), add(call.beta);
    if (!call.problem.training) add(call.mean);
    if (call.mask) {
      inputs_.push_back(mask(call.mask));
      if (host_) std::memcpy(whole_mask_.data(), call.mask, rbn_mask_bytes(&call.problem));
    }
    outputs_ = {x(call.dx)};
    // The op has no parameter gradient that is left out; what nobody asked for goes to a place of its own.
    unasked_.resize(2);
    float* const dgamma = call.dgamma ? call.dgamma : unasked(0);
    float* const dbeta = call.dbeta ? call.dbeta : unasked(1);
    for (float* gradient : {dgamma, dbeta, call.dcenter_weight, call.dscale_weight, call.dscale_bias}) {
      outputs_.push_back(vector(gradient));
    }
    if (call.mask) outputs_.push_back(x(call.dresidual));
    run(rt::backward_op().name);
    for (void*& memory : unasked_) {
      if (memory) release(memory);
      memory = nullptr;
    }
  }

 private:
  void begin(const RbnProblem& problem) {
    problem_ = problem;
    flags_ = (problem.training ? rt::kTraining : 0) | (problem.activation == RBN_RELU ? rt::kRelu : 0) |
             (problem.layout == RBN_CHANNELS_FIRST ? rt::kChannelsFirst : 0);
  }
  RbnFakeTensor x(const void* data) const {
    const RbnProblem& p = problem_;
    if (p.positions == 1 && p.layout == RBN_CHANNELS_LAST) {
      return {rt::kFloat, 2, {p.instances, p.channels}, const_cast<void*>(data)};
    }
    const bool first = p.layout == RBN_CHANNELS_FIRST;
    return {rt::kFloat, 3, {p.instances, first ? p.channels : p.positions, first ? p.positions : p.channels},
            const_cast<void*>(data)};
  }
  static RbnFakeTensor line(int type, int64_t count, const void* data) {
    return {type, 1, {count}, const_cast<void*>(data)};
  }
  RbnFakeTensor vector(const void* data) const { return line(rt::kFloat, problem_.channels, data); }
  RbnFakeTensor mask(const void* data) {
    const int64_t ints = (rbn_mask_bytes(&problem_) + 3) / 4;
    whole_mask_.assign(static_cast<size_t>(ints), -1);
    return line(rt::kInt32, ints, host_ ? whole_mask_.data() : data);
  }
  float* unasked(int i) {
    unasked_[i] = allocate(sizeof(float) * problem_.channels);
    return static_cast<float*>(unasked_[i]);
  }
  void add(const float* data) {
    if (data) inputs_.push_back(vector(data));
  }
  void run(const std::string& op) {
    int32_t options[rt::kOptionsCount] = {0, 0, 2, flags_};
    std::memcpy(options, &problem_.epsilon, sizeof problem_.epsilon);
    inputs_.insert(inputs_.begin(), line(rt::kInt32, rt::kOptionsCount, options));
    const std::string failure = fake_.run(op.c_str(), device_, inputs_.data(), static_cast<int>(inputs_.size()),
                                          outputs_.data(), static_cast<int>(outputs_.size()));
    if (!failure.empty()) throw std::runtime_error(failure);
  }

  const Fake& fake_;
  const char* const device_;
  Machine* const memory_;
  const bool host_;
  RbnProblem problem_ = {};
  int flags_ = 0;
  std::vector<RbnFakeTensor> inputs_, outputs_;
  std::vector<int32_t> whole_mask_;
  std::vector<void*> unasked_;
};

Outputs run_case(Machine* machine, const Case& c, const CaseData& data) {
  Arrays arrays(machine, c, data);
  arrays.forward();
  arrays.backward();
  arrays.forward_without_state();
  return arrays.outputs();
}

void registration(const Fake& fake, const char* path, const char* incomplete, const char* engine) {
  const Fake other(incomplete);
  test("a library that lacks a function", [&] {
    const rt::Registration result = rt::register_ops(incomplete, "");
    return same("TF_AllocateOutput", result.missing) + same("", result.forward_op);
  });
  test("a library that is not loaded", [&] {
    return same("/nowhere.so is not loaded in this process", rt::register_ops("/nowhere.so", "").problem);
  });
  test("both ops, with kernels for both devices", [&] {
    const rt::Registration result = rt::register_ops(path, engine);
    return same("", result.problem) + same("", result.gpu_problem) + same(rt::forward_op().name, result.forward_op) +
           same(rt::backward_op().name, result.backward_op);
  });
  test("once", [&] { return same("", rt::register_ops(path, "").problem); });
  test("no second library", [&] {
    const std::string copy = std::string(path) + ".copy";
    std::ofstream(copy, std::ios::binary) << std::ifstream(path, std::ios::binary).rdbuf();
    const Fake second(copy.c_str());
    std::remove(copy.c_str());
    return same(copy + " stands on another TensorFlow library than the one that has the ops already",
                rt::register_ops(copy, "").problem);
  });
  test("definitions", [&] {
    return same("attr num_inputs: int >= 4\nattr num_outputs: int >= 1\nattr num_mask: int >= 0\nin options: int32\n"
                "in inputs: num_inputs * float\nout outputs: num_outputs * float\nout mask: num_mask * int32\n",
                fake.definition(rt::forward_op().name.c_str())) +
           same("attr num_inputs: int >= 7\nattr num_mask: int >= 0\nin options: int32\nin inputs: num_inputs * float\n"
                "in mask: num_mask * int32\nout dx: float\nout dgamma: float\nout dbeta: float\n"
                "out dcenter_weight: float\nout dscale_weight: float\nout dscale_bias: float\n"
                "out dresidual: num_mask * float\n",
                fake.definition(rt::backward_op().name.c_str()));
  });
  test("options are in host memory", [&] {
    return same("options ", fake.host_arguments(rt::forward_op().name.c_str(), "GPU")) +
           same("options ", fake.host_arguments(rt::backward_op().name.c_str(), "GPU"));
  });
  test("shape functions", [&] {
    // Outputs that have the shape of an input: y and dx that of x, parameter gradients that of centerWeight.
    const auto list = [&](const std::string& op, std::vector<int> shapes) {
      fake.shapes(op.c_str(), shapes.data(), static_cast<int>(shapes.size()));
      std::string text;
      for (int shape : shapes) text += std::to_string(shape) + " ";
      return text;
    };
    return same("1 -1 -1 -1 -1 ", list(rt::forward_op().name, std::vector<int>(5))) +
           same("1 3 3 3 3 3 -1 ", list(rt::backward_op().name, std::vector<int>(7)));
  });
}

void cases(const Fake& fake, const Engine& engine) {
  const auto cpu = cpu_machine(rbn::cpu::best_isa(), 1, 0);
  const auto gpu = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  TensorflowMachine on_cpu(fake, "CPU", cpu.get()), on_gpu(fake, "GPU", gpu.get());
  for (const Case& c : all_cases()) {
    if (c.bfloat16 || c.large || !c.native_layout() || (c.training && c.elements() == 0)) continue;
    const CaseData data = make_data(c);
    const Reference expected = reference(c, data);
    const auto check = [&](Machine* machine, const char* device) {
      test(std::string(device) + ": " + c.name, [&] { return compare(c, expected, run_case(machine, c, data)); });
    };
    check(&on_cpu, "CPU");
    engine.set_defer(1);
    check(&on_gpu, "GPU");
    engine.set_defer(0);
  }
}

int run(const char* path, const char* incomplete, const char* engine_path) {
  const Fake fake(path);
  registration(fake, path, incomplete, engine_path);
  Engine engine(engine_path);
  cases(fake, engine);
  test("nothing is left behind", [&] { return same("0", std::to_string(fake.live())); });
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rbn_test

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("expected FAKE INCOMPLETE_FAKE ENGINE");
    return rbn_test::run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rbn_tensorflow_test: %s\n", error.what());
    return 2;
  }
}
