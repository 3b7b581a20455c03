// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The rest of the CUDA runtime: memory, copies, the device's properties and errors. The device is an
// invented small GPU of compute capability 9.0.
#include <stdlib.h>
#include <string.h>

#include "include/simulator/control.h"
#include "simulator.h"

namespace rbn {
namespace simulator {
namespace {

constexpr int kVersion = 13000;  // of the CUDA that is simulated

cudaError_t allocate(Simulator& simulator, void** pointer, size_t bytes) {
  if (!pointer) return result(cudaErrorInvalidValue);
  *pointer = nullptr;
  if (simulator.fail_allocation > 0 && --simulator.fail_allocation == 0) {
    return result(cudaErrorMemoryAllocation);
  }
  if (bytes == 0) return cudaSuccess;
  Allocation* const a = simulator.memory.allocate(bytes);
  if (!a) return result(cudaErrorMemoryAllocation);
  *pointer = a->begin;
  return cudaSuccess;
}

// Also what was written past its end by a kernel that had no pointer into it.
void bury(Simulator& simulator, Allocation& a) {
  const std::string wrong = simulator.memory.check_redzones(a);
  simulator.memory.bury(a);
  if (!wrong.empty()) simulator.note_failure(cudaErrorIllegalAddress, wrong);
}

cudaError_t check_copy(Simulator& simulator, const void* to, const void* from, size_t bytes,
                       cudaMemcpyKind* kind) {
  const Memory& memory = simulator.memory;
  if (*kind == cudaMemcpyDefault) {
    *kind = memory.is_device(to) ? (memory.is_device(from) ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                                 : (memory.is_device(from) ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  }
  if (*kind < cudaMemcpyHostToHost || *kind > cudaMemcpyDeviceToDevice) {
    return refuse(cudaErrorInvalidMemcpyDirection, "kind: is none");
  }
  const bool to_device = *kind == cudaMemcpyHostToDevice || *kind == cudaMemcpyDeviceToDevice;
  const bool from_device = *kind == cudaMemcpyDeviceToHost || *kind == cudaMemcpyDeviceToDevice;
  if (to_device ? !memory.holds(to, bytes) : !to || memory.is_device(to)) {
    return refuse(cudaErrorInvalidValue,
                  std::string("copy, to: expected ") + std::to_string(bytes) + " bytes of " +
                      (to_device ? "device" : "host") + " memory");
  }
  if (from_device ? !memory.holds(from, bytes) : !from || memory.is_device(from)) {
    return refuse(cudaErrorInvalidValue,
                  std::string("copy, from: expected ") + std::to_string(bytes) + " bytes of " +
                      (from_device ? "device" : "host") + " memory");
  }
  return cudaSuccess;
}

}  // namespace
}  // namespace simulator
}  // namespace rbn

using namespace rbn::simulator;

extern "C" {

void rbn_simulator_fail_allocation(uint64_t k) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  simulator.fail_allocation = k;
}
void rbn_simulator_fail_launch(uint64_t k) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  simulator.fail_launch = k;
}
uint64_t rbn_simulator_live_allocations(uint64_t* bytes) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  if (bytes) *bytes = simulator.memory.live_bytes();
  return simulator.memory.live_count();
}
const char* rbn_simulator_message() { return Simulator::instance().message; }
void rbn_simulator_clear_error() {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  simulator.sticky = last_error = cudaSuccess;
  simulator.set_message("");
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  RBN_SIMULATOR_ENTER();
  return allocate(simulator, pointer, bytes);
}
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  return allocate(simulator, pointer, bytes);
}

cudaError_t cudaFree(void* pointer) {
  RBN_SIMULATOR_ENTER();
  if (!pointer) return cudaSuccess;
  Allocation* const a = simulator.memory.find_begin(pointer);
  if (!a) return result(cudaErrorInvalidValue);
  simulator.finish_all();
  simulator.memory.mark_freed(*a);
  bury(simulator, *a);
  return result(simulator.sticky);
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  if (!pointer) return cudaSuccess;
  Allocation* const a = simulator.memory.find_begin(pointer);
  if (!a) return result(cudaErrorInvalidValue);
  simulator.memory.mark_freed(*a);
  Operation operation;
  operation.run = [&simulator, a] { bury(simulator, *a); };
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  RBN_SIMULATOR_ENTER();
  if (!pointer) return result(cudaErrorInvalidValue);
  *pointer = malloc(bytes);
  if (!*pointer) return result(cudaErrorMemoryAllocation);
  simulator.pinned.insert(*pointer);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  RBN_SIMULATOR_ENTER();
  if (!pointer) return cudaSuccess;
  simulator.finish_all();
  if (simulator.pinned.erase(pointer) == 0) return result(cudaErrorInvalidValue);
  free(pointer);
  return result(simulator.sticky);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  const cudaError_t error = check_copy(simulator, to, from, bytes, &kind);
  if (error != cudaSuccess) return error;
  if (kind != cudaMemcpyDeviceToDevice && simulator.capture_forbids(stream)) {
    return result(cudaErrorStreamCaptureUnsupported);
  }
  Operation operation;
  // What the host reads before it synchronises is wrong, not the result of the last time.
  if (simulator.defer && kind == cudaMemcpyDeviceToHost) fill_garbage(to, bytes);
  // Of pageable memory, too, nobody may expect that it has been read when the call returns.
  operation.run = [=] { memmove(to, from, bytes); };
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!simulator.memory.holds(to, bytes)) {
    return refuse(cudaErrorInvalidValue,
                  "memset: expected " + std::to_string(bytes) + " bytes of device memory");
  }
  Operation operation;
  operation.run = [=] { memset(to, value, bytes); };
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) { return cudaMemsetAsync(to, value, bytes, nullptr); }

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  RBN_SIMULATOR_ENTER();
  if (!free_bytes || !total_bytes) return result(cudaErrorInvalidValue);
  *free_bytes = kDeviceMemory - simulator.memory.live_bytes();
  *total_bytes = kDeviceMemory;
  return cudaSuccess;
}

// One pool, that only says that it keeps what was freed: freed memory is held back in another way.
static cudaMemPool_t default_pool() { return reinterpret_cast<cudaMemPool_t>(&Simulator::instance()); }
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  RBN_SIMULATOR_ENTER();
  if (device != 0) return result(cudaErrorInvalidDevice);
  if (!pool) return result(cudaErrorInvalidValue);
  *pool = default_pool();
  return cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  if (!properties || properties->allocType != cudaMemAllocationTypePinned ||
      properties->location.type != cudaMemLocationTypeDevice) {
    return result(cudaErrorInvalidValue);
  }
  return cudaDeviceGetDefaultMemPool(pool, properties->location.id);
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) { return cudaMemPoolTrimTo(pool, 0); }
cudaError_t cudaMallocFromPoolAsync(void** pointer, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (pool != default_pool()) return result(cudaErrorInvalidValue);
  const cudaError_t code = cudaMallocAsync(pointer, bytes, stream);
  simulator.reserved = std::max<uint64_t>(simulator.reserved, simulator.memory.live_bytes());
  return code;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  RBN_SIMULATOR_ENTER();
  if (pool != default_pool() || attribute != cudaMemPoolAttrReleaseThreshold || !value) {
    return result(cudaErrorInvalidValue);
  }
  simulator.release_threshold = *static_cast<uint64_t*>(value);
  return cudaSuccess;
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  RBN_SIMULATOR_ENTER();
  if (pool != default_pool() || !value) return result(cudaErrorInvalidValue);
  *static_cast<uint64_t*>(value) = attribute == cudaMemPoolAttrReleaseThreshold
                                       ? simulator.release_threshold
                                       : simulator.reserved;
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes_to_keep) {
  RBN_SIMULATOR_ENTER();
  if (pool != default_pool()) return result(cudaErrorInvalidValue);
  simulator.reserved = std::min(simulator.reserved, std::max<uint64_t>(bytes_to_keep, simulator.memory.live_bytes()));
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  if (!version) return result(cudaErrorInvalidValue);
  *version = kVersion;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaGetDeviceCount(int* count) {
  if (!count) return result(cudaErrorInvalidValue);
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : result(cudaErrorInvalidDevice); }
cudaError_t cudaGetDevice(int* device) {
  if (!device) return result(cudaErrorInvalidValue);
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (!p) return result(cudaErrorInvalidValue);
  if (device != 0) return result(cudaErrorInvalidDevice);
  *p = {};
  strcpy(p->name, "CUDA simulator on the CPU");
  p->totalGlobalMem = kDeviceMemory;
  p->sharedMemPerBlock = kDynamicSharedDefault;
  p->sharedMemPerBlockOptin = kSharedLimit;
  p->sharedMemPerMultiprocessor = kMultiprocessorShared;
  p->reservedSharedMemPerBlock = kReservedShared;
  p->regsPerBlock = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 0x7fffffff;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = 9;
  p->minor = 0;
  p->multiProcessorCount = multiprocessors();
  p->maxThreadsPerMultiProcessor = kMultiprocessorThreads;
  p->maxBlocksPerMultiProcessor = kMultiprocessorBlocks;
  p->l2CacheSize = 4 << 20;
  p->cooperativeLaunch = 1;
  p->memoryPoolsSupported = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (!value) return result(cudaErrorInvalidValue);
  cudaDeviceProp p;
  const cudaError_t error = cudaGetDeviceProperties(&p, device);
  if (error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = static_cast<int>(p.sharedMemPerBlock); break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(p.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrCooperativeLaunch: *value = p.cooperativeLaunch; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(p.sharedMemPerBlockOptin); break;
    case cudaDevAttrReservedSharedMemoryPerBlock: *value = static_cast<int>(p.reservedSharedMemPerBlock); break;
    case cudaDevAttrMemoryPoolsSupported: *value = p.memoryPoolsSupported; break;
    case cudaDevAttrClusterLaunch: *value = 1; break;
    default: return result(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  last_error = simulator.sticky;  // a sticky one cannot be taken away
  return error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define RBN_SIMULATOR_NAME(name, value) \
  case name: return #name;
    RBN_SIMULATOR_ERRORS(RBN_SIMULATOR_NAME)
#undef RBN_SIMULATOR_NAME
  }
  return "unrecognized error code";
}

// With what the simulator knows of it: which thread, which line.
const char* cudaGetErrorString(cudaError_t error) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  const bool explained = error != cudaSuccess && (error == simulator.sticky || error == last_error) &&
                         simulator.message[0] != '\0';
  return explained ? simulator.message : cudaGetErrorName(error);
}

}  // extern "C"
