// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opening and closing a context, and its memory.
#include "context.h"

cudaError_t RbnContext::open(int number) {
  device = number;
  cudaError_t code = cudaSetDevice(device);
  if (code != cudaSuccess) return code;
  code = cudaDeviceGetAttribute(&shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (code != cudaSuccess) return code;
  code = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  if (code != cudaSuccess) return code;
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  code = cudaMemPoolCreate(&pool, &properties);
  if (code != cudaSuccess) return code;
  // Memory that was released stays in the pool, so that a training step after the first allocates
  // nothing from the driver.
  uint64_t threshold = UINT64_MAX;
  return cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold);
}

RbnContext::~RbnContext() {
  // Errors have nobody to go to here; after a sticky one the driver frees everything with the
  // process.
  if (cudaSetDevice(device) != cudaSuccess) {
    (void)cudaGetLastError();
    return;
  }
  for (void* pointer : allocations) (void)cudaFreeAsync(pointer, stream);
  if (stream) {
    (void)cudaStreamSynchronize(stream);
    (void)cudaStreamDestroy(stream);
  }
  if (pool) (void)cudaMemPoolDestroy(pool);
  (void)cudaGetLastError();
}

cudaError_t RbnContext::allocate(size_t bytes, void** pointer) {
  cudaError_t code = cudaMallocFromPoolAsync(pointer, bytes, pool, stream);
  if (code != cudaErrorMemoryAllocation) return code;
  (void)cudaGetLastError();
  code = cudaStreamSynchronize(stream);
  if (code != cudaSuccess) return code;
  code = cudaMemPoolTrimTo(pool, 0);
  if (code != cudaSuccess) return code;
  return cudaMallocFromPoolAsync(pointer, bytes, pool, stream);
}

cudaError_t RbnContext::release(void* pointer) { return cudaFreeAsync(pointer, stream); }
