// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A running grid: its threads, warps and blocks, what they wait for, and the order in which they go on.
// One host thread runs all of a launch.
#ifndef RBN_SIMULATOR_GRID_H_
#define RBN_SIMULATOR_GRID_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "fiber.h"
#include "include/simulator/launch.h"

namespace rbn {
namespace simulator {

constexpr size_t kStaticSharedLimit = 48 * 1024;          // as ptxas
constexpr size_t kDynamicSharedDefault = 48 * 1024;       // without opt-in
constexpr size_t kSharedLimit = 227 * 1024;               // a block, with opt-in (sm_90)
constexpr size_t kSharedGap = 64;                         // between two arrays; poisoned, and checked

// xorshift64*: a schedule needs to be mixed and repeatable, no more.
class Random {
 public:
  explicit Random(uint64_t seed) : state_((seed + 1) * 0x9e3779b97f4a7c15u | 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }

 private:
  uint64_t state_;
};

// Two places in turn: a thread that leaves a barrier late must not take over what others released on
// arriving at the next one.
struct SyncPair {
  char place[2];
};

// The shared memory of one block, and what its barriers tell TSan.
struct SharedMemory {
  SharedMemory();
  ~SharedMemory();
  char* data;
  SyncPair block_sync, cluster_sync;
  struct WarpSync {
    unsigned mask, phase;
    SyncPair sync;
  };
  WarpSync warp_syncs[32][4];  // 4 masks a warp; more share the last, which orders too much
};

// Carries order from one group of blocks to the next that uses the same fibers and memory. Two places,
// because threads of the same group must not get it from each other.
struct SetSync {
  SyncPair places = {};
  unsigned uses = 0;
};

// What is kept between launches of one stream: fibers, and shared memory. Under TSan blocks that run one
// after another get different ones as long as there are enough (see Grid::kTsanThreads), because what
// shares a fiber or memory must be ordered for it.
struct ExecutionPool {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<std::unique_ptr<SharedMemory>> shared;
  std::vector<std::unique_ptr<SetSync>> sets;
};

struct Block;

enum class State { kReady, kBlockBarrier, kClusterBarrier, kGridBarrier, kWarp, kExited };

struct Thread {
  ThreadIndices indices;
  Block* block;
  Fiber* fiber;
  unsigned index;  // in the block
  State state;
  bool fresh;      // has not run yet
  Site site;       // where it waits
  WarpArgument argument;
  uint64_t result;
  // Fences: what waits for the next atomic, and the last atomics, for the next fence.
  bool fenced_block, fenced_device;
  const void* atomics[4];
  unsigned atomic_count;

  unsigned lane() const { return index % 32; }
};

// Threads that wait at one barrier.
struct Barrier {
  unsigned arrived, phase;
  Site site;
};

struct Block {
  uint3 index;
  Thread* threads;
  unsigned thread_count;
  unsigned cluster_rank;
  Block* cluster;  // its first block
  SharedMemory* shared;
  uint64_t materialised;  // bit i: this block has begun to use arrays_[i]
  unsigned exited;
  unsigned waiting[32];   // lanes that wait for their warp, a warp
  Barrier barrier, cluster_barrier;
  int predicates;         // of __syncthreads_*: how many were true
  int last_predicates;    // at the barrier before
};

std::string text(const Site& site);  // file:line

class Grid {
 public:
  // Past this many threads a launch, TSan's fibers are used again: they cost about a millisecond each.
  static constexpr size_t kTsanThreads = 1024;

  // `shared_limit`: bytes of shared memory that a block may have, static and dynamic together.
  Grid(const LaunchConfig& config, const KernelCall& call, uint64_t seed, ExecutionPool& pool,
       size_t shared_limit)
      : config_(config), call_(call), random_(seed), pool_(pool), shared_limit_(shared_limit) {}

  // cudaSuccess, or what a thread did wrong; message() then says what and where.
  cudaError_t run();
  const std::string& message() const { return message_; }

  // Called by device code.
  static Grid& running() { return *running_; }
  int block_barrier(Vote vote, int predicate, Site site);
  void grid_barrier(Site site);
  void cluster_barrier(Site site);
  uint64_t warp_meet(const WarpArgument& argument, Site site);
  void* shared_array(const void* key, size_t bytes, size_t alignment);
  void* dynamic_shared(size_t alignment);
  void* map_shared(void* p, unsigned rank, Site site);
  void fence(Scope scope);
  void before_atomic(const void* address);
  void after_atomic(const void* address);
  const Block& block() const { return *thread_->block; }
  unsigned cluster_blocks() const { return config_.cluster; }

 private:
  struct StaticArray {
    const void* key;
    size_t offset, bytes;
  };

  static void thread_body();
  void run_group(uint64_t group, unsigned blocks, size_t set);
  void set_up_block(unsigned slot, uint64_t linear, size_t set);
  void retire_block(Block& block);
  void abandon_group();
  void make_ready(Thread* thread);
  // Waits until all `count` threads from `first` have come.
  void pass(Barrier& barrier, State state, Site site, Thread* first, unsigned count, SyncPair& sync);
  uint64_t warp_result(const Thread* lanes, unsigned lane) const;
  void take_turns();
  bool in_shared(const void* p) const;
  void materialise(Block& block, size_t array);
  [[noreturn]] void fail(cudaError_t error, const std::string& what);
  std::string diagnosis() const;

  const LaunchConfig& config_;
  const KernelCall& call_;
  Random random_;
  ExecutionPool& pool_;
  const size_t shared_limit_;

  static __thread Grid* running_;
  SwitchPoint scheduler_;
  Thread* thread_ = nullptr;  // that runs now
  // Nothing here grows while threads run: they must not allocate (TSan would see it).
  std::vector<Thread> threads_;  // of the blocks that are resident
  std::vector<Block> blocks_;
  std::vector<Thread*> ready_;   // the first ready_count_; no thread is in it twice
  uint32_t ready_count_ = 0;
  uint32_t window_ = 0;          // the next one is drawn from so many that became ready last
  size_t exited_ = 0;
  Barrier grid_barrier_ = {};
  SyncPair grid_sync_ = {};
  uint64_t turns_ = 0;           // taken since somebody got on
  StaticArray arrays_[64];       // the layout of static shared memory, the same in all blocks
  size_t array_count_ = 0, shared_bytes_ = 0, shared_end_ = 0;
  const char *set_before_ = nullptr, *set_after_ = nullptr;  // see SetSync
  char begin_sync_, end_sync_;
  cudaError_t error_ = cudaSuccess;
  std::string message_;
};

}  // namespace simulator
}  // namespace rbn

#endif  // RBN_SIMULATOR_GRID_H_
