// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The C ABI of the CUDA engine, a shared library opened at run time. It exports one symbol,
// rbn_engine_api, which returns a table of functions. The simulated engine (CUDA on the CPU, for
// tests) exports the same. No function throws, prints, exits or aborts; each that can fail returns a
// code and fills `error` where it is not null.
#ifndef RBN_CUDA_ENGINE_H_
#define RBN_CUDA_ENGINE_H_

#include <stddef.h>
#include <stdint.h>

#include "../rbn/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RBN_ENGINE_ABI_VERSION 1

typedef enum RbnStatus {
  RBN_OK = 0,
  RBN_INVALID_ARGUMENT = 1,
  RBN_NO_DRIVER = 2,        // no NVIDIA driver, or one too old for the engine's CUDA runtime
  RBN_NO_DEVICE = 3,        // the driver names no GPU, or not that one
  RBN_UNSUPPORTED_GPU = 4,  // the engine holds no code for this GPU
  RBN_OUT_OF_MEMORY = 5,
  RBN_DEVICE_LOST = 6,      // a sticky error: nothing on this device works any more in this process
  RBN_CUDA_ERROR = 7,       // any other error of the CUDA runtime
} RbnStatus;

typedef struct RbnError {
  int32_t status;      // RbnStatus
  int32_t cuda_error;  // cudaError_t, 0 where it came from elsewhere
  char message[512];   // what was tried and what came of it; names the operation
} RbnError;

typedef struct RbnDeviceInfo {
  char name[256];
  int32_t compute_major, compute_minor;
  int32_t multiprocessors;
  int32_t supported;       // 1: the engine holds code for this GPU
  uint64_t total_memory;   // bytes
  uint64_t free_memory;    // bytes
} RbnDeviceInfo;

// Kernel plans, for tests and benchmarks; RBN_PLAN_AUTO is the choice by shape and device
// (native/cuda/rbn/plan.h).
typedef enum RbnPlan {
  RBN_PLAN_AUTO = 0,
  RBN_PLAN_TWO_PASS = 1,     // one pass that sums, one that writes; any shape with S > 1
  RBN_PLAN_SINGLE = 2,       // S = 1
  RBN_PLAN_FROZEN_ONCE = 3,  // given statistics, forward: x is read once
} RbnPlan;

// One device, one stream, one memory pool. Not for use by two threads at once.
typedef struct RbnContext RbnContext;

typedef struct RbnEngineApi {
  uint32_t abi_version;       // RBN_ENGINE_ABI_VERSION
  const char* kind;           // "cuda" or "simulator"
  const char* version;        // of the package
  const char* architectures;  // the targets compiled in, "80;90;120"; "" for the simulator
  int32_t cuda_runtime;       // CUDART_VERSION, 0 for the simulator

  int32_t (*driver_version)(int32_t* version, RbnError* error);  // as cudaDriverGetVersion: 13000
  int32_t (*device_count)(int32_t* count, RbnError* error);
  int32_t (*device_info)(int32_t device, RbnDeviceInfo* info, RbnError* error);

  int32_t (*context_create)(int32_t device, RbnContext** context, RbnError* error);
  void (*context_destroy)(RbnContext* context);  // frees all its memory; null is allowed

  // Device memory. Sizes in bytes; a size of 0 gives a valid pointer that holds nothing.
  int32_t (*allocate)(RbnContext* context, uint64_t bytes, void** pointer, RbnError* error);
  int32_t (*release)(RbnContext* context, void* pointer, RbnError* error);
  int32_t (*upload)(RbnContext* context, void* to, const void* from_host, uint64_t bytes, RbnError* error);
  int32_t (*download)(RbnContext* context, void* to_host, const void* from, uint64_t bytes, RbnError* error);
  int32_t (*synchronize)(RbnContext* context, RbnError* error);

  // All pointers in `call` are device pointers. Asynchronous. An empty batch as in native/cpu. The plan
  // must fit the problem (RBN_INVALID_ARGUMENT otherwise).
  int32_t (*forward)(RbnContext* context, const RbnForward* call, int32_t plan, RbnError* error);
  int32_t (*backward)(RbnContext* context, const RbnBackward* call, int32_t plan, RbnError* error);
  // The plan that RBN_PLAN_AUTO takes for a problem, and 1 in `fits` where `plan` can run it.
  int32_t (*choose_plan)(RbnContext* context, const RbnProblem* problem, int32_t backward, int32_t* plan);
  int32_t (*plan_fits)(RbnContext* context, const RbnProblem* problem, int32_t backward, int32_t plan,
                       int32_t* fits);

  // Warm repeated launches between two events, for benchmarks: milliseconds a call.
  int32_t (*time_forward)(RbnContext* context, const RbnForward* call, int32_t plan, int32_t repeats,
                          float* milliseconds, RbnError* error);
  int32_t (*time_backward)(RbnContext* context, const RbnBackward* call, int32_t plan, int32_t repeats,
                           float* milliseconds, RbnError* error);
} RbnEngineApi;

// The one exported symbol.
typedef const RbnEngineApi* (*RbnEngineApiFunction)(void);
#define RBN_ENGINE_SYMBOL "rbn_engine_api"

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RBN_CUDA_ENGINE_H_
