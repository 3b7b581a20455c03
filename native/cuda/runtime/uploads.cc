// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Pieces of pinned memory, each with an event that says when it has been read.
#include "uploads.h"

#include <string.h>

#include <algorithm>

#include "staging.h"

namespace rbn {
namespace {

// Large copies go in pieces, so that the device copies one while the host fills the next.
constexpr uint64_t kPiece = uint64_t{8} << 20;
constexpr uint64_t kMostUnderWay = 4 * kPiece;

}  // namespace

struct Uploads::Piece {
  Staging staging;
  cudaEvent_t read = nullptr;
  uint64_t bytes = 0;

  ~Piece() {
    if (read) (void)cudaEventSynchronize(read);
    if (read) (void)cudaEventDestroy(read);
  }
};

Uploads::Uploads() = default;
Uploads::~Uploads() = default;

cudaError_t Uploads::copy(void* to, const void* from, uint64_t bytes, cudaStream_t stream) {
  for (uint64_t done = 0; done < bytes; done += kPiece) {
    const cudaError_t code = copy_piece(static_cast<char*>(to) + done, static_cast<const char*>(from) + done,
                                        std::min(kPiece, bytes - done), stream);
    if (code != cudaSuccess) return code;
  }
  return cudaSuccess;
}

cudaError_t Uploads::copy_piece(void* to, const void* from, uint64_t bytes, cudaStream_t stream) {
  while (!pieces_.empty()) {
    cudaError_t code = cudaEventQuery(pieces_.front()->read);
    if (code == cudaErrorNotReady) {
      (void)cudaGetLastError();
      if (bytes_ + bytes <= kMostUnderWay) break;
      code = cudaEventSynchronize(pieces_.front()->read);
    }
    if (code != cudaSuccess) return code;
    bytes_ -= pieces_.front()->bytes;
    pieces_.pop_front();
  }
  auto piece = std::make_unique<Piece>();
  cudaError_t code = piece->staging.take(bytes);
  if (code == cudaSuccess) code = cudaEventCreateWithFlags(&piece->read, cudaEventDisableTiming);
  if (code != cudaSuccess) return code;
  memcpy(piece->staging.memory(), from, bytes);
  code = cudaMemcpyAsync(to, piece->staging.memory(), bytes, cudaMemcpyHostToDevice, stream);
  if (code == cudaSuccess) code = cudaEventRecord(piece->read, stream);
  if (code != cudaSuccess) {
    (void)cudaStreamSynchronize(stream);  // the copy may be under way
    return code;
  }
  piece->bytes = bytes;
  bytes_ += bytes;
  pieces_.push_back(std::move(piece));
  return cudaSuccess;
}

}  // namespace rbn
