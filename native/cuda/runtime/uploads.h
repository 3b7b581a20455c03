// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Copies from the host's memory to the device, on the way through pinned memory. From pageable memory CUDA promises
// neither that it has been read when the call returns nor that the call does not wait for the stream.
#ifndef RBN_CUDA_RUNTIME_UPLOADS_H_
#define RBN_CUDA_RUNTIME_UPLOADS_H_

#include <cuda_runtime.h>
#include <stdint.h>

#include <deque>
#include <memory>

namespace rbn {

class Uploads {
 public:
  Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;
  ~Uploads();  // waits for the copies

  // Has read `from` when it returns, and waits only where too much is under way. `bytes` > 0.
  cudaError_t copy(void* to, const void* from, uint64_t bytes, cudaStream_t stream);

 private:
  struct Piece;  // that the device may still read
  cudaError_t copy_piece(void* to, const void* from, uint64_t bytes, cudaStream_t stream);

  std::deque<std::unique_ptr<Piece>> pieces_;  // in the stream's order
  uint64_t bytes_ = 0;
};

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_UPLOADS_H_
