// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of the engine's C ABI. No exception leaves it: what is not caught below can not be
// thrown.
#include "engine.h"

#include <cuda_runtime.h>
#include <stdio.h>

#include <memory>

#include "ops/operation.h"
#include "rbn/kernels.h"
#include "rbn/operator.h"
#include "rbn/plan.h"
#include "rbn_build.h"
#include "runtime/abi.h"
#include "runtime/context.h"
#include "runtime/guard.h"
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

// Leaves the device current.
int32_t describe_device(int32_t device, RbnDeviceInfo* info, RbnError* error) {
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
  info->l2_bytes = static_cast<uint64_t>(properties.l2CacheSize);
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

int32_t device_info(int32_t device, RbnDeviceInfo* info, RbnError* error) {
  if (!info) return no_output("info", error);
  const CurrentDevice restore;
  return describe_device(device, info, error);
}

int32_t context_create(int32_t device, RbnContext** context, RbnError* error) {
  if (!context) return no_output("context", error);
  *context = nullptr;
  return guarded(error, [&]() -> int32_t {
    RbnDeviceInfo info;
    int32_t status = describe_device(device, &info, error);
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

int32_t run(RbnContext* context, const RbnForward& call, int32_t plan, RbnError* error) {
  return forward(context, call, plan, error);
}
int32_t run(RbnContext* context, const RbnBackward& call, int32_t plan, RbnError* error) {
  return backward(context, call, plan, error);
}

const char* name_of(const RbnForward*) { return "RepresentativeBatchNorm"; }
const char* name_of(const RbnBackward*) { return "RepresentativeBatchNormGrad"; }

template <class Call>
int32_t run_once(RbnContext* context, const Call* call, int32_t plan, RbnError* error) {
  return launching(context, name_of(call), error, [&]() -> int32_t {
    if (!call) return fail(error, RBN_INVALID_ARGUMENT, "call: expected a call, received null");
    return run(context, *call, plan, error);
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
    set_synchronous,
    allocate,
    release,
    allocated_bytes,
    memory,
    set_memory_limit,
    fail_allocation,
    upload,
    download,
    synchronize,
    synchronize_device,
    download_begin,
    download_finish,
    download_free,
    event_record,
    event_elapsed,
    event_free,
    operation_name,
    operation_takes_host,
    run_operation,
    library_file,
    library_headers,
    library_open,
    set_products,
    run_once<RbnForward>,
    run_once<RbnBackward>,
    choose_plan_of,
    plan_fits_of,
    record_begin,
    record_end,
    record_play,
    record_free,
};

}  // namespace
}  // namespace rbn

extern "C" __attribute__((visibility("default"))) const RbnEngineApi* rbn_engine_api(void) {
  return &rbn::kApi;
}
