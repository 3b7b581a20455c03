// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Device memory: host memory with a redzone on both sides, filled with garbage, and held back for a
// while after it is freed. Under ASan redzones and freed memory are poisoned; without it redzones are
// checked after each launch and at the free.
#ifndef RBN_SIMULATOR_MEMORY_H_
#define RBN_SIMULATOR_MEMORY_H_

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/simulator/launch.h"

namespace rbn {
namespace simulator {

constexpr size_t kDeviceMemory = size_t{4} << 30;

// A piece of address space that allocations are cut from, one behind the other; given back as a whole.
struct Chunk {
  explicit Chunk(size_t bytes);
  ~Chunk();
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  char* begin;  // null where there is no room
  size_t bytes, used = 0;
};

struct Allocation {
  ~Allocation();
  std::shared_ptr<Chunk> chunk;
  char* raw = nullptr;  // with the redzones
  char* begin = nullptr;
  size_t bytes = 0;
  bool freed = false;  // by a call that was made; its stream may not have come to it yet
  char sync = 0;       // what the free must wait for, for TSan
};

class Memory {
 public:
  // null where there is no room.
  Allocation* allocate(size_t bytes);
  // Null, or what holds this address; one past the end counts.
  Allocation* find(const void* p) const;
  // The allocation that begins here and is not freed, or null.
  Allocation* find_begin(const void* p) const;
  // All of [p, p + bytes) is in one allocation that is not freed.
  bool holds(const void* p, size_t bytes) const;
  bool is_device(const void* p) const { return find(p) != nullptr; }
  // No new work may use it; bury() follows when the stream comes to it.
  void mark_freed(Allocation& a);
  void bury(Allocation& a);
  // "" or what was written outside of it.
  std::string check_redzones(const Allocation& a) const;

  // "" or why the driver or the GPU would not have this argument. Adds the allocations it points into.
  std::string check_argument(const Argument& argument, size_t index, std::vector<const char*>* used) const;

  size_t live_bytes() const { return live_bytes_; }
  size_t live_count() const { return live_count_; }

 private:
  std::map<uintptr_t, std::unique_ptr<Allocation>> all_;  // by begin; also the freed ones, for a while
  std::shared_ptr<Chunk> chunk_;  // that the next allocation is cut from
  std::deque<Allocation*> quarantine_;
  size_t quarantine_bytes_ = 0, live_bytes_ = 0, live_count_ = 0;
};

}  // namespace simulator
}  // namespace rbn

#endif  // RBN_SIMULATOR_MEMORY_H_
