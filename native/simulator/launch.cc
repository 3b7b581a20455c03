// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Launches: the checks that a driver makes before it takes a kernel, and the kernel's attributes.
#include <algorithm>
#include <new>

#include "simulator.h"

namespace rbn {
namespace simulator {

// Few, so that a cooperative grid that fills the device stays quick. Under TSan every thread of one costs
// about a millisecond, once a process.
int multiprocessors() { return under_tsan() ? 1 : 8; }

int occupancy(unsigned block_threads, size_t shared_bytes) {
  const int by_threads = kMultiprocessorThreads / static_cast<int>((block_threads + 31) / 32 * 32);
  const int by_shared = static_cast<int>(kMultiprocessorShared / (shared_bytes + kReservedShared));
  return std::min({by_threads, by_shared, kMultiprocessorBlocks});
}

namespace {

cudaError_t check_launch(Simulator& simulator, const LaunchConfig& c, const void* kernel) {
  const auto text = [](const dim3& d) {
    return "[" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + "]";
  };
  const uint64_t threads = 1ull * c.block.x * c.block.y * c.block.z;
  const uint64_t blocks = 1ull * c.grid.x * c.grid.y * c.grid.z;
  if (blocks == 0 || c.grid.x > 0x7fffffffu || c.grid.y > 65535 || c.grid.z > 65535) {
    return refuse(cudaErrorInvalidConfiguration,
                  "grid: expected from [1, 1, 1] to [2147483647, 65535, 65535], received " + text(c.grid));
  }
  if (threads == 0 || threads > 1024 || c.block.z > 64) {
    return refuse(cudaErrorInvalidConfiguration,
                  "block: expected from 1 to 1024 threads, at most 64 along z, received " + text(c.block));
  }
  const auto opted = simulator.dynamic_shared_limit.find(kernel);
  const size_t limit =
      opted == simulator.dynamic_shared_limit.end() ? kDynamicSharedDefault : static_cast<size_t>(opted->second);
  if (c.shared_bytes > limit) {
    return refuse(cudaErrorInvalidValue,
                  "shared_bytes: expected at most " + std::to_string(limit) +
                      " (cudaFuncSetAttribute raises it up to " + std::to_string(kSharedLimit) +
                      "), received " + std::to_string(c.shared_bytes));
  }
  const unsigned largest = simulator.large_clusters.count(kernel) ? 16 : 8;
  if (c.cluster == 0 || c.cluster > largest || c.grid.x % c.cluster != 0) {
    return refuse(cudaErrorInvalidConfiguration,
                  "cluster: expected 1 to " + std::to_string(largest) + " blocks that divide grid.x, received " +
                      std::to_string(c.cluster) + " of " + std::to_string(c.grid.x));
  }
  const uint64_t resident =
      static_cast<uint64_t>(occupancy(static_cast<unsigned>(threads), c.shared_bytes)) * multiprocessors();
  if (c.cooperative && blocks > resident) {
    return refuse(cudaErrorCooperativeLaunchTooLarge,
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
  if (!stream) return refuse(cudaErrorInvalidResourceHandle, "stream: is none, or is destroyed");
  const cudaError_t error = check_launch(simulator, config, kernel);
  if (error != cudaSuccess) return error;
  // What a kernel declares counts, too; a driver knows it at the launch, the simulator when the kernel comes to it.
  const size_t shared_limit = simulator.dynamic_shared_limit.count(kernel) ? kSharedLimit : kDynamicSharedDefault;
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
  const uint64_t seed = simulator.seed * 1000003 + simulator.launches;
  simulator.last_launches[simulator.launches++ % std::size(simulator.last_launches)] = {
      config.grid.x, config.grid.y, config.block.x, config.block.y, config.shared_bytes};
  // The operation alone owns the call, and ends on the stream: see Simulator::step.
  operation.run = [&simulator, config, call = std::shared_ptr<const KernelCall>(std::move(call)), seed, stream,
                   used, shared_limit] {
    if (simulator.fail_launch > 0 && --simulator.fail_launch == 0) {
      return simulator.note_failure(cudaErrorLaunchFailure, "made to fail");
    }
    try {
      Grid grid(config, *call, seed, stream->pool, shared_limit);
      const cudaError_t error = grid.run();
      if (error != cudaSuccess) return simulator.note_failure(error, grid.message());
    } catch (const std::bad_alloc&) {
      return simulator.note_failure(cudaErrorLaunchOutOfResources, "no room for the stacks of all threads");
    }
    for (const char* p : used) {
      const Allocation* const a = simulator.memory.find(p);
      const std::string wrong = a ? simulator.memory.check_redzones(*a) : "";
      if (!wrong.empty()) return simulator.note_failure(cudaErrorIllegalAddress, wrong);
    }
  };
  simulator.enqueue(config.stream, std::move(operation));
  return result(simulator.sticky);
}

}  // namespace simulator
}  // namespace rbn

using namespace rbn::simulator;

extern "C" {

uint64_t rbn_simulator_launches(rbn_simulator_launch* last, uint64_t count) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  constexpr uint64_t kKept = std::size(decltype(simulator.last_launches){});
  for (uint64_t i = 0; i < std::min({count, kKept, simulator.launches}); i++) {
    last[i] = simulator.last_launches[(simulator.launches - 1 - i) % kKept];
  }
  return simulator.launches;
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

}  // extern "C"
