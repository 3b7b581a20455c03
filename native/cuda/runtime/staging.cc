// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The pieces of pinned memory that nobody uses, by their sizes. They belong to the process: with unified addressing
// all devices reach them, whichever was current when they were made.
#include "staging.h"

#include <map>
#include <mutex>
#include <new>

namespace rbn {
namespace {

// Sizes are powers of two from a page on, so that reads of like sizes share pieces; larger ones are not kept.
constexpr uint64_t kSmallest = 4096;
constexpr uint64_t kMostKept = uint64_t{64} << 20;  // in all

struct Store {
  std::mutex mutex;
  std::multimap<uint64_t, void*> pieces;
  uint64_t bytes = 0;
};

// Never destroyed: reads may end while the process does.
Store& store() {
  static Store* const only = new Store;
  return *only;
}

uint64_t size_of_piece(uint64_t bytes) {
  if (bytes > kMostKept) return bytes;
  uint64_t size = kSmallest;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

cudaError_t Staging::take(uint64_t bytes) {
  const uint64_t size = size_of_piece(bytes);
  Store& s = store();
  {
    const std::lock_guard<std::mutex> lock(s.mutex);
    const auto found = s.pieces.find(size);
    if (found != s.pieces.end()) {
      memory_ = found->second;
      s.pieces.erase(found);
      s.bytes -= size;
    }
  }
  if (!memory_) {
    const cudaError_t code = cudaMallocHost(&memory_, size);
    if (code != cudaSuccess) return code;
  }
  bytes_ = size;
  return cudaSuccess;
}

void Staging::give_back() {
  void* const memory = memory_;
  memory_ = nullptr;
  if (!memory) return;
  Store& s = store();
  try {
    const std::lock_guard<std::mutex> lock(s.mutex);
    if (s.bytes + bytes_ <= kMostKept) {
      s.pieces.emplace(bytes_, memory);
      s.bytes += bytes_;
      return;
    }
  } catch (const std::bad_alloc&) {
    // No room to remember it: it is freed.
  }
  (void)cudaFreeHost(memory);
}

}  // namespace rbn
