// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The rest of the CUDA runtime: memory, copies, the device's properties and errors, and the checks that a
// driver makes before it launches a kernel. The device is an invented small GPU of compute capability 9.0.
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "include/simulator/control.h"
#include "simulator.h"

namespace rbn {
namespace simulator {

// Few, so that a cooperative grid that fills the device stays quick. Under TSan every thread of one costs
// about a millisecond, once a process.
int multiprocessors() { return under_tsan() ? 1 : 8; }

constexpr int kMultiprocessorThreads = 2048;
constexpr int kMultiprocessorBlocks = 32;
constexpr size_t kMultiprocessorShared = 228 * 1024;
constexpr size_t kReservedShared = 1024;  // that the driver takes a block
constexpr int kVersion = 13000;

int occupancy(unsigned block_threads, size_t shared_bytes) {
  const int by_threads = kMultiprocessorThreads / static_cast<int>((block_threads + 31) / 32 * 32);
  const int by_shared = static_cast<int>(kMultiprocessorShared / (shared_bytes + kReservedShared));
  return std::min({by_threads, by_shared, kMultiprocessorBlocks});
}

namespace {

cudaError_t refuse(Simulator& simulator, cudaError_t error, const std::string& message) {
  simulator.set_message(message);
  return result(error);
}

cudaError_t check_launch(Simulator& simulator, const LaunchConfig& c, const void* kernel) {
  const auto text = [](const dim3& d) {
    return "[" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + "]";
  };
  const uint64_t threads = 1ull * c.block.x * c.block.y * c.block.z;
  const uint64_t blocks = 1ull * c.grid.x * c.grid.y * c.grid.z;
  if (blocks == 0 || c.grid.x > 0x7fffffffu || c.grid.y > 65535 || c.grid.z > 65535) {
    return refuse(simulator, cudaErrorInvalidConfiguration,
                  "grid: expected from [1, 1, 1] to [2147483647, 65535, 65535], received " + text(c.grid));
  }
  if (threads == 0 || threads > 1024 || c.block.z > 64) {
    return refuse(simulator, cudaErrorInvalidConfiguration,
                  "block: expected from 1 to 1024 threads, at most 64 along z, received " + text(c.block));
  }
  const auto opted = simulator.dynamic_shared_limit.find(kernel);
  const size_t limit =
      opted == simulator.dynamic_shared_limit.end() ? kDynamicSharedDefault : static_cast<size_t>(opted->second);
  if (c.shared_bytes > limit) {
    return refuse(simulator, cudaErrorInvalidValue,
                  "shared_bytes: expected at most " + std::to_string(limit) +
                      " (cudaFuncSetAttribute raises it up to " + std::to_string(kSharedLimit) +
                      "), received " + std::to_string(c.shared_bytes));
  }
  const unsigned largest = simulator.large_clusters.count(kernel) ? 16 : 8;
  if (c.cluster == 0 || c.cluster > largest || c.grid.x % c.cluster != 0) {
    return refuse(simulator, cudaErrorInvalidConfiguration,
                  "cluster: expected 1 to " + std::to_string(largest) + " blocks that divide grid.x, received " +
                      std::to_string(c.cluster) + " of " + std::to_string(c.grid.x));
  }
  const uint64_t resident =
      static_cast<uint64_t>(occupancy(static_cast<unsigned>(threads), c.shared_bytes)) * multiprocessors();
  if (c.cooperative && blocks > resident) {
    return refuse(simulator, cudaErrorCooperativeLaunchTooLarge,
                  "grid: " + std::to_string(blocks) + " cooperative blocks, but the device holds " +
                      std::to_string(resident) + " at a time");
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t enqueue_launch(const LaunchConfig& config, const void* kernel, std::unique_ptr<KernelCall> call,
                           const Argument* arguments, size_t count) {
  RBN_SIMULATOR_ENTER();
  rbn_simulator_stream* const stream = simulator.resolve(config.stream);
  if (!stream) return refuse(simulator, cudaErrorInvalidResourceHandle, "stream: is none, or is destroyed");
  const cudaError_t error = check_launch(simulator, config, kernel);
  if (error != cudaSuccess) return error;
  std::vector<const char*> used;
  for (size_t i = 0; i < count; i++) {
    const std::string wrong = simulator.memory.check_argument(arguments[i], i, &used);
    // A GPU takes the pointer and fails when the kernel uses it.
    if (!wrong.empty()) {
      simulator.note_failure(cudaErrorIllegalAddress, wrong);
      simulator.drop_queues();
      return result(simulator.sticky);
    }
  }
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());

  Operation operation;
  const uint64_t seed = simulator.seed * 1000003 + simulator.launches++;
  // The operation alone owns the call, and ends on the stream: see Simulator::step.
  operation.run = [&simulator, config, call = std::shared_ptr<const KernelCall>(std::move(call)), seed, stream,
                   used] {
    Grid grid(config, *call, seed, stream->pool);
    const cudaError_t error = grid.run();
    if (error != cudaSuccess) return simulator.note_failure(error, grid.message());
    for (const char* p : used) {
      const Allocation* const a = simulator.memory.find(p);
      const std::string wrong = a ? simulator.memory.check_redzones(*a) : "";
      if (!wrong.empty()) return simulator.note_failure(cudaErrorIllegalAddress, wrong);
    }
  };
  simulator.enqueue(config.stream, std::move(operation));
  return result(simulator.sticky);
}

namespace {

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
    return refuse(simulator, cudaErrorInvalidMemcpyDirection, "kind: is none");
  }
  const bool to_device = *kind == cudaMemcpyHostToDevice || *kind == cudaMemcpyDeviceToDevice;
  const bool from_device = *kind == cudaMemcpyDeviceToHost || *kind == cudaMemcpyDeviceToDevice;
  if (to_device ? !memory.holds(to, bytes) : !to || memory.is_device(to)) {
    return refuse(simulator, cudaErrorInvalidValue,
                  std::string("copy, to: expected ") + std::to_string(bytes) + " bytes of " +
                      (to_device ? "device" : "host") + " memory");
  }
  if (from_device ? !memory.holds(from, bytes) : !from || memory.is_device(from)) {
    return refuse(simulator, cudaErrorInvalidValue,
                  std::string("copy, from: expected ") + std::to_string(bytes) + " bytes of " +
                      (from_device ? "device" : "host") + " memory");
  }
  return cudaSuccess;
}

bool is_pinned(const Simulator& simulator, const void* p) {
  auto next = simulator.pinned.upper_bound(const_cast<char*>(static_cast<const char*>(p)));
  if (next == simulator.pinned.begin()) return false;
  --next;
  return static_cast<const char*>(p) < next->first + next->second;
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
  simulator.pinned[static_cast<char*>(*pointer)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* pointer) {
  RBN_SIMULATOR_ENTER();
  if (!pointer) return cudaSuccess;
  simulator.finish_all();
  if (simulator.pinned.erase(static_cast<char*>(pointer)) == 0) return result(cudaErrorInvalidValue);
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
  Operation operation;
  if (kind == cudaMemcpyHostToDevice && !is_pinned(simulator, from)) {
    // Pageable memory may be used again when the call returns.
    auto copy = std::make_shared<std::vector<char>>(static_cast<const char*>(from),
                                                    static_cast<const char*>(from) + bytes);
    operation.run = [=] { memcpy(to, copy->data(), bytes); };
  } else {
    // What the host reads before it synchronises is wrong, not the result of the last time.
    if (simulator.defer && kind == cudaMemcpyDeviceToHost) fill_garbage(to, bytes);
    operation.run = [=] { memmove(to, from, bytes); };
  }
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
    return refuse(simulator, cudaErrorInvalidValue,
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

// One pool, that keeps nothing: freed memory is held back in another way.
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
  return pool == default_pool() ? cudaMallocAsync(pointer, bytes, stream) : result(cudaErrorInvalidValue);
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
                                       : simulator.memory.live_bytes();
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  RBN_SIMULATOR_ENTER();
  return pool == default_pool() ? cudaSuccess : result(cudaErrorInvalidValue);
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

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  RBN_SIMULATOR_ENTER();
  if (!function) return result(cudaErrorInvalidDeviceFunction);
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
    if (value < 0 || static_cast<size_t>(value) > kSharedLimit) return result(cudaErrorInvalidValue);
    simulator.dynamic_shared_limit[function] = value;
  } else if (attribute == cudaFuncAttributeNonPortableClusterSizeAllowed) {
    if (value) simulator.large_clusters.insert(function);
    else simulator.large_clusters.erase(function);
  } else if (attribute != cudaFuncAttributePreferredSharedMemoryCarveout) {
    return result(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  RBN_SIMULATOR_ENTER();
  if (!attributes) return result(cudaErrorInvalidValue);
  if (!function) return result(cudaErrorInvalidDeviceFunction);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  const auto opted = simulator.dynamic_shared_limit.find(function);
  attributes->maxDynamicSharedSizeBytes = opted == simulator.dynamic_shared_limit.end()
                                              ? static_cast<int>(kDynamicSharedDefault)
                                              : opted->second;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int block_threads, size_t dynamic_shared_bytes) {
  RBN_SIMULATOR_ENTER();
  if (!blocks || block_threads <= 0) return result(cudaErrorInvalidValue);
  if (!function) return result(cudaErrorInvalidDeviceFunction);
  *blocks = block_threads > 1024 ? 0 : occupancy(static_cast<unsigned>(block_threads), dynamic_shared_bytes);
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
