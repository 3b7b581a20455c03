// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of the engine's C ABI beside its results. A bad call must return a code with a message,
// leave its outputs alone and leave the engine usable.
#include "case_runner_abi.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace rbn_test {

Case case_named(const std::string& name) {
  for (const Case& c : all_cases())
    if (c.name == name) return c;
  throw std::runtime_error("the table has no case '" + name + "'");
}

std::string expect(const std::string& what, int32_t status, int32_t expected,
                   const RbnError& error) {
  if (status != expected)
    return what + ": expected status " + std::to_string(expected) + ", received " +
           std::to_string(status) + " (" + error.message + ")";
  if (expected != RBN_OK && (error.status != expected || error.message[0] == '\0' ||
                             std::memchr(error.message, 0, sizeof error.message) == nullptr))
    return what + ": status " + std::to_string(status) + " without a filled error";
  return "";
}

namespace {

constexpr int64_t kHuge = int64_t{1} << 40;

const char kTrainingCase[] = "small [2,3,3,4] training residual_relu float32";
const char kFrozenCase[] = "small [2,3,3,4] frozen residual_relu float32";
const char kTrainingFirstCase[] = "small, axis 1 [2,3,3,3] training residual_relu float32";
const char kFrozenFirstCase[] = "small, axis 1 [2,3,3,3] frozen residual_relu float32";
const char kSingleCase[] = "small [3,5] training linear float32";

// One way to spoil a good call.
template <class Call>
struct Spoiled {
  const char* name;
  std::function<void(Call*)> spoil;
};

template <class Call>
std::vector<Spoiled<Call>> spoiled_problems() {
  using P = RbnProblem;
  const auto with = [](std::function<void(P*)> change) {
    return [change](Call* call) { change(&call->problem); };
  };
  return {
      {"negative instances", with([](P* p) { p->instances = -1; })},
      {"negative positions", with([](P* p) { p->positions = -2; })},
      {"negative channels", with([](P* p) { p->channels = -3; })},
      {"smallest channels", with([](P* p) { p->channels = std::numeric_limits<int64_t>::min(); })},
      {"no channels in training", with([](P* p) { p->channels = 0, p->training = 1; })},
      {"no positions in training", with([](P* p) { p->positions = 0, p->training = 1; })},
      {"sizes whose product overflows", with([](P* p) { p->instances = p->positions = kHuge; })},
      // 2^32 · 2^32 wraps to 0, which looks like an empty batch.
      {"instances and channels whose product wraps to 0",
       with([](P* p) { p->instances = p->channels = int64_t{1} << 32; })},
      // 2^40 · 2^40 does so, too, and so does the number of blocks made of them.
      {"instances and channels whose product and blocks wrap to 0",
       with([](P* p) { p->instances = p->channels = kHuge; })},
      {"instances and positions whose product wraps to 0",
       with([](P* p) { p->instances = p->positions = int64_t{1} << 32; })},
      {"positions and channels whose product wraps to 0",
       with([](P* p) { p->positions = p->channels = int64_t{1} << 32; })},
      {"no instances, and others whose product overflows",
       with([](P* p) { p->instances = 0, p->positions = p->channels = kHuge, p->training = 0; })},
      {"no positions, and others whose product overflows",
       with([](P* p) { p->positions = 0, p->instances = p->channels = kHuge, p->training = 0; })},
      {"no channels, and others whose product overflows",
       with([](P* p) { p->channels = 0, p->instances = p->positions = kHuge, p->training = 0; })},
      {"a state whose bytes overflow",
       with([](P* p) { p->instances = int64_t{1} << 57, p->positions = p->channels = 1; })},
      {"no positions, and a state whose bytes overflow",
       with([](P* p) { p->positions = 0, p->instances = int64_t{1} << 57, p->channels = 1; })},
      // 8 · 4 · 2^60 wraps to 0, which fits in shared memory.
      {"positions whose bytes overflow",
       with([](P* p) { p->positions = int64_t{1} << 60, p->instances = p->channels = 1; })},
      {"more blocks than a grid has", with([](P* p) { p->channels = int64_t{1} << 41; })},
      {"sizes whose bytes overflow",
       with([](P* p) { p->instances = int64_t{1} << 61, p->positions = 1; })},
      {"layout 2", with([](P* p) { p->layout = 2; })},
      {"layout -1", with([](P* p) { p->layout = -1; })},
      {"dtype 2", with([](P* p) { p->dtype = 2; })},
      {"activation 2", with([](P* p) { p->activation = 2; })},
      {"training 2", with([](P* p) { p->training = 2; })},
      {"epsilon 0", with([](P* p) { p->epsilon = 0; })},
      {"epsilon -1", with([](P* p) { p->epsilon = -1; })},
      {"epsilon NaN", with([](P* p) { p->epsilon = std::nan(""); })},
      {"epsilon infinite",
       with([](P* p) { p->epsilon = std::numeric_limits<double>::infinity(); })},
      {"one value a channel in training",
       with([](P* p) { p->instances = p->positions = 1, p->training = 1; })},
      {"an empty batch in training", with([](P* p) { p->instances = 0, p->training = 1; })},
  };
}

// Every bad call of one direction, made from a good one.
template <class Call, class Run>
std::string reject_all(const Engine& engine, const Call& good,
                       const std::vector<Spoiled<Call>>& list, Run run) {
  for (const auto& bad : list) {
    Call call = good;
    bad.spoil(&call);
    RbnError error = {};
    const std::string failure =
        expect(bad.name, run(&call, RBN_PLAN_AUTO, &error), RBN_INVALID_ARGUMENT, error);
    if (!failure.empty()) return failure;
    if (run(&call, RBN_PLAN_AUTO, nullptr) != RBN_INVALID_ARGUMENT)
      return std::string(bad.name) + " without error";
  }
  RbnError error = {};
  return expect("a good call after the bad ones", run(&good, RBN_PLAN_AUTO, &error), RBN_OK,
                error) +
         expect("synchronize", engine.api().synchronize(engine.context(), &error), RBN_OK, error);
}

std::string bad_forward(const Engine& engine, const char* case_name) {
  const Case c = case_named(case_name);
  const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  Arrays arrays(machine.get(), c, make_data(c));
  using F = RbnForward;
  std::vector<Spoiled<F>> list = spoiled_problems<F>();
  list.push_back({"no x", [](F* f) { f->x = nullptr; }});
  list.push_back({"no y", [](F* f) { f->y = nullptr; }});
  list.push_back({"no center_weight", [](F* f) { f->center_weight = nullptr; }});
  list.push_back({"no scale_weight", [](F* f) { f->scale_weight = nullptr; }});
  list.push_back({"no scale_bias", [](F* f) { f->scale_bias = nullptr; }});
  if (c.training) {
    list.push_back({"no mean", [](F* f) { f->mean = nullptr; }});
    list.push_back({"no variance", [](F* f) { f->variance = nullptr; }});
  } else {
    list.push_back({"no given_mean", [](F* f) { f->given_mean = nullptr; }});
    list.push_back({"no given_variance", [](F* f) { f->given_variance = nullptr; }});
  }
  if (c.relu && c.residual) list.push_back({"state without mask", [](F* f) { f->mask = nullptr; }});
  if (c.positions() > 1 && !c.channels_first())
    list.push_back({"one block more than a grid has", [](F* f) {
                      f->problem.instances = int64_t{1} << 31, f->problem.channels = 1;
                    }});
  // Blocks that write a mask are smaller than those that sum.
  if (c.positions() > 1 && !c.channels_first() && c.relu && c.residual)
    list.push_back({"more blocks of the second pass than a grid has", [](F* f) {
                      f->problem.instances = int64_t{1} << 30;
                      f->problem.positions = 5440, f->problem.channels = 3;
                    }});
  const RbnEngineApi& api = engine.api();
  const auto run = [&](const F* f, int32_t plan, RbnError* error) {
    return api.forward(engine.context(), f, plan, error);
  };
  const std::string failure = reject_all(engine, arrays.forward_call(), list, run);
  if (!failure.empty()) return failure;
  RbnError error = {};
  for (int32_t plan : {-1, 4, 1000}) {
    const std::string wrong =
        expect("plan " + std::to_string(plan), run(&arrays.forward_call(), plan, &error),
               RBN_INVALID_ARGUMENT, error);
    if (!wrong.empty()) return wrong;
  }
  for (RbnPlan plan : {RBN_PLAN_TWO_PASS, RBN_PLAN_SINGLE, RBN_PLAN_FROZEN_ONCE}) {
    const bool fits = engine.fits(problem_of(c), false, plan);
    const std::string wrong =
        expect("forced plan " + std::to_string(plan), run(&arrays.forward_call(), plan, &error),
               fits ? RBN_OK : RBN_INVALID_ARGUMENT, error);
    if (!wrong.empty()) return wrong;
  }
  return expect("no call", api.forward(engine.context(), nullptr, RBN_PLAN_AUTO, &error),
                RBN_INVALID_ARGUMENT, error) +
         expect("no context", api.forward(nullptr, &arrays.forward_call(), RBN_PLAN_AUTO, &error),
                RBN_INVALID_ARGUMENT, error);
}

std::string bad_backward(const Engine& engine, const char* case_name) {
  const Case c = case_named(case_name);
  const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
  Arrays arrays(machine.get(), c, make_data(c));
  arrays.forward();
  using B = RbnBackward;
  std::vector<Spoiled<B>> list = spoiled_problems<B>();
  list.push_back({"no dy", [](B* b) { b->dy = nullptr; }});
  list.push_back({"no x", [](B* b) { b->x = nullptr; }});
  list.push_back({"no dx", [](B* b) { b->dx = nullptr; }});
  list.push_back({"no state", [](B* b) { b->state = nullptr; }});
  list.push_back({"no variance", [](B* b) { b->variance = nullptr; }});
  list.push_back({"no center_weight", [](B* b) { b->center_weight = nullptr; }});
  list.push_back({"no scale_weight", [](B* b) { b->scale_weight = nullptr; }});
  list.push_back({"no scale_bias", [](B* b) { b->scale_bias = nullptr; }});
  list.push_back({"no dcenter_weight", [](B* b) { b->dcenter_weight = nullptr; }});
  list.push_back({"no dscale_weight", [](B* b) { b->dscale_weight = nullptr; }});
  list.push_back({"no dscale_bias", [](B* b) { b->dscale_bias = nullptr; }});
  if (!c.training) list.push_back({"no mean", [](B* b) { b->mean = nullptr; }});
  if (c.relu && c.residual)
    list.push_back({"dresidual without mask", [](B* b) { b->mask = nullptr; }});
  if (!c.relu)
    list.push_back({"mask without an activation",
                    [](B* b) { b->mask = static_cast<const uint8_t*>(b->x); }});
  const RbnEngineApi& api = engine.api();
  const auto run = [&](const B* b, int32_t plan, RbnError* error) {
    return api.backward(engine.context(), b, plan, error);
  };
  const std::string failure = reject_all(engine, arrays.backward_call(), list, run);
  if (!failure.empty()) return failure;
  RbnError error = {};
  for (int32_t plan : {-1, 4, 1000, static_cast<int>(RBN_PLAN_FROZEN_ONCE)}) {
    const std::string wrong =
        expect("plan " + std::to_string(plan), run(&arrays.backward_call(), plan, &error),
               RBN_INVALID_ARGUMENT, error);
    if (!wrong.empty()) return wrong;
  }
  return expect("no call", api.backward(engine.context(), nullptr, RBN_PLAN_AUTO, &error),
                RBN_INVALID_ARGUMENT, error) +
         expect("no context", api.backward(nullptr, &arrays.backward_call(), RBN_PLAN_AUTO, &error),
                RBN_INVALID_ARGUMENT, error);
}

std::string table(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  if (api.abi_version != RBN_ENGINE_ABI_VERSION) return "abi_version";
  const std::string kind = api.kind;
  if (kind != "cuda" && kind != "simulator") return "kind: " + kind;
  if ((kind == "simulator") != engine.simulated())
    return "kind: only the simulator has its controls";
  if (std::string(api.version).empty()) return "version is empty";
  if (std::string(api.architectures).empty() != engine.simulated()) return "architectures";
  if ((api.cuda_runtime == 0) != engine.simulated()) return "cuda_runtime";
  return "";
}

std::string devices(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnError error = {};
  int32_t version = -1, count = -1;
  check(api.driver_version(&version, &error), error, "driver_version");
  check(api.device_count(&count, &error), error, "device_count");
  if (count < 1) return "no device";
  RbnDeviceInfo info;
  std::memset(&info, 0xff, sizeof info);
  check(api.device_info(0, &info, &error), error, "device_info");
  if (std::memchr(info.name, 0, sizeof info.name) == nullptr || info.name[0] == '\0')
    return "no name";
  if (info.multiprocessors < 1 || info.supported != 1 || info.total_memory == 0)
    return "device_info is not filled";
  if (info.l2_bytes == 0 || info.l2_bytes > info.total_memory) return "no cache";
  if (info.free_memory > info.total_memory) return "more memory free than there is";
  RbnContext* context = nullptr;
  std::string failure;
  for (int32_t device : {-1, count, 1 << 30}) {
    failure += expect("device_info of a device that is not there",
                      api.device_info(device, &info, &error), RBN_NO_DEVICE, error);
    failure += expect("context on a device that is not there",
                      api.context_create(device, &context, &error), RBN_NO_DEVICE, error);
    if (context != nullptr) return "context_create failed and gave a context";
  }
  return failure +
         expect("device_info without info", api.device_info(0, nullptr, &error),
                RBN_INVALID_ARGUMENT, error) +
         expect("device_count without count", api.device_count(nullptr, &error),
                RBN_INVALID_ARGUMENT, error) +
         expect("driver_version without version", api.driver_version(nullptr, &error),
                RBN_INVALID_ARGUMENT, error) +
         expect("context_create without context", api.context_create(0, nullptr, &error),
                RBN_INVALID_ARGUMENT, error);
}

std::string libraries(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnError error = {};
  RbnLibraryInfo info;
  if (api.library_file(-1) || api.library_file(2) || api.library_headers(2)) return "a third library";
  if (engine.simulated() && !(api.library_file(RBN_CUBLAS) && api.library_file(RBN_CUDNN)))
    return "the simulator knows no libraries";
  const char* const nowhere[] = {"/nowhere.so"};
  std::string failure;
  for (int32_t library : {RBN_CUBLAS, RBN_CUDNN}) {
    for (RbnContext* context : {static_cast<RbnContext*>(nullptr), engine.context()}) {
      std::memset(&info, 0xff, sizeof info);
      check(api.library_open(context, library, nowhere, 1, &info, &error), error, "library_open");
      if (info.in_use || info.path[0] || info.version[0]) failure += "a library that is not there; ";
      check(api.library_open(context, library, nullptr, 0, &info, &error), error, "library_open of nothing");
      if (info.in_use) failure += "a library out of nothing; ";
    }
    failure += expect("library_open without info",
                      api.library_open(nullptr, library, nowhere, 1, nullptr, &error), RBN_INVALID_ARGUMENT, error) +
               expect("library_open without candidates",
                      api.library_open(nullptr, library, nullptr, 1, &info, &error), RBN_INVALID_ARGUMENT, error);
  }
  for (int32_t library : {-1, 2})
    failure += expect("library_open of a library that there is not",
                      api.library_open(nullptr, library, nowhere, 1, &info, &error), RBN_INVALID_ARGUMENT, error);
  for (int32_t products : {-1, 3})
    failure += expect("set_products", api.set_products(engine.context(), products, &error),
                      RBN_INVALID_ARGUMENT, error);
  check(api.set_products(engine.context(), RBN_PRODUCTS_EXACT, &error), error, "set_products");
  return failure + expect("set_products without a context", api.set_products(nullptr, 0, &error),
                          RBN_INVALID_ARGUMENT, error);
}

std::string memory(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  RbnError error = {};
  void* nothing = nullptr;
  check(api.allocate(context, 0, &nothing, &error), error, "allocate 0 bytes");
  if (nothing == nullptr) return "0 bytes gave no pointer";
  check(api.upload(context, nothing, nullptr, 0, &error), error, "upload 0 bytes");
  check(api.download(context, nullptr, nothing, 0, &error), error, "download 0 bytes");
  check(api.release(context, nothing, &error), error, "release 0 bytes");
  void* memory = nullptr;
  check(api.allocate(context, 100, &memory, &error), error, "allocate");
  std::vector<unsigned char> sent(100), received(100);
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(3 * i + 1);
  check(api.upload(context, memory, sent.data(), sent.size(), &error), error, "upload");
  check(api.download(context, received.data(), memory, received.size(), &error), error, "download");
  if (sent != received) return "what was downloaded is not what was uploaded";
  std::string failure;
  const auto refused = [&](const char* what, int32_t status) {
    failure += expect(what, status, RBN_INVALID_ARGUMENT, error);
  };
  refused("upload without source", api.upload(context, memory, nullptr, 100, &error));
  refused("upload without target", api.upload(context, nullptr, sent.data(), 100, &error));
  refused("download without target", api.download(context, nullptr, memory, 100, &error));
  refused("download without source", api.download(context, received.data(), nullptr, 100, &error));
  refused("upload without context", api.upload(nullptr, memory, sent.data(), 100, &error));
  refused("download without context", api.download(nullptr, received.data(), memory, 100, &error));
  refused("allocate without context", api.allocate(nullptr, 4, &nothing, &error));
  refused("allocate without pointer", api.allocate(context, 4, nullptr, &error));
  refused("synchronize without context", api.synchronize(nullptr, &error));
  refused("synchronize_device without context", api.synchronize_device(nullptr, &error));
  refused("release without context", api.release(nullptr, memory, &error));
  refused("release of what was not allocated", api.release(context, sent.data(), &error));
  check(api.release(context, memory, &error), error, "release");
  refused("release twice", api.release(context, memory, &error));
  api.context_destroy(nullptr);
  return failure;
}

std::string lack_of_memory(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnError error = {};
  std::string failure;
  for (uint64_t bytes : {uint64_t{1} << 50, std::numeric_limits<uint64_t>::max()}) {
    void* memory = nullptr;
    failure +=
        expect("allocate " + std::to_string(bytes) + " bytes",
               api.allocate(engine.context(), bytes, &memory, &error), RBN_OUT_OF_MEMORY, error);
  }
  void* memory = nullptr;
  check(api.allocate(engine.context(), 1 << 20, &memory, &error), error,
        "allocate after the failures");
  check(api.release(engine.context(), memory, &error), error, "release");
  return failure;
}

// The engine tries once more after it gave unused memory back, so one failure must go unnoticed,
// wherever it is.
std::string injected_failures(const Engine& engine) {
  if (!engine.simulated()) return "";
  for (const char* name : {kTrainingCase, kFrozenCase, kSingleCase}) {
    const Case c = case_named(name);
    const CaseData data = make_data(c);
    const Reference expected = reference(c, data);
    const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
    for (uint64_t k = 1; k <= 40; ++k) {
      engine.fail_allocation(k);
      std::string failure;
      {
        Arrays arrays(machine.get(), c, data);
        arrays.forward();
        arrays.backward();
        arrays.forward_without_state();
        failure = compare(c, expected, arrays.outputs());
      }
      engine.fail_allocation(0);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

// What is put on a stream may run much later: temporary memory must live until then, arguments be
// copies.
std::string deferred(const Engine& engine) {
  if (!engine.simulated()) return "";
  for (const char* name : {kTrainingCase, kFrozenCase, kSingleCase}) {
    const Case c = case_named(name);
    const CaseData data = make_data(c);
    const auto machine = engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO);
    engine.set_defer(1);
    std::string failure;
    {
      Arrays arrays(machine.get(), c, data);
      arrays.forward();
      arrays.backward();
      failure = compare(c, reference(c, data), arrays.outputs());
    }
    engine.set_defer(0);
    if (!failure.empty()) return failure;
  }
  return "";
}

// The engine of the mutation test has RBN alone.
bool has_operations(const Engine& engine) { return engine.api().operation_name(0) != nullptr; }

// `count` launches of a kernel that fills `elements` floats, for a stream that has something to do.
void keep_busy(const RbnEngineApi& api, RbnContext* context, void* memory, int64_t elements, int count) {
  int32_t fill = 0;
  while (std::strcmp(api.operation_name(fill), "Fill") != 0) ++fill;
  RbnTensor out = {};
  out.data = memory;
  out.rank = 1;
  out.shape[0] = elements;
  const double value = 7;
  RbnCall call = {};
  call.outputs = &out;
  call.output_count = 1;
  call.attributes = &value;
  call.attribute_count = 1;
  RbnError error = {};
  for (int i = 0; i < count; ++i) check(api.run(context, fill, &call, &error), error, "Fill");
}

// Host memory that was uploaded is the caller's again at once, whatever the stream is doing.
std::string uploads(const Engine& engine) {
  if (!has_operations(engine)) return "";
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  RbnError error = {};
  // Some milliseconds of a GPU.
  const int64_t elements = engine.simulated() ? 1000 : int64_t{1} << 28;
  if (engine.simulated()) engine.set_defer(1);
  std::string failure;
  // The last goes in several pieces, more than may be under way at a time.
  for (size_t bytes : {size_t{100}, size_t{70000}, (size_t{40} << 20) + 100}) {
    void *busy = nullptr, *memory = nullptr;
    check(api.allocate(context, elements * sizeof(float), &busy, &error), error, "allocate");
    check(api.allocate(context, bytes, &memory, &error), error, "allocate");
    std::vector<unsigned char> sent(bytes), received(bytes);
    for (size_t i = 0; i < bytes; ++i) sent[i] = static_cast<unsigned char>(i % 251);
    const std::vector<unsigned char> expected = sent;
    keep_busy(api, context, busy, elements, 20);
    check(api.upload(context, memory, sent.data(), bytes, &error), error, "upload");
    std::memset(sent.data(), 0xc3, bytes);
    check(api.download(context, received.data(), memory, bytes, &error), error, "download");
    if (received != expected)
      failure += "of " + std::to_string(bytes) + " bytes, what was written after the upload has arrived; ";
    check(api.release(context, memory, &error), error, "release");
    check(api.release(context, busy, &error), error, "release");
  }
  if (engine.simulated()) engine.set_defer(0);
  return failure;
}

// A download in steps: the memory may go at once, and nobody has to finish it.
std::string downloads(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnContext* const context = engine.context();
  RbnError error = {};
  std::string failure;
  if (engine.simulated()) engine.set_defer(1);
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{100000}}) {
    for (bool finished : {true, false, true}) {
      void *memory = nullptr, *other = nullptr;
      check(api.allocate(context, bytes, &memory, &error), error, "allocate");
      std::vector<unsigned char> sent(bytes, 0x3c), received(bytes, 0);
      check(api.upload(context, memory, sent.data(), bytes, &error), error, "upload");
      RbnDownload* download = nullptr;
      check(api.download_begin(context, memory, bytes, &download, &error), error, "download_begin");
      check(api.release(context, memory, &error), error, "release");
      check(api.allocate(context, bytes, &other, &error), error, "allocate");  // the same memory
      const std::vector<unsigned char> later(bytes, 0xc3);
      check(api.upload(context, other, later.data(), bytes, &error), error, "upload");
      if (finished) {
        check(api.download_finish(download, received.data(), &error), error, "download_finish");
        if (received != sent) failure += std::to_string(bytes) + " bytes: others arrived; ";
        if (bytes > 0)
          failure += expect("download_finish again", api.download_finish(download, received.data(), &error),
                            RBN_INVALID_ARGUMENT, error);
      }
      api.download_free(download);
      check(api.release(context, other, &error), error, "release");
    }
  }
  api.download_free(nullptr);
  if (engine.simulated()) engine.set_defer(0);
  return failure;
}

// The end of a download waits for nothing that was put on the stream after it: JavaScript's thread calls it.
std::string end_of_download(const Engine& engine) {
  if (!engine.simulated() || !has_operations(engine)) return "";
  const RbnEngineApi& api = engine.api();
  RbnError error = {};
  RbnContext* context = nullptr;  // its own: a failure ends it
  check(api.context_create(0, &context, &error), error, "context_create");
  void* memory = nullptr;
  check(api.allocate(context, 4000, &memory, &error), error, "allocate");
  engine.set_defer(1);
  keep_busy(api, context, memory, 1000, 1);
  std::vector<unsigned char> received(4000);
  RbnDownload* download = nullptr;
  check(api.download_begin(context, memory, 4000, &download, &error), error, "download_begin");
  check(api.download_finish(download, received.data(), &error), error, "download_finish");
  engine.fail_launch(1);
  keep_busy(api, context, memory, 1000, 1);
  api.download_free(download);
  RbnMemory held;
  // Every call fails once the kernel has run.
  const std::string failure =
      expect("after download_free", api.memory(context, &held, &error), RBN_OK, error);
  engine.fail_launch(0);
  if (!failure.empty()) engine.clear_error();
  engine.set_defer(0);
  api.context_destroy(context);
  return failure;
}

std::string two_contexts(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  RbnError error = {};
  uint64_t bytes_before = 0, bytes_after = 0, before = 0;
  if (engine.simulated()) before = engine.live_allocations(&bytes_before);
  RbnContext* second = nullptr;
  check(api.context_create(0, &second, &error), error, "context_create");
  void* memory = nullptr;
  check(api.allocate(second, 1000, &memory, &error), error, "allocate");
  const std::string failure =
      expect("release in another context", api.release(engine.context(), memory, &error),
             RBN_INVALID_ARGUMENT, error);
  api.context_destroy(second);  // with the memory still allocated
  if (engine.simulated() && engine.live_allocations(&bytes_after) != before)
    return "context_destroy left memory";
  return failure;
}

std::string plans(const Engine& engine) {
  const RbnEngineApi& api = engine.api();
  for (const Case& c : all_cases()) {
    if (!c.native_layout()) continue;
    const RbnProblem problem = problem_of(c);
    for (int32_t backward : {0, 1}) {
      int32_t plan = -1, fits = -1;
      check(api.choose_plan(engine.context(), &problem, backward, &plan), {}, "choose_plan");
      if (plan == RBN_PLAN_AUTO) return c.name + ": choose_plan gave no plan";
      check(api.plan_fits(engine.context(), &problem, backward, plan, &fits), {}, "plan_fits");
      if (fits != 1) return c.name + ": the chosen plan does not fit";
      check(api.plan_fits(engine.context(), &problem, backward, RBN_PLAN_AUTO, &fits), {},
            "plan_fits");
      if (fits != 1) return c.name + ": the automatic plan does not fit";
    }
  }
  const RbnProblem problem = problem_of(case_named(kTrainingCase));
  int32_t value = 0;
  if (api.choose_plan(engine.context(), nullptr, 0, &value) != RBN_INVALID_ARGUMENT)
    return "choose_plan, no problem";
  if (api.choose_plan(engine.context(), &problem, 0, nullptr) != RBN_INVALID_ARGUMENT)
    return "choose_plan, no plan";
  if (api.plan_fits(engine.context(), nullptr, 0, 1, &value) != RBN_INVALID_ARGUMENT)
    return "plan_fits, no problem";
  if (api.plan_fits(engine.context(), &problem, 0, 1, nullptr) != RBN_INVALID_ARGUMENT)
    return "plan_fits, no fits";
  return "";
}

}  // namespace

std::vector<AbiTest> abi_tests() {
  std::vector<AbiTest> tests = {
      {"table", table},
      {"devices", devices},
      {"libraries", libraries},
      {"memory", memory},
      {"lack of memory", lack_of_memory},
      {"injected allocation failures", injected_failures},
      {"deferred stream", deferred},
      {"uploads", uploads},
      {"downloads in steps", downloads},
      {"the end of a download", end_of_download},
      {"two contexts", two_contexts},
      {"plans", plans},
      {"bad forward calls, training",
       [](const Engine& e) { return bad_forward(e, kTrainingCase); }},
      {"bad forward calls, frozen", [](const Engine& e) { return bad_forward(e, kFrozenCase); }},
      {"bad forward calls, one position",
       [](const Engine& e) { return bad_forward(e, kSingleCase); }},
      {"bad backward calls, training",
       [](const Engine& e) { return bad_backward(e, kTrainingCase); }},
      {"bad backward calls, frozen", [](const Engine& e) { return bad_backward(e, kFrozenCase); }},
      {"bad backward calls, one position",
       [](const Engine& e) { return bad_backward(e, kSingleCase); }},
      {"bad forward calls, axis 1, training",
       [](const Engine& e) { return bad_forward(e, kTrainingFirstCase); }},
      {"bad forward calls, axis 1, frozen",
       [](const Engine& e) { return bad_forward(e, kFrozenFirstCase); }},
      {"bad backward calls, axis 1",
       [](const Engine& e) { return bad_backward(e, kTrainingFirstCase); }},
  };
  for (AbiTest& test : edge_tests()) tests.push_back(std::move(test));
  for (AbiTest& test : recording_tests()) tests.push_back(std::move(test));
  for (AbiTest& test : plan_tests()) tests.push_back(std::move(test));
  return tests;
}

}  // namespace rbn_test
