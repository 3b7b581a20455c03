// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of the engine's C ABI. No exception leaves it: what is not caught below can not be
// thrown.
#include "engine.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

#include <memory>
#include <new>
#include <vector>

#include "rbn/kernels.h"
#include "rbn/operator.h"
#include "rbn/plan.h"
#include "rbn_build.h"
#include "runtime/context.h"
#include "runtime/status.h"

namespace rbn {
namespace {

#ifdef RBN_SIMULATOR
constexpr const char* kKind = "simulator";
constexpr int32_t kRuntime = 0;
#else
constexpr const char* kKind = "cuda";
constexpr int32_t kRuntime = CUDART_VERSION;
#endif

int32_t no_output(const char* name, RbnError* error) {
  return fail(error, RBN_INVALID_ARGUMENT, "%s: expected a place for the result, received null",
              name);
}

// Runs `body`, which returns a status; lack of host memory is a status, too.
template <class F>
int32_t guarded(RbnError* error, F&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(error, RBN_OUT_OF_MEMORY, "host memory: the allocation failed");
  }
}

// Calls `body` with the context's device current; several contexts may share a thread.
template <class F>
int32_t on_device(RbnContext* context, RbnError* error, F&& body) {
  if (!context)
    return fail(error, RBN_INVALID_ARGUMENT, "context: expected a context, received null");
  const int32_t status = check(error, cudaSetDevice(context->device), "cudaSetDevice");
  return status == RBN_OK ? guarded(error, body) : status;
}

int32_t driver_version(int32_t* version, RbnError* error) {
  if (!version) return no_output("version", error);
  int value = 0;
  const int32_t status = check(error, cudaDriverGetVersion(&value), "cudaDriverGetVersion");
  *version = value;
  if (status != RBN_OK || value != 0) return status;
  return fail(error, RBN_NO_DRIVER, "cudaDriverGetVersion: no NVIDIA driver is installed");
}

int32_t device_count(int32_t* count, RbnError* error) {
  if (!count) return no_output("count", error);
  int value = 0;
  int32_t status = check(error, cudaGetDeviceCount(&value), "cudaGetDeviceCount");
  *count = status == RBN_OK ? value : 0;
  if (status == RBN_NO_DRIVER) {
    // The runtime has one error for a driver that is too old and for none at all.
    int32_t driver = 0;
    status = driver_version(&driver, error);
    if (status == RBN_OK) {
      status =
          fail(error, RBN_NO_DRIVER,
               "cudaGetDeviceCount: expected a driver for CUDA %d.%d or later, found one for %d.%d",
               kRuntime / 1000, kRuntime % 1000 / 10, driver / 1000, driver % 1000 / 10);
    }
  }
  return status;
}

// Makes a device current for a block, then the one before.
class CurrentDevice {
 public:
  CurrentDevice() { valid_ = cudaGetDevice(&before_) == cudaSuccess; }
  ~CurrentDevice() {
    if (valid_) (void)cudaSetDevice(before_);
  }

 private:
  int before_ = 0;
  bool valid_ = false;
};

int32_t device_info(int32_t device, RbnDeviceInfo* info, RbnError* error) {
  if (!info) return no_output("info", error);
  *info = {};
  int32_t count = 0;
  int32_t status = device_count(&count, error);
  if (status != RBN_OK) return status;
  if (device < 0 || device >= count) {
    return fail(error, RBN_NO_DEVICE, "device: expected 0 to %d, received %d", count - 1, device);
  }
  cudaDeviceProp properties;
  status = check(error, cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  if (status != RBN_OK) return status;
  snprintf(info->name, sizeof info->name, "%s", properties.name);
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  info->multiprocessors = properties.multiProcessorCount;
  info->total_memory = properties.totalGlobalMem;
  const CurrentDevice restore;
  status = check(error, cudaSetDevice(device), "cudaSetDevice");
  if (status != RBN_OK) return status;
  size_t free_bytes = 0, total_bytes = 0;
  status = check(error, cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
  if (status != RBN_OK) return status;
  info->free_memory = free_bytes;
  const cudaError_t probed = rbn_probe_device();
  status = check(nullptr, probed, "");
  info->supported = status == RBN_OK;
  return status == RBN_UNSUPPORTED_GPU ? RBN_OK : check(error, probed, "cudaFuncGetAttributes");
}

int32_t context_create(int32_t device, RbnContext** context, RbnError* error) {
  if (!context) return no_output("context", error);
  *context = nullptr;
  return guarded(error, [&]() -> int32_t {
    RbnDeviceInfo info;
    int32_t status = device_info(device, &info, error);
    if (status != RBN_OK) return status;
    if (!info.supported) {
      return fail(error, RBN_UNSUPPORTED_GPU,
                  "%s: the engine has no code for compute capability %d.%d", info.name,
                  info.compute_major, info.compute_minor);
    }
    auto created = std::make_unique<RbnContext>();
    status = check(error, created->open(device), "opening a context");
    if (status == RBN_OK) *context = created.release();
    return status;
  });
}

void context_destroy(RbnContext* context) { delete context; }

int32_t allocate(RbnContext* context, uint64_t bytes, void** pointer, RbnError* error) {
  if (!pointer) return no_output("pointer", error);
  *pointer = nullptr;
  return on_device(context, error, [&]() -> int32_t {
    context->allocations.reserve(context->allocations.size() + 1);  // so that insert can not throw
    char operation[64];
    snprintf(operation, sizeof operation, "allocating %llu bytes",
             static_cast<unsigned long long>(bytes));
    // The runtime rounds sizes up: close to 2^64 that would wrap.
    const cudaError_t code = bytes > INT64_MAX ? cudaErrorMemoryAllocation
                                               : context->allocate(bytes > 0 ? bytes : 1, pointer);
    const int32_t status = check(error, code, operation);
    if (status == RBN_OK) context->allocations.insert(*pointer);
    return status;
  });
}

int32_t release(RbnContext* context, void* pointer, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (context->allocations.erase(pointer) == 0) {
      return fail(error, RBN_INVALID_ARGUMENT,
                  "release: expected a pointer that allocate gave and that is not released");
    }
    return check(error, context->release(pointer), "releasing device memory");
  });
}

// Both wait: the host memory may move or be freed as soon as they return.
int32_t copy(RbnContext* context, void* to, const void* from, uint64_t bytes, cudaMemcpyKind kind,
             const char* operation, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (bytes == 0) return RBN_OK;
    if (!to || !from)
      return fail(error, RBN_INVALID_ARGUMENT, "%s: expected memory, received null", operation);
    const int32_t status =
        check(error, cudaMemcpyAsync(to, from, bytes, kind, context->stream), operation);
    return status == RBN_OK ? check(error, cudaStreamSynchronize(context->stream), operation)
                            : status;
  });
}

int32_t upload(RbnContext* context, void* to, const void* from_host, uint64_t bytes,
               RbnError* error) {
  return copy(context, to, from_host, bytes, cudaMemcpyHostToDevice, "upload", error);
}

int32_t download(RbnContext* context, void* to_host, const void* from, uint64_t bytes,
                 RbnError* error) {
  return copy(context, to_host, from, bytes, cudaMemcpyDeviceToHost, "download", error);
}

int32_t synchronize(RbnContext* context, RbnError* error) {
  return on_device(context, error, [&] {
    return check(error, cudaStreamSynchronize(context->stream), "synchronize");
  });
}

int32_t run(RbnContext* context, const RbnForward& call, int32_t plan, RbnError* error) {
  return forward(context, call, plan, error);
}
int32_t run(RbnContext* context, const RbnBackward& call, int32_t plan, RbnError* error) {
  return backward(context, call, plan, error);
}

template <class Call>
int32_t run_once(RbnContext* context, const Call* call, int32_t plan, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (!call) return fail(error, RBN_INVALID_ARGUMENT, "call: expected a call, received null");
    return run(context, *call, plan, error);
  });
}

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_) (void)cudaEventDestroy(event_);
  }
  cudaError_t create() { return cudaEventCreate(&event_); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

template <class Call>
int32_t time_call(RbnContext* context, const Call* call, int32_t plan, int32_t repeats,
                  float* milliseconds, RbnError* error) {
  if (!milliseconds) return no_output("milliseconds", error);
  *milliseconds = 0.0f;
  return on_device(context, error, [&]() -> int32_t {
    if (!call) return fail(error, RBN_INVALID_ARGUMENT, "call: expected a call, received null");
    if (repeats < 1) {
      return fail(error, RBN_INVALID_ARGUMENT, "repeats: expected at least 1, received %d",
                  repeats);
    }
    Event begin, end;
    int32_t status = check(error, begin.create(), "cudaEventCreate");
    if (status == RBN_OK) status = check(error, end.create(), "cudaEventCreate");
    // One call outside the measure: kernels are loaded and the pool grows at first use.
    if (status == RBN_OK) status = run(context, *call, plan, error);
    if (status == RBN_OK)
      status = check(error, cudaEventRecord(begin.get(), context->stream), "cudaEventRecord");
    for (int32_t i = 0; i < repeats && status == RBN_OK; ++i)
      status = run(context, *call, plan, error);
    if (status == RBN_OK)
      status = check(error, cudaEventRecord(end.get(), context->stream), "cudaEventRecord");
    if (status == RBN_OK)
      status = check(error, cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float total = 0.0f;
    if (status == RBN_OK) {
      status = check(error, cudaEventElapsedTime(&total, begin.get(), end.get()),
                     "cudaEventElapsedTime");
    }
    if (status == RBN_OK) *milliseconds = total / static_cast<float>(repeats);
    return status;
  });
}

int32_t choose_plan_of(RbnContext* context, const RbnProblem* problem, int32_t backward,
                       int32_t* plan) {
  if (!context || !problem || !plan) return RBN_INVALID_ARGUMENT;
  const int32_t status = check_problem(*problem, nullptr);
  if (status == RBN_OK) *plan = choose_plan(*problem, backward != 0, context->shared_bytes);
  return status;
}

int32_t plan_fits_of(RbnContext* context, const RbnProblem* problem, int32_t backward, int32_t plan,
                     int32_t* fits) {
  if (!context || !problem || !fits) return RBN_INVALID_ARGUMENT;
  const int32_t status = check_problem(*problem, nullptr);
  if (status == RBN_OK) *fits = plan_fits(*problem, backward != 0, plan, context->shared_bytes);
  return status;
}

constexpr RbnEngineApi kApi = {
    RBN_ENGINE_ABI_VERSION,
    kKind,
    RBN_VERSION,
    RBN_ARCHITECTURES,
    kRuntime,
    driver_version,
    device_count,
    device_info,
    context_create,
    context_destroy,
    allocate,
    release,
    upload,
    download,
    synchronize,
    run_once<RbnForward>,
    run_once<RbnBackward>,
    choose_plan_of,
    plan_fits_of,
    time_call<RbnForward>,
    time_call<RbnBackward>,
};

}  // namespace
}  // namespace rbn

extern "C" __attribute__((visibility("default"))) const RbnEngineApi* rbn_engine_api(void) {
  return &rbn::kApi;
}
