// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One device, one stream and one pool of stream-ordered memory. The pool is the context's own: the
// device's default pool belongs to the whole process.
#ifndef RBN_CUDA_RUNTIME_CONTEXT_H_
#define RBN_CUDA_RUNTIME_CONTEXT_H_

#include <cuda_runtime.h>
#include <stddef.h>

#include <unordered_set>

#include "../engine.h"

struct RbnContext {
  int device = 0;
  int shared_bytes = 0;  // dynamic shared memory that a block may opt in to
  cudaStream_t stream = nullptr;
  cudaMemPool_t pool = nullptr;
  std::unordered_set<void*> allocations;  // not released yet

  RbnContext() = default;
  RbnContext(const RbnContext&) = delete;
  RbnContext& operator=(const RbnContext&) = delete;
  ~RbnContext();

  cudaError_t open(int device);
  // `bytes` > 0. Waits for the stream and gives unused memory back before it reports a lack of
  // memory.
  cudaError_t allocate(size_t bytes, void** pointer);
  cudaError_t release(void* pointer);  // usable again by later work on the stream
};

namespace rbn {

// Temporary device memory of one call; released in stream order, so it may be destroyed while the
// kernels that use it still run.
class Workspace {
 public:
  explicit Workspace(RbnContext* context) : context_(context) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() {
    if (memory_) (void)context_->release(memory_);
  }

  cudaError_t allocate(size_t bytes) { return context_->allocate(bytes, &memory_); }
  void* memory() const { return memory_; }

 private:
  RbnContext* context_;
  void* memory_ = nullptr;
};

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_CONTEXT_H_
