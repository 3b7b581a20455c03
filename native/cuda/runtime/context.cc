// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opening and closing a context, and its memory.
#include "context.h"

#include "recording.h"

RbnContext::RbnContext() = default;

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
    (void)cublas.release();
    (void)cudnn.release();
    return;
  }
  if (recording) {
    cudaGraph_t graph = nullptr;
    (void)cudaStreamEndCapture(stream, &graph);
    if (graph) (void)cudaGraphDestroy(graph);
    recording.reset();
  }
  for (const auto& allocation : allocations)
    (void)cudaFreeAsync(const_cast<void*>(allocation.first), stream);
  if (stream) {
    (void)cudaStreamSynchronize(stream);
    cudnn.reset();
    cublas.reset();
    (void)cudaStreamDestroy(stream);
  }
  if (pool) (void)cudaMemPoolDestroy(pool);
  (void)cudaGetLastError();
}

cudaError_t RbnContext::allocate(uint64_t bytes, void** pointer) {
  *pointer = nullptr;
  if (failing > 0 && --failing == 0) return cudaErrorMemoryAllocation;
  if (limit > 0 && (bytes > limit || used > limit - bytes)) return cudaErrorMemoryAllocation;
  // The runtime rounds sizes up: close to 2^64 that would wrap.
  if (bytes > INT64_MAX) return cudaErrorMemoryAllocation;
  if (recording) return recording->take(bytes, pointer);
  cudaError_t code = cudaMallocFromPoolAsync(pointer, bytes, pool, stream);
  if (code == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    code = trim();
    if (code == cudaSuccess) code = cudaMallocFromPoolAsync(pointer, bytes, pool, stream);
  }
  if (code != cudaSuccess) return code;
  used += bytes;
  if (used > peak) peak = used;
  return cudaSuccess;
}

cudaError_t RbnContext::trim() {
  const cudaError_t code = cudaStreamSynchronize(stream);
  return code == cudaSuccess ? cudaMemPoolTrimTo(pool, 0) : code;
}

cudaError_t RbnContext::release(void* pointer, uint64_t bytes) {
  if (recording) return recording->give(pointer);
  used -= bytes;
  return cudaFreeAsync(pointer, stream);
}
