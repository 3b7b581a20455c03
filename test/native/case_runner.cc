// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Runs the table of cases, test/cases.json, on native/cpu and on engines: every case against the
// double-precision reference, twice, with several thread counts or schedules, every instruction set
// and every plan that fits. Ends with 'N passed, N failed'.
//
//   rbn_case_runner [--cpu] [--engine LIBRARY]… [--filter REGEX] [--seeds 1,2] [--small]
//                   [--no-large | --large] [--fail-fast] [--bench SHAPES] [--list] [--no-abi]
//
//   --cpu            native/cpu, with every instruction set that this machine has
//   --engine LIBRARY an engine, real or simulated; may be repeated
//   --filter REGEX   of 'machine: case'
//   --seeds 1,2      schedules of the simulator; a real device runs as often
//   --small          rows marked small only, for ThreadSanitizer
//   --no-large       without rows marked large, as builds with a sanitizer do anyway
//   --large          rows marked large only
//   --fail-fast      ends at the first failure
//   --bench          no tests, but times of the one engine, as asked for on stdin
//   --list           no tests, but one line a case, with a checksum of its data and sums over its
//                    reference, for comparison with TypeScript
//   --no-abi         without the tests of the C ABI
#include <regex.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "case_runner_abi.h"
#include "case_runner_bench.h"
#include "case_runner_criteria.h"
#include "case_runner_machine.h"
#include "case_runner_self.h"

namespace rbn_test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

struct Options {
  bool cpu = false, small = false, large = !kSanitized, only_large = false, list = false;
  bool fail_fast = false, abi = true, bench = false;
  std::vector<std::string> engines;
  std::string filter;
  std::vector<uint64_t> seeds = {1, 2};
};

class Report {
 public:
  explicit Report(const Options& options) : options_(options) {
    if (regcomp(&filter_, options.filter.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw std::invalid_argument("--filter: expected a regular expression, received " +
                                  options.filter);
  }
  ~Report() { regfree(&filter_); }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  bool wanted(const std::string& name) const {
    return regexec(&filter_, name.c_str(), 0, nullptr, 0) == 0;
  }
  // Runs one test, which returns or throws what is wrong with it. Each gets a line only where it
  // fails.
  void run(const std::string& name, const std::function<std::string()>& test) {
    if (!wanted(name)) return;
    std::string failure;
    try {
      failure = test();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    if (failure.empty()) {
      ++passed_;
      return;
    }
    ++failed_;
    std::printf("FAILED %s\n       %s\n", name.c_str(), failure.c_str());
    std::fflush(stdout);
    if (options_.fail_fast) std::exit(finish());
  }
  int finish() const {
    std::printf("%d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0 ? 0 : 1;
  }

 private:
  const Options& options_;
  regex_t filter_;
  int passed_ = 0, failed_ = 0;
};

bool applies(const Options& options, const Case& c) {
  if (!c.native_layout()) return false;
  if (options.small && !c.small) return false;
  return c.large ? options.large : !options.only_large;
}

Outputs run_once(Machine* machine, const Case& c, const CaseData& data) {
  Arrays arrays(machine, c, data);
  arrays.forward();
  arrays.backward();
  arrays.forward_without_state();
  arrays.backward_without_options();
  return arrays.outputs();
}

const char* plan_name(RbnPlan plan) {
  switch (plan) {
    case RBN_PLAN_AUTO:
      return "auto";
    case RBN_PLAN_TWO_PASS:
      return "two-pass";
    case RBN_PLAN_SINGLE:
      return "single";
    case RBN_PLAN_FROZEN_ONCE:
      return "frozen-once";
  }
  return "?";
}

constexpr RbnPlan kPlans[] = {RBN_PLAN_AUTO, RBN_PLAN_TWO_PASS, RBN_PLAN_SINGLE,
                              RBN_PLAN_FROZEN_ONCE};

// Everything about one case on native/cpu with one instruction set.
std::string on_cpu(rbn::cpu::Isa isa, const Case& c, const CaseData& data,
                   const Reference& expected) {
  const Outputs first = run_once(cpu_machine(isa, 1, 0).get(), c, data);
  std::string failure = compare(c, expected, first);
  if (!failure.empty()) return failure;
  // Thread counts that do and do not divide the work; arrays off the vectors' alignment. Then
  // again.
  const struct {
    int threads;
    size_t offset;
  } others[] = {{2, 4}, {3, 12}, {7, 32}, {2, 0}};
  for (const auto& other : others) {
    failure =
        same_bits(first, run_once(cpu_machine(isa, other.threads, other.offset).get(), c, data));
    if (!failure.empty())
      return failure + " with " + std::to_string(other.threads) + " threads and arrays moved by " +
             std::to_string(other.offset) + " bytes";
  }
  return "";
}

// One case on an engine with one pair of plans, of which one may be automatic.
std::string on_engine(const Engine& engine, const Options& options, RbnPlan forward,
                      RbnPlan backward, const Case& c, const CaseData& data,
                      const Reference& expected) {
  const auto machine = engine.machine(forward, backward);
  // A real device has no seed to set; it runs twice all the same.
  const auto run = [&](uint64_t seed) {
    if (engine.simulated()) engine.set_seed(seed);
    return run_once(machine.get(), c, data);
  };
  const Outputs first = run(options.seeds[0]);
  const std::string failure = compare(c, expected, first);
  if (!failure.empty()) return failure;
  for (size_t i = 1; i < options.seeds.size(); ++i) {
    const std::string difference = same_bits(first, run(options.seeds[i]));
    if (!difference.empty()) return difference + " with seed " + std::to_string(options.seeds[i]);
  }
  return "";
}

void run_cpu(Report* report, const Case& c, const CaseData& data, const Reference& expected) {
  if (c.bfloat16) return;
  const rbn::cpu::Isa before = rbn::cpu::current_isa();
  for (const auto isa : {rbn::cpu::Isa::kBaseline, rbn::cpu::Isa::kAvx2, rbn::cpu::Isa::kAvx512}) {
    if (!rbn::cpu::set_isa(isa)) continue;
    report->run(std::string("cpu ") + rbn::cpu::isa_name(isa) + ": " + c.name,
                [&] { return on_cpu(isa, c, data, expected); });
  }
  rbn::cpu::set_isa(before);
}

void run_engine(const Options& options, Report* report, const Engine& engine, const Case& c,
                const CaseData& data, const Reference& expected) {
  const RbnProblem problem = problem_of(c);
  const auto test = [&](RbnPlan forward, RbnPlan backward) {
    report->run(std::string(engine.api().kind) + " " + plan_name(forward) + "/" +
                    plan_name(backward) + ": " + c.name,
                [&] {
                  std::string failure;
                  try {
                    failure = on_engine(engine, options, forward, backward, c, data, expected);
                  } catch (...) {
                    if (engine.clear_error != nullptr) engine.clear_error();
                    throw;
                  }
                  return failure;
                });
  };
  test(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  for (RbnPlan plan : kPlans) {
    if (plan == RBN_PLAN_AUTO) continue;
    if (engine.fits(problem, false, plan)) test(plan, RBN_PLAN_AUTO);
    if (engine.fits(problem, true, plan)) test(RBN_PLAN_AUTO, plan);
  }
}

void list(const Case& c) {
  const CaseData data = make_data(c);
  const Reference r = reference(c, data);
  std::printf("%s\t%08" PRIx32, c.name.c_str(), checksum(data));
  for (const auto* values :
       {&r.y, &r.mean, &r.variance, &r.dx, &r.dresidual, &r.dgamma.value, &r.dbeta.value,
        &r.dcenter_weight.value, &r.dscale_weight.value, &r.dscale_bias.value, &r.dgamma.terms,
        &r.dcenter_weight.terms, &r.dscale_weight.terms}) {
    double sum = 0, weight = 1;
    for (double value : *values) {
      sum += weight * value;
      weight = weight == 1 ? -0.5 : 1;  // so that order and sign count
    }
    std::printf("\t%.17g", sum);
  }
  std::printf("\n");
}

std::vector<uint64_t> numbers(const std::string& text) {
  std::vector<uint64_t> list;
  for (size_t at = 0; at < text.size();) {
    size_t used = 0;
    list.push_back(std::stoull(text.substr(at), &used));
    at += used + 1;
  }
  if (list.empty()) throw std::invalid_argument("--seeds: expected numbers");
  return list;
}

Options parse(int count, char** values) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string option = values[i];
    const auto next = [&]() -> std::string {
      if (++i == count) throw std::invalid_argument(option + ": expected a value");
      return values[i];
    };
    if (option == "--cpu")
      options.cpu = true;
    else if (option == "--engine")
      options.engines.push_back(next());
    else if (option == "--filter")
      options.filter = next();
    else if (option == "--seeds")
      options.seeds = numbers(next());
    else if (option == "--small")
      options.small = true;
    else if (option == "--no-large")
      options.large = false;
    else if (option == "--large")
      options.only_large = true;
    else if (option == "--fail-fast")
      options.fail_fast = true;
    else if (option == "--bench")
      options.bench = true;
    else if (option == "--list")
      options.list = true;
    else if (option == "--no-abi")
      options.abi = false;
    else
      throw std::invalid_argument("unknown option " + option);
  }
  if (!options.list && !options.cpu && options.engines.empty())
    throw std::invalid_argument("expected --cpu, --engine LIBRARY or --list");
  if (options.bench && options.engines.size() != 1)
    throw std::invalid_argument("--bench: expected one --engine LIBRARY");
  return options;
}

int run(const Options& options) {
  Report report(options);
  {
    std::vector<std::unique_ptr<Engine>> engines;
    for (const std::string& path : options.engines)
      engines.push_back(std::make_unique<Engine>(path));
    if (options.bench) {
      serve_bench(*engines[0]);
      return 0;
    }
    for (const auto& engine : engines) {
      if (!options.abi || options.list) continue;
      for (const AbiTest& test : abi_tests())
        report.run(std::string(engine->api().kind) + " ABI: " + test.name,
                   [&] { return test.run(*engine); });
    }
    for (const Case& c : all_cases()) {
      if (options.list) {
        if (report.wanted(c.name)) list(c);
        continue;
      }
      if (!applies(options, c)) continue;
      CaseData data;
      Reference expected;
      try {
        data = make_data(c);
        expected = reference(c, data);
      } catch (const std::exception& error) {
        report.run("data: " + c.name, [&]() -> std::string { return error.what(); });
        continue;
      }
      report.run("reference: " + c.name, [&] { return check_reference(c, data, expected); });
      if (options.cpu) run_cpu(&report, c, data, expected);
      for (const auto& engine : engines) run_engine(options, &report, *engine, c, data, expected);
    }
    if (options.list) return 0;
    for (const auto& engine : engines) {
      const std::string kind = engine->api().kind;
      const auto live = engine->live_allocations;
      engine->close();
      if (live == nullptr) continue;
      report.run(kind + " leaves no memory behind", [&]() -> std::string {
        uint64_t bytes = 0;
        const uint64_t count = live(&bytes);
        if (count == 0) return "";
        return std::to_string(count) + " allocations, " + std::to_string(bytes) + " bytes";
      });
    }
  }
  return report.finish();
}

}  // namespace
}  // namespace rbn_test

int main(int argc, char** argv) {
  try {
    return rbn_test::run(rbn_test::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rbn_case_runner: %s\n", error.what());
    return 2;
  }
}
