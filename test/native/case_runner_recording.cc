// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of the engine's C ABI for recordings: nothing runs while it is recorded, all of it when it is played, as often as
// that is; what spoils a recording is said and leaves the engine usable.
#include <cmath>

#include "case_runner_abi.h"

namespace rbn_test {
namespace {

const char kCase[] = "small [2,3,3,4] training residual_relu float32";

std::string plays_what_was_recorded(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  const Case c = case_named(kCase);
  const CaseData data = make_data(c);
  const auto machine = engine.machine(RBN_PLAN_TWO_PASS, RBN_PLAN_TWO_PASS);
  Arrays direct(machine.get(), c, data), recorded(machine.get(), c, data);
  direct.forward();
  direct.backward();
  const Outputs expected = direct.outputs();

  RbnError error = {};
  RbnMemory before = {}, after = {};
  check(api.memory(context, &before, &error), error, "memory");
  check(api.record_begin(context, &error), error, "record_begin");
  recorded.forward();
  recorded.backward();
  RbnRecording* recording = nullptr;
  check(api.record_end(context, &recording, &error), error, "record_end");
  check(api.memory(context, &after, &error), error, "memory");
  std::string failure;
  if (after.used != before.used) failure = "the pool's memory is used by a recording";
  if (!std::isnan(recorded.outputs().y[0])) failure = "it ran while it was recorded";
  for (int i = 0; i < 2 && failure.empty(); ++i) {
    check(api.record_play(context, recording, &error), error, "record_play");
    failure = same_bits(expected, recorded.outputs());
  }
  api.record_free(recording);
  api.record_free(nullptr);
  return failure;
}

std::string refuses(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  RbnError error = {};
  RbnRecording* recording = nullptr;
  std::string failure =
      expect("record_end before record_begin", api.record_end(context, &recording, &error),
             RBN_INVALID_ARGUMENT, error) +
      expect("playing nothing", api.record_play(context, nullptr, &error), RBN_INVALID_ARGUMENT,
             error) +
      expect("no context", api.record_begin(nullptr, &error), RBN_INVALID_ARGUMENT, error);
  check(api.set_synchronous(context, 1, &error), error, "set_synchronous");
  failure += expect("on a synchronous context", api.record_begin(context, &error),
                    RBN_INVALID_ARGUMENT, error);
  check(api.set_synchronous(context, 0, &error), error, "set_synchronous");

  check(api.record_begin(context, &error), error, "record_begin");
  failure += expect("record_begin twice", api.record_begin(context, &error), RBN_INVALID_ARGUMENT,
                    error);
  failure += expect("nowhere to put it", api.record_end(context, nullptr, &error),
                    RBN_INVALID_ARGUMENT, error);

  check(api.record_begin(context, &error), error, "record_begin");
  failure += expect("waiting while recording", api.synchronize(context, &error), RBN_CUDA_ERROR,
                    error);
  failure += expect("the end of a recording that was spoiled",
                    api.record_end(context, &recording, &error), RBN_CUDA_ERROR, error);
  if (recording != nullptr) return "record_end failed and gave a recording";
  check(api.synchronize(context, &error), error, "synchronize");

  // A context that ends while it records.
  RbnContext* other = nullptr;
  check(api.context_create(0, &other, &error), error, "context_create");
  check(api.record_begin(other, &error), error, "record_begin");
  api.context_destroy(other);
  return failure;
}

}  // namespace

std::vector<AbiTest> recording_tests() {
  return {{"recordings", plays_what_was_recorded}, {"recordings that can not be", refuses}};
}

}  // namespace rbn_test
