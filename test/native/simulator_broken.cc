// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels and launches that are wrong, each in one way, and by what each build of the simulator catches
// them. Every one runs in a process of its own, because a sanitizer ends it. The table is asserted: a
// mistake that is no longer caught fails, and so does one that a build has begun to catch.
#include <cooperative_groups.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "simulator_test.h"

namespace cg = cooperative_groups;

namespace simulator_test {
namespace {

constexpr unsigned kFull = 0xffffffffu;
constexpr int kThreads = 64;
// Schedules tried for what only some orders show.
constexpr uint64_t kSeeds = 8;

// By what a process noticed the mistake.
enum Notice { kNothing = 0, kResult = 10, kStatus = 11, kThreadSanitizer = 66, kAddressSanitizer = 99 };

// True if the launch, or the synchronisation after it, told of an error.
bool error_of(cudaError_t error) { return error != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess; }

Notice status_if(bool told) { return told ? kStatus : kNothing; }

// Runs `launch(out)` in several schedules; `expected(i)` is what out[i] should hold.
template <class Launch, class Expected>
Notice results(size_t count, Launch launch, Expected expected) {
  Notice notice = kNothing;
  for (uint64_t seed = 0; seed < kSeeds; seed++) {
    rbn_simulator_set_seed(seed);
    Device<int> out(std::vector<int>(count, 0));
    if (error_of(launch(out))) return kStatus;
    const std::vector<int> values = out.values();
    for (size_t i = 0; i < count; i++) {
      if (values[i] != expected(static_cast<int>(i))) notice = kResult;
    }
  }
  return notice;
}

// ---- Threads of a block ----

__global__ void missing_barrier_kernel(int* out) {
  RBN_SHARED(int, slot, kThreads);
  const int i = static_cast<int>(threadIdx.x);
  slot[i] = i;
  out[i] = slot[kThreads - 1 - i];
}
Notice missing_barrier() {
  return results(
      kThreads, [](int* out) { return rbn::launch(config(1, kThreads), missing_barrier_kernel, out); },
      [](int i) { return kThreads - 1 - i; });
}

// The array is filled again before all have read it.
__global__ void missing_second_barrier_kernel(int* out) {
  RBN_SHARED(int, slot, kThreads);
  const int i = static_cast<int>(threadIdx.x);
  for (int round = 0; round < 2; round++) {
    slot[i] = i + 100 * round;
    __syncthreads();
    out[round * kThreads + i] = slot[kThreads - 1 - i];
  }
}
Notice missing_second_barrier() {
  return results(
      2 * kThreads,
      [](int* out) { return rbn::launch(config(1, kThreads), missing_second_barrier_kernel, out); },
      [](int i) { return kThreads - 1 - i % kThreads + i / kThreads * 100; });
}

// A shuffle orders no memory; only __syncwarp does.
__global__ void missing_syncwarp_kernel(int* out) {
  RBN_SHARED(int, slot, 32);
  const int i = static_cast<int>(threadIdx.x);
  slot[i] = i;
  const int zero = __shfl_sync(kFull, 0, 0);
  out[i] = slot[i ^ 1] + zero;
}
Notice missing_syncwarp() {
  return results(
      32, [](int* out) { return rbn::launch(config(1, 32), missing_syncwarp_kernel, out); },
      [](int i) { return i ^ 1; });
}

__global__ void uninitialised_shared_kernel(int* out) {
  RBN_SHARED(int, sums, 1);
  atomicAdd(&sums[0], 1);
  __syncthreads();
  if (threadIdx.x == 0) out[0] = sums[0];
}
Notice uninitialised_shared() {
  return results(
      1, [](int* out) { return rbn::launch(config(1, kThreads), uninitialised_shared_kernel, out); },
      [](int) { return kThreads; });
}

__global__ void divergent_barrier_kernel(int* out) {
  if (threadIdx.x < 32) __syncthreads();
  out[threadIdx.x] = 1;
  if (threadIdx.x >= 32) __syncwarp();
}
__global__ void early_exit_kernel(int* out) {
  if (threadIdx.x == 63) return;
  out[threadIdx.x] = 1;
  __syncthreads();
}
__global__ void two_barriers_kernel(int* out) {
  if (threadIdx.x < 32) {
    out[threadIdx.x] = 1;
    __syncthreads();
  } else {
    __syncthreads();
  }
}
template <void (*kernel)(int*)>
Notice barrier_of() {
  Device<int> out(kThreads);
  return status_if(error_of(rbn::launch(config(1, kThreads), kernel, out)));
}

// ---- Warps ----

__global__ void missing_lane_kernel(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(kFull, 1, 1);
}
__global__ void foreign_lane_kernel(int* out) { out[threadIdx.x] = __shfl_sync(0x0000ffffu, 1, 0); }
__global__ void two_shuffles_kernel(int* out) {
  if (threadIdx.x % 2) {
    out[threadIdx.x] = __shfl_sync(kFull, 1, 0);
  } else {
    out[threadIdx.x] = __shfl_xor_sync(kFull, 1, 1);
  }
}
__global__ void partial_warp_kernel(int* out) { out[threadIdx.x] = __shfl_down_sync(kFull, 1, 1); }
Notice partial_warp() {
  Device<int> out(48);
  return status_if(error_of(rbn::launch(config(1, 48), partial_warp_kernel, out)));
}

// Lane 20 is not in the mask, so it gives nothing.
__global__ void outside_mask_kernel(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0x0000ffffu, 7, 20);
}
Notice outside_mask() {
  return results(
      16, [](int* out) { return rbn::launch(config(1, 32), outside_mask_kernel, out); },
      [](int) { return 7; });
}

// ---- Out of bounds ----

__global__ void shared_write_kernel(int* out) {
  RBN_SHARED(int, a, kThreads);
  RBN_SHARED(int, b, kThreads);
  a[threadIdx.x] = 1;
  b[threadIdx.x] = 2;
  int* const past = a;
  if (threadIdx.x == 0) past[kThreads + *out] = 3;
  __syncthreads();
  if (threadIdx.x == 1) *out = a[1] + b[1];
}
__global__ void dynamic_write_kernel(int* out) {
  RBN_DYNAMIC_SHARED(int, tile);
  tile[threadIdx.x + 1] = static_cast<int>(threadIdx.x);
  __syncthreads();
  if (threadIdx.x == 1) *out = tile[1];
}
template <void (*kernel)(int*)>
Notice shared_write() {
  Device<int> out(std::vector<int>{0});
  return status_if(error_of(rbn::launch(config(1, kThreads, kThreads * 4), kernel, out)));
}

// The one element too many cannot be the maximum: the result is right.
__global__ void shared_read_kernel(int* out) {
  RBN_SHARED(unsigned, a, kThreads);
  a[threadIdx.x] = 0xfffffff0u + threadIdx.x % 8;
  __syncthreads();
  const unsigned* const past = a;
  unsigned largest = 0;
  for (int i = 0; i <= kThreads; i++) largest = max(largest, past[i]);
  if (threadIdx.x == 0) out[0] = static_cast<int>(largest);
}
Notice shared_read() {
  return results(
      1, [](int* out) { return rbn::launch(config(1, kThreads), shared_read_kernel, out); },
      [](int) { return static_cast<int>(0xfffffff7u); });
}

__global__ void global_write_kernel(int* out, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n) out[i] = 1;
}
Notice global_write() {
  Device<int> out(100);
  return status_if(error_of(rbn::launch(config(2, kThreads), global_write_kernel, out, 100)));
}

// The one element too many cannot be the minimum: the result is right.
__global__ void global_read_kernel(const int* x, int n, int* out) {
  int smallest = 100;
  for (int i = 0; i <= n; i++) smallest = min(smallest, x[i]);
  if (threadIdx.x == 0) out[0] = smallest;
}
Notice global_read() {
  Device<int> x(std::vector<int>(33, 5));
  return results(
      1, [&](int* out) { return rbn::launch(config(1, 32), global_read_kernel, x, 33, out); },
      [](int) { return 5; });
}

__global__ void sum_kernel(const int* x, int* out) {
  if (threadIdx.x == 0) out[0] = x[0] + x[1];
}
Notice uninitialised_global() {
  Device<int> x(2);
  cudaMemset(x, 0, 4);
  return results(
      1, [&](int* out) { return rbn::launch(config(1, 32), sum_kernel, x, out); }, [](int) { return 0; });
}

__global__ void vector_kernel(const int* x, int* out) {
  const int2 v = *reinterpret_cast<const int2*>(x + 1);
  if (threadIdx.x == 0) out[0] = v.x + v.y;
}
Notice misaligned_vector() {
  Device<int> x(std::vector<int>{1, 2, 3, 4});
  return results(
      1, [&](int* out) { return rbn::launch(config(1, 32), vector_kernel, x, out); }, [](int) { return 5; });
}

// ---- Blocks of a grid ----

__global__ void block_race_kernel(int* out) {
  if (threadIdx.x == 0) out[0] += 1;
}
Notice block_race() {
  return results(
      1, [](int* out) { return rbn::launch(config(4, 32), block_race_kernel, out); }, [](int) { return 4; });
}

// The last block adds up what the others left, but no fence orders it.
__global__ void missing_fence_kernel(int* partial, int* done, int* out) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 1;
  if (atomicAdd(done, 1) == static_cast<int>(gridDim.x) - 1) {
    for (unsigned b = 0; b < gridDim.x; b++) out[0] += partial[b];
  }
}
// A fence for the block alone orders nothing between blocks.
__global__ void block_fence_kernel(int* partial, int* done, int* out) {
  if (threadIdx.x != 0) return;
  partial[blockIdx.x] = 1;
  __threadfence_block();
  if (atomicAdd(done, 1) == static_cast<int>(gridDim.x) - 1) {
    __threadfence_block();
    for (unsigned b = 0; b < gridDim.x; b++) out[0] += partial[b];
  }
}
template <void (*kernel)(int*, int*, int*)>
Notice last_block() {
  return results(
      1,
      [](int* out) {
        Device<int> partial(4), done(std::vector<int>{0});
        return rbn::launch(config(4, 32), kernel, partial, done, out);
      },
      [](int) { return 4; });
}

// Blocks of an ordinary grid need not run together.
__global__ void wait_for_block_kernel(int* flag) {
  if (threadIdx.x != 0) return;
  atomicAdd(flag, 1);
  while (atomicAdd(flag, 0) < static_cast<int>(gridDim.x)) {
  }
}
Notice wait_for_block() {
  Device<int> flag(std::vector<int>{0});
  return status_if(error_of(rbn::launch(config(2, 32), wait_for_block_kernel, flag)));
}

__global__ void grid_sync_kernel(int* out) {
  cg::this_grid().sync();
  out[threadIdx.x] = 1;
}
__global__ void divergent_grid_sync_kernel(int* out) {
  if (blockIdx.x != 1) cg::this_grid().sync();
  out[threadIdx.x] = 1;
}
Notice divergent_grid_sync() {
  Device<int> out(32);
  rbn::LaunchConfig c = config(2, 32);
  c.cooperative = true;
  return status_if(error_of(rbn::launch(c, divergent_grid_sync_kernel, out)));
}

__global__ void missing_grid_sync_kernel(int* x, int* out) {
  const unsigned i = blockIdx.x * 32 + threadIdx.x;
  x[i] = static_cast<int>(i);
  __syncthreads();
  out[i] = x[(i + 32) % 64];
}
Notice missing_grid_sync() {
  return results(
      64,
      [](int* out) {
        Device<int> x(64);
        rbn::LaunchConfig c = config(2, 32);
        c.cooperative = true;
        return rbn::launch(c, missing_grid_sync_kernel, x, out);
      },
      [](int i) { return (i + 32) % 64; });
}

// `early`: no cluster.sync before the neighbour's shared memory is read. Otherwise none after it, when
// the neighbour may have exited.
template <bool early>
__global__ void cluster_kernel(int* out) {
  RBN_SHARED(int, mine, 1);
  const cg::cluster_group cluster = cg::this_cluster();
  if (threadIdx.x == 0) mine[0] = static_cast<int>(blockIdx.x);
  const int* const theirs = cluster.map_shared_rank(&mine[0], 1 - static_cast<int>(cluster.block_rank()));
  if (!early) cluster.sync();
  if (threadIdx.x == 0) out[blockIdx.x] = *theirs;
  if (early) cluster.sync();
}
template <bool early>
Notice cluster_without_sync() {
  return results(
      2,
      [](int* out) {
        rbn::LaunchConfig c = config(2, 32);
        c.cluster = 2;
        return rbn::launch(c, cluster_kernel<early>, out);
      },
      [](int i) { return 1 - i; });
}

// ---- Pointers ----

__global__ void store_kernel(int* out) { out[threadIdx.x] = 1; }

Notice use_after_free() {
  int* x = nullptr;
  cudaMalloc(&x, 128);
  cudaFree(x);
  return status_if(error_of(rbn::launch(config(1, 32), store_kernel, x)));
}

// The freed pointer is in a table in device memory, where no launch check sees it.
__global__ void table_kernel(int* const* table, int* out) {
  if (threadIdx.x == 0) out[0] = table[0][0];
}
Notice use_after_free_in_table() {
  int* x = nullptr;
  cudaMalloc(&x, 128);
  cudaMemset(x, 0, 128);
  Device<int*> table(std::vector<int*>{x});
  cudaFree(x);
  return results(
      1, [&](int* out) { return rbn::launch(config(1, 32), table_kernel, table, out); },
      [](int) { return 0; });
}

Notice double_free() {
  int* x = nullptr;
  cudaMalloc(&x, 128);
  cudaFree(x);
  return status_if(cudaFree(x) != cudaSuccess);
}

Notice host_heap_pointer() {
  std::vector<int> host(32);
  return status_if(error_of(rbn::launch(config(1, 32), store_kernel, host.data())));
}

struct Parameters {
  long long n;
  int* x;
};
__global__ void struct_kernel(Parameters p) { p.x[threadIdx.x] = static_cast<int>(p.n); }
Notice host_pointer_in_struct() {
  std::vector<int> host(32);
  return status_if(error_of(rbn::launch(config(1, 32), struct_kernel, Parameters{32, host.data()})));
}
Notice stack_pointer_in_struct() {
  int host[32];
  return status_if(error_of(rbn::launch(config(1, 32), struct_kernel, Parameters{32, host})));
}

// ---- Launches ----

__global__ void dynamic_kernel() {
  RBN_DYNAMIC_SHARED(int, tile);
  tile[threadIdx.x] = 0;
}
Notice missing_opt_in() { return status_if(error_of(rbn::launch(config(1, 32, 64 * 1024), dynamic_kernel))); }

__global__ void too_much_static_kernel() {
  RBN_SHARED(char, tile, 48 * 1024 + 4);
  tile[threadIdx.x] = 0;
}
Notice too_much_static() { return status_if(error_of(rbn::launch(config(1, 32), too_much_static_kernel))); }

// Each is within 48 KiB, both are not.
__global__ void static_and_dynamic_kernel() {
  RBN_SHARED(int, own, 32);
  RBN_DYNAMIC_SHARED(int, tile);
  own[threadIdx.x] = tile[threadIdx.x] = 0;
}
Notice static_and_dynamic() {
  return status_if(error_of(rbn::launch(config(1, 32, 48 * 1024), static_and_dynamic_kernel)));
}

Notice zero_grid() {
  Device<int> out(32);
  return status_if(error_of(rbn::launch(config(0, 32), store_kernel, out)));
}

Notice cooperative_too_large() {
  Device<int> out(32);
  rbn::LaunchConfig c = config(4096, 32);
  c.cooperative = true;
  return status_if(error_of(rbn::launch(c, grid_sync_kernel, out)));
}

Notice grid_sync_not_cooperative() {
  Device<int> out(32);
  return status_if(error_of(rbn::launch(config(1, 32), grid_sync_kernel, out)));
}

// ---- Streams ----

// The host reads before the stream is done.
Notice missing_synchronize(bool defer) {
  Device<int> x(std::vector<int>(32, 0));
  rbn_simulator_set_defer(defer);
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  std::vector<int> host(32, 1);
  rbn::launch(config(1, 32, 0, stream), store_kernel, x);
  cudaMemcpyAsync(host.data(), x, 128, cudaMemcpyDeviceToHost, stream);
  const Notice notice = host[0] == 1 ? kNothing : kResult;
  cudaStreamSynchronize(stream);
  cudaStreamDestroy(stream);
  return notice;
}
Notice missing_synchronize_at_once() { return missing_synchronize(false); }
Notice missing_synchronize_deferred() { return missing_synchronize(true); }

// One stream uses what another makes, without an event between them.
__global__ void copy_kernel(const int* x, int* out) { out[threadIdx.x] = x[threadIdx.x]; }
Notice missing_event(bool defer) {
  rbn_simulator_set_defer(defer);
  Notice notice = kNothing;
  cudaStream_t a, b;
  cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
  for (uint64_t seed = 0; seed < kSeeds; seed++) {
    rbn_simulator_set_seed(seed);
    Device<int> x(std::vector<int>(32, 0)), out(32);
    rbn::launch(config(1, 32, 0, a), store_kernel, x);
    rbn::launch(config(1, 32, 0, b), copy_kernel, x, out);
    cudaDeviceSynchronize();
    if (out.values()[0] != 1) notice = kResult;
  }
  cudaStreamDestroy(a);
  cudaStreamDestroy(b);
  return notice;
}
Notice missing_event_at_once() { return missing_event(false); }
Notice missing_event_deferred() { return missing_event(true); }

// ---- The table ----

struct Broken {
  const char* name;
  Notice (*run)();
  Notice plain, address, thread;  // by what each build catches it
};

constexpr Notice N = kNothing, R = kResult, S = kStatus, A = kAddressSanitizer, T = kThreadSanitizer;

const Broken kBroken[] = {
    {"missing barrier", missing_barrier, R, R, T},
    {"missing second barrier", missing_second_barrier, R, R, T},
    {"missing __syncwarp", missing_syncwarp, N, N, T},
    {"uninitialised shared memory", uninitialised_shared, R, R, R},
    {"barrier in a branch", barrier_of<divergent_barrier_kernel>, S, S, S},
    {"exit before a barrier", barrier_of<early_exit_kernel>, S, S, S},
    {"two different barriers", barrier_of<two_barriers_kernel>, S, S, S},
    {"shuffle with missing lanes", barrier_of<missing_lane_kernel>, S, S, S},
    {"shuffle by a lane not in its mask", barrier_of<foreign_lane_kernel>, S, S, S},
    {"two different shuffles", barrier_of<two_shuffles_kernel>, S, S, S},
    {"full mask in a partial warp", partial_warp, S, S, S},
    {"shuffle from outside the mask", outside_mask, R, R, R},
    {"shared write past the end", shared_write<shared_write_kernel>, S, A, S},
    {"dynamic shared write past the end", shared_write<dynamic_write_kernel>, S, A, S},
    {"shared read past the end, unused", shared_read, N, A, N},
    {"global write past the end", global_write, S, A, S},
    {"global read past the end, unused", global_read, N, A, N},
    {"uninitialised global memory", uninitialised_global, R, R, R},
    {"misaligned vector load", misaligned_vector, N, A, N},
    {"race between blocks", block_race, N, N, T},
    {"last block without a fence", last_block<missing_fence_kernel>, N, N, T},
    {"last block with a fence of the block", last_block<block_fence_kernel>, N, N, T},
    {"block waits for a later one", wait_for_block, S, S, S},
    {"grid.sync not cooperative", grid_sync_not_cooperative, S, S, S},
    {"grid.sync not by all blocks", divergent_grid_sync, S, S, S},
    {"missing grid.sync", missing_grid_sync, R, R, T},
    {"cluster read before cluster.sync", cluster_without_sync<true>, R, R, T},
    {"cluster read after exit", cluster_without_sync<false>, R, A, R},
    {"use after free", use_after_free, S, S, S},
    {"use after free through a table", use_after_free_in_table, R, A, R},
    {"double free", double_free, S, S, S},
    {"host pointer", host_heap_pointer, S, S, S},
    {"host pointer in a struct", host_pointer_in_struct, S, S, S},
    {"stack pointer in a struct", stack_pointer_in_struct, S, S, S},
    {"64 KiB shared without opt-in", missing_opt_in, S, S, S},
    {"more than 48 KiB static shared", too_much_static, S, S, S},
    {"48 KiB dynamic shared beside static", static_and_dynamic, S, S, S},
    {"grid of no blocks", zero_grid, S, S, S},
    {"cooperative grid too large", cooperative_too_large, S, S, S},
    {"host reads too early", missing_synchronize_at_once, N, N, T},
    {"host reads too early, deferred", missing_synchronize_deferred, R, R, T},
    {"streams without an event", missing_event_at_once, N, N, T},
    {"streams without an event, deferred", missing_event_deferred, R, R, T},
};

const char* text(int notice) {
  switch (notice) {
    case kNothing: return "-";
    case kResult: return "result";
    case kStatus: return "status";
    case kAddressSanitizer: return "ASan";
    case kThreadSanitizer: return "TSan";
    default: return "crash";
  }
}

#if defined(__SANITIZE_ADDRESS__)
const char kBuild[] = "address";
#elif defined(__SANITIZE_THREAD__)
const char kBuild[] = "thread";
#else
const char kBuild[] = "plain";
#endif

// Runs this program again, for one mistake, without its output.
int notice_of(const char* program, const char* name) {
  posix_spawn_file_actions_t nowhere;
  posix_spawn_file_actions_init(&nowhere);
  posix_spawn_file_actions_addopen(&nowhere, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&nowhere, 1, 2);
  const char* const arguments[] = {program, "--broken", name, nullptr};
  pid_t child = 0;
  const int error =
      posix_spawn(&child, program, &nowhere, nullptr, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&nowhere);
  int status = 0;
  if (error != 0 || waitpid(child, &status, 0) != child) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int run_broken_kernel(const char* name) {
  for (const Broken& b : kBroken) {
    if (strcmp(b.name, name) == 0) return b.run();
  }
  return 127;
}

void test_broken_kernels(const char* program) {
  printf("\n%-38s %-8s %-8s %-8s %s (measured)\n", "broken: caught by", "plain", "address", "thread", kBuild);
  for (const Broken& b : kBroken) {
    const int noticed = notice_of(program, b.name);
    printf("%-38s %-8s %-8s %-8s %s\n", b.name, text(b.plain), text(b.address), text(b.thread), text(noticed));
    const Notice expected = strcmp(kBuild, "plain") == 0     ? b.plain
                            : strcmp(kBuild, "address") == 0 ? b.address
                                                             : b.thread;
    CHECK(noticed == expected);
    CHECK(b.plain != kNothing || b.address != kNothing || b.thread != kNothing);
  }
  printf("\n");
}

}  // namespace simulator_test

// A finding ends the process at once, with a code of its own. Leaks are not looked for: the simulator keeps
// its fibers to the end, and LeakSanitizer does not know their stacks. TSan would sleep a second at exit.
#define RBN_TEST_OPTIONS(sanitizer, options)                                                    \
  extern "C" __attribute__((visibility("default"))) const char* __##sanitizer##_default_options(); \
  const char* __##sanitizer##_default_options() { return options; }
RBN_TEST_OPTIONS(asan, "exitcode=99:detect_leaks=0")
RBN_TEST_OPTIONS(ubsan, "halt_on_error=1:exitcode=99:print_stacktrace=1")
RBN_TEST_OPTIONS(tsan, "exitcode=66:halt_on_error=1:atexit_sleep_ms=0")
