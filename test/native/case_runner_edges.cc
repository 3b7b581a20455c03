// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of the engine's C ABI where calls are legal, but at an edge: nothing to do, arrays off the
// alignment of vectors, a mask that is not to be written, plans that need no memory.
#include <algorithm>
#include <cstring>

#include "case_runner_abi.h"

namespace rbn_test {
namespace {

constexpr unsigned char kUntouched = 0xA5;

// A forced plan is the one that runs: FROZEN_ONCE takes no memory of its own, nor does SINGLE with
// given statistics; TWO_PASS does.
std::string forced_plans(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  const Case frozen = case_named("small [2,3,3,4] frozen residual_relu float32");
  const Case single = case_named("small [3,5] frozen linear float32");
  Arrays arrays(machine.get(), frozen, make_data(frozen));
  Arrays rows(machine.get(), single, make_data(single));
  RbnError error = {};
  std::string failure;
  const auto forward = [&](const char* what, const Arrays& call, RbnPlan plan, int32_t expected) {
    failure += expect(what, api.forward(context, &call.forward_call(), plan, &error), expected,
                      error);
  };
  check(api.fail_allocation(context, 1, &error), error, "fail_allocation");
  forward("SINGLE without memory", rows, RBN_PLAN_SINGLE, RBN_OK);
  forward("FROZEN_ONCE without memory", arrays, RBN_PLAN_FROZEN_ONCE, RBN_OK);
  forward("TWO_PASS without memory", arrays, RBN_PLAN_TWO_PASS, RBN_OUT_OF_MEMORY);
  check(api.fail_allocation(context, 0, &error), error, "fail_allocation");
  forward("TWO_PASS", arrays, RBN_PLAN_TWO_PASS, RBN_OK);
  return failure;
}

// Without elements nothing is read but the sizes; without channels nothing is written either.
std::string nothing_to_do(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  std::string failure;
  for (RbnLayout layout : {RBN_CHANNELS_LAST, RBN_CHANNELS_FIRST}) {
    for (int64_t other : {3, 4096}) {
      for (int empty = 0; empty < 3; ++empty) {
        const std::string what = "layout " + std::to_string(layout) + ", size " +
                                 std::to_string(empty) + " is 0, others " + std::to_string(other);
        RbnProblem problem = {other, other, other, layout, RBN_FLOAT32, 0, RBN_LINEAR, 1e-3};
        (empty == 0   ? problem.instances
         : empty == 1 ? problem.positions
                      : problem.channels) = 0;
        RbnError error = {};
        for (int32_t backward : {0, 1}) {
          int32_t plan = 0;
          check(api.choose_plan(context, &problem, backward, &plan), {}, "choose_plan");
        }
        RbnForward forward = {};
        forward.problem = problem;
        failure += expect("forward, " + what, api.forward(context, &forward, RBN_PLAN_AUTO, &error),
                          RBN_OK, error);
        RbnBackward backward = {};
        backward.problem = problem;
        failure +=
            expect("plain backward, " + what,
                   api.backward(context, &backward, RBN_PLAN_AUTO, &error), RBN_OK, error);
        // A part of the calibration's gradients, which is none of them.
        float unused;
        backward.dscale_weight = &unused;
        const int32_t expected = problem.channels == 0 ? RBN_OK : RBN_INVALID_ARGUMENT;
        failure +=
            expect("backward, " + what, api.backward(context, &backward, RBN_PLAN_AUTO, &error),
                   expected, error);
        if (!failure.empty()) return failure;
      }
    }
  }
  return failure;
}

// The gradients of parameters are 0 for an empty batch; those that are not asked for are left out.
std::string empty_batch_without_options(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  const Case c = case_named("empty batch [0,4,4,3] frozen linear float32");
  Arrays arrays(machine.get(), c, make_data(c));
  RbnBackward call = arrays.backward_call();
  call.dgamma = call.dbeta = nullptr;
  RbnError error = {};
  return expect("backward", api.backward(context, &call, RBN_PLAN_AUTO, &error), RBN_OK, error);
}

// Null for the whole calibration is plain batch normalization: the same bits as with an open gate and
// without centring.
std::string plain_batch_normalization(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  for (const char* name :
       {"small [2,3,3,4] training relu float32", "small [2,3,3,4] frozen relu float32",
        "small, axis 1 [2,3,3,3] training relu float32",
        "small, axis 1 [2,3,3,3] frozen relu float32",
        "small [3,5] training relu float32", "small [3,5] frozen relu float32"}) {
    const Case c = case_named(name);
    CaseData data = make_data(c);
    for (auto* weights : {&data.center_weight, &data.scale_weight})
      std::fill(weights->begin(), weights->end(), 0.0f);
    std::fill(data.scale_bias.begin(), data.scale_bias.end(), 100.0f);
    const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
    Arrays open(machine.get(), c, data), plain(machine.get(), c, data);
    open.forward();
    open.backward();
    RbnForward forward = plain.forward_call();
    forward.center_weight = forward.scale_weight = forward.scale_bias = nullptr;
    RbnBackward backward = plain.backward_call();
    backward.center_weight = backward.scale_weight = backward.scale_bias = nullptr;
    backward.dcenter_weight = backward.dscale_weight = backward.dscale_bias = nullptr;
    RbnError error = {};
    check(api.forward(context, &forward, RBN_PLAN_AUTO, &error), error, "forward");
    check(api.backward(context, &backward, RBN_PLAN_AUTO, &error), error, "backward");
    Outputs expected = open.outputs();
    const Outputs actual = plain.outputs();
    // What was not asked for stays as it was.
    expected.dcenter_weight = actual.dcenter_weight;
    expected.dscale_weight = actual.dscale_weight;
    expected.dscale_bias = actual.dscale_bias;
    const std::string failure = same_bits(expected, actual);
    if (!failure.empty()) return std::string(name) + ": " + failure;
  }
  return "";
}

// Pointers need the alignment of their elements alone.
std::string unaligned(const Engine& engine) {
  for (const char* name :
       {"small [2,3,3,4] training residual_relu float32",
        "small [2,3,3,4] frozen residual_relu float32",
        "small, axis 1 [2,2,4,4] training residual_relu float32",
        "small, axis 1 [2,3,3,3] training residual_relu float32",
        "small, axis 1 [2,2,4,4] frozen linear float32",
        "small in bfloat16 [2,2,3,8] training residual_relu bfloat16",
        "pair in bfloat16 [2,8] training linear mean/std 0 bfloat16"}) {
    const Case c = case_named(name);
    const CaseData data = make_data(c);
    for (RbnPlan plan : {RBN_PLAN_AUTO, RBN_PLAN_TWO_PASS}) {
      if (!engine.fits(problem_of(c), false, plan)) continue;
      const auto machine = engine.machine(plan, RBN_PLAN_AUTO, 4);
      Arrays arrays(machine.get(), c, data);
      arrays.forward();
      arrays.backward();
      arrays.forward_without_state();
      const std::string failure = compare(c, reference(c, data), arrays.outputs());
      if (!failure.empty()) return std::string(name) + ": " + failure;
    }
  }
  return "";
}

// A mask is written where a residual and a ReLU ask for one.
std::string mask_left_alone(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  for (const char* name :
       {"small [2,3,3,4] training residual float32", "small [2,3,3,4] frozen residual float32",
        "small, axis 1 [2,3,3,3] training residual float32",
        "small [3,5] training residual float32", "small [2,3,3,4] training relu float32"}) {
    const Case c = case_named(name);
    Arrays arrays(machine.get(), c, make_data(c));
    RbnForward call = arrays.forward_call();
    std::vector<unsigned char> before(rbn_mask_bytes(&call.problem), kUntouched), after(before);
    void* const mask = machine->allocate(before.size());
    machine->write(mask, before.data(), before.size());
    call.mask = static_cast<uint8_t*>(mask);
    RbnError error = {};
    std::string failure =
        expect(name, api.forward(context, &call, RBN_PLAN_AUTO, &error), RBN_OK, error);
    machine->read(after.data(), mask, after.size());
    machine->release(mask);
    if (before != after) failure += std::string(name) + ": the mask was written";
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

std::vector<AbiTest> edge_tests() {
  return {
      {"forced plans", forced_plans},
      {"nothing to do", nothing_to_do},
      {"empty batch without optional gradients", empty_batch_without_options},
      {"plain batch normalization", plain_batch_normalization},
      {"arrays off the alignment of vectors", unaligned},
      {"a mask that nobody asked for", mask_left_alone},
  };
}

}  // namespace rbn_test
