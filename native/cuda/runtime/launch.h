// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The one way a kernel is launched and shared memory is declared, so that the same .cu files are
// compiled by nvcc for the device and by g++ for the simulator. Included by .cu files only.
#ifndef RBN_CUDA_RUNTIME_LAUNCH_H_
#define RBN_CUDA_RUNTIME_LAUNCH_H_

#ifdef RBN_SIMULATOR
#include "simulator/launch.h"
#else

#include <cuda_runtime.h>
#include <stddef.h>

#include <utility>

// `count` elements of T in static shared memory; inside a kernel or a device function.
#define RBN_SHARED(T, name, count) __shared__ T name[count]

// LaunchConfig::shared_bytes bytes as elements of T. 16 bytes: the widest load. The name of the
// array is shared by all kernels of a file, so its type may not depend on T.
#define RBN_DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char rbn_dynamic_shared_bytes[]; \
  T* const name = reinterpret_cast<T*>(rbn_dynamic_shared_bytes)

namespace rbn {

struct LaunchConfig {
  dim3 grid, block;
  size_t shared_bytes = 0;  // dynamic; above 48 KiB the kernel must have opted in (allow_shared)
  cudaStream_t stream = nullptr;
  bool cooperative = false;
  unsigned cluster = 1;  // blocks a cluster
};

template <class... P, class... A>
cudaError_t launch(const LaunchConfig& config, void (*kernel)(P...), A&&... arguments) {
  cudaLaunchAttribute attributes[2];
  cudaLaunchConfig_t native = {};
  native.gridDim = config.grid;
  native.blockDim = config.block;
  native.dynamicSmemBytes = config.shared_bytes;
  native.stream = config.stream;
  native.attrs = attributes;
  if (config.cooperative) {
    attributes[native.numAttrs].id = cudaLaunchAttributeCooperative;
    attributes[native.numAttrs++].val.cooperative = 1;
  }
  if (config.cluster > 1) {
    attributes[native.numAttrs].id = cudaLaunchAttributeClusterDimension;
    attributes[native.numAttrs++].val.clusterDim = {config.cluster, 1, 1};
  }
  return cudaLaunchKernelEx(&native, kernel, std::forward<A>(arguments)...);
}

}  // namespace rbn

#endif  // RBN_SIMULATOR
#endif  // RBN_CUDA_RUNTIME_LAUNCH_H_
