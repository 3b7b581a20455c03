// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Pinned host memory, which the device fills by itself while the host goes on. Pieces are kept and used again: to
// pin memory takes longer than most kernels, and to free it waits for all that was put on the device.
#ifndef RBN_CUDA_RUNTIME_STAGING_H_
#define RBN_CUDA_RUNTIME_STAGING_H_

#include <cuda_runtime.h>
#include <stdint.h>

namespace rbn {

// A piece of it. Its methods may be called by any thread, one at a time.
class Staging {
 public:
  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() { give_back(); }

  // At most once. `bytes` > 0.
  cudaError_t take(uint64_t bytes);
  // Nobody may be copying any more. Again is allowed.
  void give_back();
  void* memory() const { return memory_; }

 private:
  void* memory_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_STAGING_H_
