// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Runs a grid group by group (a group is what must be resident together: a block, a cluster, or the whole
// cooperative grid), thread by thread, in an order drawn from the seed.
#include "grid.h"

#include <algorithm>
#include <new>
#include <numeric>
#include <utility>

#include <sys/mman.h>

namespace rbn {
namespace simulator {

__thread const ThreadIndices* self = nullptr;
__thread Grid* Grid::running_ = nullptr;

namespace {

// Dynamic and static arrays at most, with the gaps between them.
constexpr size_t kSharedSpace = kSharedLimit + 65 * (kSharedGap + 16);

// Turns that threads may take at atomics and fences without any of them getting on. Ten million take
// under a second; what still spins then waits for something that will not come.
constexpr uint64_t kTurns = 10'000'000;

std::string text(const uint3& v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}
bool same(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::string(a.file) == b.file);
}

const char* state_name(State state) {
  switch (state) {
    case State::kBlockBarrier: return "__syncthreads";
    case State::kClusterBarrier: return "cluster.sync";
    case State::kGridBarrier: return "grid.sync";
    case State::kWarp: return "a warp operation";
    default: return "nothing";
  }
}

}  // namespace

std::string text(const Site& site) { return std::string(site.file) + ":" + std::to_string(site.line); }

SharedMemory::SharedMemory() : warp_syncs() {
  void* p = mmap(nullptr, kSharedSpace, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  data = static_cast<char*>(p);
  poison(data, kSharedSpace);
}
SharedMemory::~SharedMemory() {
  unpoison(data, kSharedSpace);
  munmap(data, kSharedSpace);
}

cudaError_t Grid::run() {
  const dim3& g = config_.grid;
  const uint64_t total = 1ull * g.x * g.y * g.z;
  const unsigned group_blocks = config_.cooperative ? static_cast<unsigned>(total) : config_.cluster;
  const unsigned block_threads = config_.block.x * config_.block.y * config_.block.z;
  const uint64_t groups = total / group_blocks;
  threads_.resize(static_cast<size_t>(group_blocks) * block_threads);
  ready_.resize(threads_.size());
  blocks_.resize(group_blocks);
  const size_t sets =
      under_tsan() ? std::min<uint64_t>(groups, std::max<size_t>(1, kTsanThreads / threads_.size())) : 1;
  while (pool_.fibers.size() < sets * threads_.size()) {
    pool_.fibers.push_back(std::make_unique<Fiber>(&Grid::thread_body, pool_.fibers.size()));
  }
  while (pool_.shared.size() < sets * group_blocks) pool_.shared.push_back(std::make_unique<SharedMemory>());
  while (pool_.sets.size() < sets) pool_.sets.push_back(std::make_unique<SetSync>());
  // Some schedules let those run ahead that have just passed a barrier, while others starve.
  window_ = random_.below(2) ? UINT32_MAX : 8;

  // Steps of a length coprime to the number of groups: a permutation that needs no table.
  const uint32_t n = static_cast<uint32_t>(std::min<uint64_t>(groups, UINT32_MAX));
  uint64_t step = 1 + random_.below(n);
  while (std::gcd(step, groups) != 1) step++;
  uint64_t group = random_.below(n);

  running_ = this;
  release(&begin_sync_);
  for (uint64_t i = 0; i < groups && error_ == cudaSuccess; i++) {
    run_group(group, group_blocks, i % sets);
    group = (group + step) % groups;
  }
  acquire(&end_sync_);
  running_ = nullptr;
  self = nullptr;
  return error_;
}

void Grid::run_group(uint64_t group, unsigned blocks, size_t set) {
  SetSync& sync = *pool_.sets[set];
  set_before_ = &sync.places.place[sync.uses & 1];
  set_after_ = &sync.places.place[++sync.uses & 1];
  exited_ = ready_count_ = 0;
  turns_ = 0;
  grid_barrier_ = {};
  for (unsigned slot = 0; slot < blocks; slot++) set_up_block(slot, group * blocks + slot, set);
  for (Thread& t : threads_) make_ready(&t);
  while (ready_count_ > 0 && error_ == cudaSuccess) {
    const uint32_t next = ready_count_ - 1 - random_.below(std::min(ready_count_, window_));
    thread_ = ready_[next];
    ready_[next] = ready_[--ready_count_];
    self = &thread_->indices;
    thread_->fresh = false;
    thread_->fiber->enter(scheduler_);
    if (thread_->state == State::kExited && ++thread_->block->exited == thread_->block->thread_count) {
      retire_block(*thread_->block);
    }
  }
  if (error_ == cudaSuccess && exited_ != threads_.size()) {
    error_ = cudaErrorLaunchFailure;
    message_ = diagnosis();
  }
  if (error_ != cudaSuccess) abandon_group();
}

void Grid::set_up_block(unsigned slot, uint64_t linear, size_t set) {
  const dim3 &g = config_.grid, &b = config_.block;
  Block& block = blocks_[slot];
  block = {};
  block.index = {static_cast<unsigned>(linear % g.x), static_cast<unsigned>(linear / g.x % g.y),
                 static_cast<unsigned>(linear / g.x / g.y)};
  block.thread_count = b.x * b.y * b.z;
  block.threads = &threads_[static_cast<size_t>(slot) * block.thread_count];
  block.cluster_rank = slot % config_.cluster;
  block.cluster = &blocks_[slot - block.cluster_rank];
  block.shared = pool_.shared[set * blocks_.size() + slot].get();
  shared_end_ = std::max(shared_end_, config_.shared_bytes + kSharedGap);
  unpoison(block.shared->data, config_.shared_bytes);
  fill_garbage(block.shared->data, config_.shared_bytes);
  if (!under_asan()) fill_garbage(block.shared->data + config_.shared_bytes, kSharedGap);
  for (unsigned i = 0; i < block.thread_count; i++) {
    Thread& t = block.threads[i];
    t = {};
    t.indices = {{i % b.x, i / b.x % b.y, i / b.x / b.y}, block.index, b, g};
    t.block = &block;
    t.index = i;
    t.fiber = pool_.fibers[set * threads_.size() + static_cast<size_t>(slot) * block.thread_count + i].get();
    t.fresh = true;
  }
}

// Runs on a fiber, once a CUDA thread.
void Grid::thread_body() {
  Grid& grid = *running_;
  acquire(&grid.begin_sync_);
  acquire(grid.set_before_);
  grid.call_.run();
  release(grid.set_after_);
  release(&grid.end_sync_);
  grid.thread_->state = State::kExited;
  grid.exited_++;
  grid.turns_ = 0;
}

// The last thread of a block has exited: its shared memory is no more, also for others of its cluster.
void Grid::retire_block(Block& block) {
  char* const data = block.shared->data;
  if (!under_asan() && error_ == cudaSuccess) {
    size_t gaps[65], count = 0;
    gaps[count++] = config_.shared_bytes;
    for (size_t i = 0; i < array_count_; i++) {
      if (block.materialised >> i & 1) gaps[count++] = arrays_[i].offset + arrays_[i].bytes;
    }
    char expected[kSharedGap];
    fill_garbage(expected, kSharedGap);
    for (size_t i = 0; i < count; i++) {
      // By hand: memcmp would be seen by TSan.
      for (size_t j = 0; j < kSharedGap; j++) {
        if (static_cast<volatile char*>(data)[gaps[i] + j] == expected[j]) continue;
        error_ = cudaErrorIllegalAddress;
        message_ = "block " + text(block.index) + ": wrote " + std::to_string(j + 1) +
                   " bytes past the end of shared memory of " +
                   std::to_string(i == 0 ? config_.shared_bytes : gaps[i]) + " bytes";
        return;
      }
    }
  }
  if (config_.cluster > 1) {
    unpoison(data, shared_end_);
    fill_garbage(data, shared_end_);
  }
  poison(data, shared_end_);
}

// After an error: what is on the fibers' stacks is given up. Kernels own nothing that would leak.
void Grid::abandon_group() {
  for (Thread& t : threads_) {
    if (!t.fresh && t.state != State::kExited) t.fiber->abandon(&end_sync_);
  }
  for (Block& b : blocks_) poison(b.shared->data, shared_end_);
}

void Grid::make_ready(Thread* thread) {
  ready_[ready_count_++] = thread;
  thread->state = State::kReady;
}

void Grid::pass(Barrier& barrier, State state, Site site, Thread* first, unsigned count, SyncPair& sync) {
  if (barrier.arrived == 0) {
    barrier.site = site;
  } else if (!same(barrier.site, site)) {
    fail(cudaErrorLaunchFailure, std::string("comes to ") + state_name(state) + " at " + text(site) +
                                     " while others wait at " + text(barrier.site));
  }
  const void* const place = &sync.place[barrier.phase & 1];
  release(place);
  thread_->state = state;
  thread_->site = site;
  if (++barrier.arrived == count) {
    barrier.arrived = 0;
    barrier.phase++;
    turns_ = 0;
    for (unsigned i = 0; i < count; i++) make_ready(first + i);
  }
  thread_->fiber->leave();
  acquire(place);
}

int Grid::block_barrier(Vote vote, int predicate, Site site) {
  Block& block = *thread_->block;
  block.predicates += predicate != 0;
  if (block.barrier.arrived + 1 == block.thread_count) {
    block.last_predicates = block.predicates;
    block.predicates = 0;
  }
  pass(block.barrier, State::kBlockBarrier, site, block.threads, block.thread_count,
       block.shared->block_sync);
  switch (vote) {
    case Vote::kCount: return block.last_predicates;
    case Vote::kAnd: return block.last_predicates == static_cast<int>(block.thread_count);
    default: return block.last_predicates > 0;
  }
}

void Grid::cluster_barrier(Site site) {
  Block& first = *thread_->block->cluster;
  pass(first.cluster_barrier, State::kClusterBarrier, site, first.threads,
       first.thread_count * config_.cluster, first.shared->cluster_sync);
}

void Grid::grid_barrier(Site site) {
  if (!config_.cooperative) {
    fail(cudaErrorLaunchFailure, "grid.sync() at " + text(site) + " in a launch that is not cooperative");
  }
  pass(grid_barrier_, State::kGridBarrier, site, threads_.data(), static_cast<unsigned>(threads_.size()),
       grid_sync_);
}

void* Grid::shared_array(const void* key, size_t bytes, size_t alignment) {
  size_t i = 0;
  while (i < array_count_ && arrays_[i].key != key) i++;
  if (i == array_count_) {
    if (i == 64) fail(cudaErrorInvalidConfiguration, "declares more than 64 shared arrays");
    shared_bytes_ += bytes;
    if (shared_bytes_ > kStaticSharedLimit || shared_bytes_ + config_.shared_bytes > shared_limit_) {
      fail(cudaErrorInvalidConfiguration,
           "declares " + std::to_string(shared_bytes_) + " bytes of static shared memory beside " +
               std::to_string(config_.shared_bytes) + " dynamic: more than " +
               std::to_string(kStaticSharedLimit) + " static or " + std::to_string(shared_limit_) + " in all");
    }
    const size_t align = std::max<size_t>(alignment, 16);
    arrays_[i] = {key, (shared_end_ + align - 1) / align * align, bytes};
    shared_end_ = arrays_[i].offset + bytes + kSharedGap;
    array_count_++;
  }
  Block& block = *thread_->block;
  materialise(block, i);
  return block.shared->data + arrays_[i].offset;
}

void Grid::materialise(Block& block, size_t array) {
  if (block.materialised >> array & 1) return;
  block.materialised |= 1ull << array;
  char* const p = block.shared->data + arrays_[array].offset;
  unpoison(p, arrays_[array].bytes);
  fill_garbage(p, arrays_[array].bytes);
  if (!under_asan()) fill_garbage(p + arrays_[array].bytes, kSharedGap);
}

void* Grid::dynamic_shared(size_t) { return thread_->block->shared->data; }

bool Grid::in_shared(const void* p) const {
  for (unsigned i = 0; i < config_.cluster; i++) {
    const char* const data = thread_->block->cluster[i].shared->data;
    if (p >= data && p < data + kSharedSpace) return true;
  }
  return false;
}

void* Grid::map_shared(void* p, unsigned rank, Site site) {
  Block& mine = *thread_->block;
  char* const data = mine.shared->data;
  if (rank >= config_.cluster) {
    fail(cudaErrorLaunchFailure, "map_shared_rank at " + text(site) + ": rank " + std::to_string(rank) +
                                     " in a cluster of " + std::to_string(config_.cluster));
  }
  if (p < data || p >= data + shared_end_) {
    fail(cudaErrorIllegalAddress, "map_shared_rank at " + text(site) + ": not shared memory of this block");
  }
  Block& other = mine.cluster[rank];
  if (other.exited == other.thread_count) {
    fail(cudaErrorIllegalAddress, "map_shared_rank at " + text(site) + ": block " + text(other.index) +
                                      " has exited; its shared memory is gone");
  }
  const size_t offset = static_cast<size_t>(static_cast<char*>(p) - data);
  for (size_t i = 0; i < array_count_; i++) {
    if (offset >= arrays_[i].offset && offset < arrays_[i].offset + arrays_[i].bytes) materialise(other, i);
  }
  return other.shared->data + offset;
}

void Grid::fence(Scope scope) {
  Thread& t = *thread_;
  for (unsigned i = 0; i < std::min(t.atomic_count, 4u); i++) {
    if (scope == Scope::kDevice || in_shared(t.atomics[i])) acquire(t.atomics[i]);
  }
  t.fenced_block = true;
  t.fenced_device |= scope == Scope::kDevice;
  take_turns();
}

void Grid::before_atomic(const void* address) {
  take_turns();
  if (under_tsan() && (thread_->fenced_device || (thread_->fenced_block && in_shared(address)))) {
    release(address);
  }
}

void Grid::after_atomic(const void* address) {
  thread_->atomics[thread_->atomic_count++ % 4] = address;
}

// Atomics and fences are where a schedule can matter, and where threads spin: now and then another goes
// first.
void Grid::take_turns() {
  if (random_.below(4) != 0) return;
  if (++turns_ > kTurns) fail(cudaErrorLaunchTimeout, "spins: nothing that others do ends its wait");
  make_ready(thread_);
  std::swap(ready_[0], ready_[ready_count_ - 1]);  // far from the window: spinning must not starve others
  thread_->fiber->leave();
}

void Grid::fail(cudaError_t error, const std::string& what) {
  error_ = error;
  message_ = "block " + text(thread_->indices.block) + ", thread " + text(thread_->indices.thread) + ": " +
             what;
  thread_->fiber->leave();
  __builtin_unreachable();
}

// Nobody can go on: names one thread that waits and one that it waits for.
std::string Grid::diagnosis() const {
  const Thread* waiting = nullptr;
  for (const Thread& t : threads_) {
    if (t.state != State::kExited && (!waiting || t.state == State::kWarp)) waiting = &t;
  }
  std::string message = "block " + text(waiting->indices.block) + ", thread " +
                        text(waiting->indices.thread) + " waits at " + state_name(waiting->state) + " (" +
                        text(waiting->site) + ")";
  const Thread* first = threads_.data();
  size_t count = threads_.size();
  if (waiting->state == State::kBlockBarrier || waiting->state == State::kWarp) {
    first = waiting->block->threads;
    count = waiting->block->thread_count;
  } else if (waiting->state == State::kClusterBarrier) {
    first = waiting->block->cluster->threads;
    count = static_cast<size_t>(waiting->block->thread_count) * config_.cluster;
  }
  unsigned named = 0xffffffffu;
  if (waiting->state == State::kWarp) {
    named = waiting->argument.mask;
    first = first + waiting->index / 32 * 32;
    count = std::min<size_t>(32, waiting->block->thread_count - waiting->index / 32 * 32);
    message += " with mask " + std::to_string(named);
    if (count < 32 && named >> count != 0) return message + ", which names lanes that the block has not";
  }
  for (size_t i = 0; i < count; i++) {
    const Thread& t = first[i];
    if (t.state == waiting->state || (waiting->state == State::kWarp && !(named >> i & 1))) continue;
    message += "; block " + text(t.indices.block) + ", thread " + text(t.indices.thread);
    return message + (t.state == State::kExited ? " has exited"
                                                : std::string(" waits at ") + state_name(t.state) + " (" +
                                                      text(t.site) + ")");
  }
  return message + "; some that it names wait for others";
}

// The functions that device code calls.
int block_barrier(Vote vote, int predicate, Site site) {
  return Grid::running().block_barrier(vote, predicate, site);
}
void grid_barrier(Site site) { Grid::running().grid_barrier(site); }
void cluster_barrier(Site site) { Grid::running().cluster_barrier(site); }
unsigned cluster_rank() { return Grid::running().block().cluster_rank; }
unsigned cluster_blocks() { return Grid::running().cluster_blocks(); }
void* map_shared(void* p, unsigned rank, Site site) { return Grid::running().map_shared(p, rank, site); }
void* shared_array(const void* key, size_t bytes, size_t alignment) {
  return Grid::running().shared_array(key, bytes, alignment);
}
void* dynamic_shared(size_t alignment) { return Grid::running().dynamic_shared(alignment); }
void fence(Scope scope) { Grid::running().fence(scope); }
void before_atomic(const void* address) { Grid::running().before_atomic(address); }
void after_atomic(const void* address) { Grid::running().after_atomic(address); }
uint64_t warp_meet(const WarpArgument& argument, Site site) {
  return Grid::running().warp_meet(argument, site);
}

}  // namespace simulator
}  // namespace rbn
