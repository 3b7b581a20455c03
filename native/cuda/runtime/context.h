// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One device, one stream and one pool of stream-ordered memory. The pool is the context's own: the
// device's default pool belongs to the whole process.
#ifndef RBN_CUDA_RUNTIME_CONTEXT_H_
#define RBN_CUDA_RUNTIME_CONTEXT_H_

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <unordered_map>

#include "../engine.h"
#include "../libraries/cublas.h"
#include "../libraries/cudnn.h"
#include "uploads.h"

struct RbnContext {
  int device = 0;
  int shared_bytes = 0;  // dynamic shared memory that a block may opt in to
  cudaStream_t stream = nullptr;
  cudaMemPool_t pool = nullptr;
  bool synchronous = false;  // calls wait for their kernels
  bool lost = false;  // a sticky error was seen: nothing works on this device any more

  std::unordered_map<const void*, uint64_t> allocations;  // bytes of those that callers hold
  uint64_t used = 0, peak = 0;  // bytes, workspaces included
  uint64_t limit = 0;           // of `used`; 0: none
  uint64_t failing = 0;         // the failing-th allocation from now fails; 0: none

  rbn::Uploads uploads;

  // What is put on the stream goes into this; null at other times. See recording.cc.
  std::unique_ptr<RbnRecording> recording;

  std::unique_ptr<rbn::Cublas> cublas;  // null: plain kernels do its work
  std::unique_ptr<rbn::Cudnn> cudnn;
  int32_t products = RBN_PRODUCTS_EXACT;

  RbnContext();
  RbnContext(const RbnContext&) = delete;
  RbnContext& operator=(const RbnContext&) = delete;
  ~RbnContext();

  cudaError_t open(int device);
  // `bytes` > 0. Trims before it reports a lack of memory.
  cudaError_t allocate(uint64_t bytes, void** pointer);
  // Waits for the stream and gives the pool's unused memory back to the device, where libraries can have it.
  cudaError_t trim();
  // Usable again by later work on the stream. `bytes` as they were allocated.
  cudaError_t release(void* pointer, uint64_t bytes);
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
    if (memory_) (void)context_->release(memory_, bytes_);
  }

  // At most once. A workspace of no bytes has no memory.
  cudaError_t allocate(uint64_t bytes) {
    bytes_ = bytes;
    return bytes > 0 ? context_->allocate(bytes, &memory_) : cudaSuccess;
  }
  void* memory() const { return memory_; }

 private:
  RbnContext* context_;
  void* memory_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_CONTEXT_H_
