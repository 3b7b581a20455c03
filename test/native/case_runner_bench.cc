// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The case runner's benchmark.
#include "case_runner_bench.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "case_runner_data.h"

namespace rbn_test {
namespace {

void time(const char* label, Machine* machine, const Case& c, const CaseData& data) {
  Arrays arrays(machine, c, data);
  arrays.forward();
  arrays.backward();
  const double forward = machine->time_forward(arrays.forward_call());
  const double backward = machine->time_backward(arrays.backward_call());
  const double bytes = 1e-6 * static_cast<double>(c.elements()) * (c.bfloat16 ? 2 : 4);
  std::printf("%-10s %-54s %9.3f ms %7.1f GB/s %9.3f ms %7.1f GB/s\n", label, c.name.c_str(),
              forward, 3 * bytes / forward, backward, 5 * bytes / backward);
  std::fflush(stdout);
}

}  // namespace

std::vector<std::vector<int64_t>> bench_shapes(const std::string& list) {
  std::vector<std::vector<int64_t>> shapes;
  std::istringstream all(list);
  for (std::string text; std::getline(all, text, ',');) {
    shapes.emplace_back();
    std::istringstream sizes(text);
    for (std::string size; std::getline(sizes, size, 'x');) {
      char* end = nullptr;
      shapes.back().push_back(std::strtoll(size.c_str(), &end, 10));
      if (*end != '\0' || shapes.back().back() < 1) shapes.back().clear();
      if (shapes.back().empty()) break;
    }
    if (shapes.back().size() < 2)
      throw std::invalid_argument("--bench: expected shapes such as 8x14x14x256, received '" +
                                  text + "'");
  }
  if (shapes.empty()) throw std::invalid_argument("--bench: expected shapes, received none");
  return shapes;
}

void bench(bool cpu, const std::vector<std::unique_ptr<Engine>>& engines, const Case& c) {
  const bool on_cpu = cpu && !c.bfloat16;
  if (!on_cpu && engines.empty()) return;
  const CaseData data = make_data(c);
  if (on_cpu) time("cpu", cpu_machine(rbn::cpu::current_isa(), 0, 0).get(), c, data);
  for (const auto& engine : engines)
    time(engine->api().kind, engine->machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO).get(), c, data);
}

}  // namespace rbn_test
