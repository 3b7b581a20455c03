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

#define RBN_ENGINE_ABI_VERSION 5

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
  uint64_t l2_bytes;       // of the cache that all multiprocessors share
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

// The dtypes of TensorFlow.js that an operation takes.
typedef enum RbnTensorType {
  RBN_TENSOR_FLOAT32 = 0,
  RBN_TENSOR_INT32 = 1,
  RBN_TENSOR_BOOL = 2,  // one byte an element, 0 or 1
} RbnTensorType;

#define RBN_MAX_RANK 8

// A dense tensor, row-major.
typedef struct RbnTensor {
  void* data;     // device memory, or null: a tensor of one element that stays on the host, in `value`
  double value;   // of a tensor on the host; an operation writes it where such a tensor is its output
  int32_t dtype;  // RbnTensorType
  int32_t rank;   // 0 to RBN_MAX_RANK
  int64_t shape[RBN_MAX_RANK];
} RbnTensor;

// One call of an operation. Inputs and outputs do not overlap unless the operation says so.
typedef struct RbnCall {
  const RbnTensor* inputs;
  int32_t input_count;
  RbnTensor* outputs;
  int32_t output_count;
  const double* attributes;
  int32_t attribute_count;
} RbnCall;

// Bytes of device memory of a context.
typedef struct RbnMemory {
  uint64_t used;      // held by live allocations
  uint64_t peak;      // the most that `used` has been
  uint64_t reserved;  // what the pool holds of the device, used or not
  uint64_t limit;     // of `used`; 0: the device's memory is the limit
  uint64_t allocations;  // live ones
} RbnMemory;

// NVIDIA's libraries that a context can use, in the order in which they are opened: cuDNN may need cuBLAS.
typedef enum RbnLibrary { RBN_CUBLAS = 0, RBN_CUDNN = 1 } RbnLibrary;

typedef struct RbnLibraryInfo {
  int32_t in_use;     // 1: opened, complete, and of the major version that the engine was compiled for
  char version[32];   // "9.1.0"; "" where it is not known
  char path[1024];    // of the file that is in use or will not do; "" where none of the candidates is there
  char problem[512];  // why a file that is there will not do; "" otherwise
} RbnLibraryInfo;

// How matrix products and convolutions of float32 are made. native/cuda/ops/by_library.h says which of them
// libraries do.
typedef enum RbnProducts {
  RBN_PRODUCTS_EXACT = 0,  // by libraries where they are open, all in float32; the default
  RBN_PRODUCTS_TF32 = 1,   // the same, but libraries may round factors to 10 bits (TF32)
  RBN_PRODUCTS_PLAIN = 2,  // by this engine's own kernels
} RbnProducts;

// A copy to the host under way; see download_begin.
typedef struct RbnDownload RbnDownload;

// A point in the stream; see event_record.
typedef struct RbnEvent RbnEvent;

// Calls that are launched together, as a CUDA graph; see record_begin.
typedef struct RbnRecording RbnRecording;

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

  // 1: every call that launches kernels waits for them, so that an error of a kernel is reported by the call
  // that launched it; 0, the default: it may be reported by a later one.
  int32_t (*set_synchronous)(RbnContext* context, int32_t on, RbnError* error);

  // Device memory. Sizes in bytes; a size of 0 gives a valid pointer that holds nothing.
  int32_t (*allocate)(RbnContext* context, uint64_t bytes, void** pointer, RbnError* error);
  int32_t (*release)(RbnContext* context, void* pointer, RbnError* error);
  // The bytes of a live allocation; RBN_INVALID_ARGUMENT for any other pointer.
  int32_t (*allocated_bytes)(RbnContext* context, const void* pointer, uint64_t* bytes);
  int32_t (*memory)(RbnContext* context, RbnMemory* memory, RbnError* error);
  // Allocations beyond `bytes` in all fail with RBN_OUT_OF_MEMORY; 0 takes the limit away.
  int32_t (*set_memory_limit)(RbnContext* context, uint64_t bytes, RbnError* error);
  // For tests: the k-th allocation from now (1 is the next, workspaces count) fails once with
  // RBN_OUT_OF_MEMORY; 0 takes that back.
  int32_t (*fail_allocation)(RbnContext* context, uint64_t k, RbnError* error);

  // Host memory may change or be freed as soon as these return; download waits for the stream.
  int32_t (*upload)(RbnContext* context, void* to, const void* from_host, uint64_t bytes, RbnError* error);
  int32_t (*download)(RbnContext* context, void* to_host, const void* from, uint64_t bytes, RbnError* error);
  int32_t (*synchronize)(RbnContext* context, RbnError* error);
  // Waits for everything that anybody has put on the context's device.
  int32_t (*synchronize_device)(RbnContext* context, RbnError* error);

  // A download in three steps that never blocks the context's thread: begin puts the copy on the stream
  // (the memory may be released at once, in stream order), finish waits for it and fills `to_host`, free
  // ends it. finish may be called once, by any thread, also after the context's end.
  int32_t (*download_begin)(RbnContext* context, const void* from, uint64_t bytes, RbnDownload** download,
                            RbnError* error);
  int32_t (*download_finish)(RbnDownload* download, void* to_host, RbnError* error);
  void (*download_free)(RbnDownload* download);  // null is allowed

  // Time on the device: milliseconds between two recorded events; event_elapsed waits for the later one.
  int32_t (*event_record)(RbnContext* context, RbnEvent** event, RbnError* error);
  int32_t (*event_elapsed)(RbnContext* context, const RbnEvent* begin, const RbnEvent* end, float* milliseconds,
                           RbnError* error);
  void (*event_free)(RbnEvent* event);  // null is allowed

  // The operations beside RBN (native/cuda/ops), by index. `run` is asynchronous: an error of the kernel
  // itself may be reported by a later call. All outputs have their memory; where every input is on the host and an
  // operation takes such inputs, an output of one element may be on the host, too.
  const char* (*operation_name)(int32_t operation);  // null past the last one
  int32_t (*operation_takes_host)(int32_t operation);
  int32_t (*run)(RbnContext* context, int32_t operation, const RbnCall* call, RbnError* error);

  // NVIDIA's libraries (RbnLibrary). The file that the system's loader knows, "libcudnn.so.9", and the folder of the
  // headers that the engine was compiled with, beside which the library often is; null: compiled without.
  const char* (*library_file)(int32_t library);
  const char* (*library_headers)(int32_t library);
  // Opens the first of the candidates (files, or names for the system's loader) that will do, for the context or, where
  // that is null, only to look. That there is none is no error but said in `info`; plain kernels do the work.
  int32_t (*library_open)(RbnContext* context, int32_t library, const char* const* candidates, int32_t count,
                          RbnLibraryInfo* info, RbnError* error);
  int32_t (*set_products)(RbnContext* context, int32_t products, RbnError* error);  // RbnProducts

  // All pointers in `call` are device pointers. Asynchronous. An empty batch as in native/cpu. The plan
  // must fit the problem (RBN_INVALID_ARGUMENT otherwise).
  int32_t (*forward)(RbnContext* context, const RbnForward* call, int32_t plan, RbnError* error);
  int32_t (*backward)(RbnContext* context, const RbnBackward* call, int32_t plan, RbnError* error);
  // The plan that RBN_PLAN_AUTO takes for a problem, and 1 in `fits` where `plan` can run it.
  int32_t (*choose_plan)(RbnContext* context, const RbnProblem* problem, int32_t backward, int32_t* plan);
  int32_t (*plan_fits)(RbnContext* context, const RbnProblem* problem, int32_t backward, int32_t plan,
                       int32_t* fits);

  // For benchmarks, whose times are to hold no work of the host: `forward`, `backward` and `run` between record_begin and
  // record_end do not run but are kept, with the workspaces that they take, and run each time that the recording is
  // played. Each of them must have run before (the first call of a kernel loads it), and nothing else may be called in
  // between. Neither on a synchronous context. After an error in between, record_end says that there is no recording.
  int32_t (*record_begin)(RbnContext* context, RbnError* error);
  int32_t (*record_end)(RbnContext* context, RbnRecording** recording, RbnError* error);
  int32_t (*record_play)(RbnContext* context, const RbnRecording* recording, RbnError* error);  // asynchronous
  // Waits for the device. Before the end of the context; null is allowed.
  void (*record_free)(RbnRecording* recording);
} RbnEngineApi;

// The one exported symbol.
typedef const RbnEngineApi* (*RbnEngineApiFunction)(void);
#define RBN_ENGINE_SYMBOL "rbn_engine_api"

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RBN_CUDA_ENGINE_H_
