// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// native/cpu for JavaScript: RBN on typed arrays, in place, without a copy.
#include "cpu.h"

#include <new>

#include "../cpu/rbn_cpu.h"
#include "decode.h"

namespace rbn::addon {
namespace {

// More threads than any machine that is meant has; a larger number is a mistake.
constexpr int kMaxThreads = 1024;

// Runs a call of native/cpu; the one exception that it throws becomes JavaScript's.
template <class Call>
void Run(void (*run)(const Call&, int), const Call& call, int threads, Napi::Env env) {
  try {
    run(call, threads);
  } catch (const std::bad_alloc&) {
    Napi::Error error = Napi::Error::New(env, "out of host memory");
    error.Set("code", "OUT_OF_MEMORY");
    throw error;
  }
}

void Forward(const Napi::CallbackInfo& info) {
  Arguments args(info);
  const int threads = args.Enum("threads", kMaxThreads);
  const RbnForward call = DecodeForward(args, HostMemoryReader());
  Run(cpu::forward, call, threads, info.Env());
}

void Backward(const Napi::CallbackInfo& info) {
  Arguments args(info);
  const int threads = args.Enum("threads", kMaxThreads);
  const RbnBackward call = DecodeBackward(args, HostMemoryReader());
  Run(cpu::backward, call, threads, info.Env());
}

Napi::Value DefaultThreads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), cpu::default_threads());
}

Napi::Value BestIsa(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), cpu::isa_name(cpu::best_isa()));
}

Napi::Value CurrentIsa(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), cpu::isa_name(cpu::current_isa()));
}

// The setting holds for the whole process, worker threads included.
Napi::Value SetIsa(const Napi::CallbackInfo& info) {
  Arguments args(info);
  const std::string name = args.Text("isa");
  for (const cpu::Isa isa : {cpu::Isa::kBaseline, cpu::Isa::kAvx2, cpu::Isa::kAvx512}) {
    if (name == cpu::isa_name(isa)) return Napi::Boolean::New(info.Env(), cpu::set_isa(isa));
  }
  ThrowRange(info.Env(), "isa: expected 'baseline', 'avx2' or 'avx512', received '" + name + "'");
}

}  // namespace

void ExportCpu(Napi::Env env, Napi::Object exports) {
  exports.Set("cpuForward", Napi::Function::New<Forward>(env, "cpuForward"));
  exports.Set("cpuBackward", Napi::Function::New<Backward>(env, "cpuBackward"));
  exports.Set("defaultThreads", Napi::Function::New<DefaultThreads>(env, "defaultThreads"));
  exports.Set("bestIsa", Napi::Function::New<BestIsa>(env, "bestIsa"));
  exports.Set("currentIsa", Napi::Function::New<CurrentIsa>(env, "currentIsa"));
  exports.Set("setIsa", Napi::Function::New<SetIsa>(env, "setIsa"));
}

}  // namespace rbn::addon
