// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A CUDA graph with the memory that its calls work in. Such memory is not the pool's: a graph would make nodes of
// stream-ordered allocations, and what is timed is to be kernels alone.
#ifndef RBN_CUDA_RUNTIME_RECORDING_H_
#define RBN_CUDA_RUNTIME_RECORDING_H_

#include <cuda_runtime.h>
#include <stdint.h>

#include <vector>

struct RbnRecording {
  int device = 0;
  cudaGraphExec_t graph = nullptr;

  RbnRecording() = default;
  RbnRecording(const RbnRecording&) = delete;
  RbnRecording& operator=(const RbnRecording&) = delete;
  ~RbnRecording();

  // Memory for the calls that are being recorded. They run in their order, so that a later one gets what an earlier one
  // has given back, as from the pool.
  cudaError_t take(uint64_t bytes, void** pointer);
  cudaError_t give(void* pointer);

 private:
  struct Block {
    void* memory;
    uint64_t bytes;
    bool taken;
  };
  std::vector<Block> blocks_;
};

#endif  // RBN_CUDA_RUNTIME_RECORDING_H_
