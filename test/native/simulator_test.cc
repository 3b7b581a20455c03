// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests the simulator itself: each feature with a small kernel, in the plain, the address and the thread
// build. Right kernels must be right in every schedule, and no sanitizer may complain of them; broken ones
// (simulator_broken.cc) must be caught. Ends with the line 'N passed, N failed'.
#include "simulator_test.h"

#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <math.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>

namespace cg = cooperative_groups;

namespace simulator_test {

int passed = 0, failed = 0;

namespace {

constexpr unsigned kFull = 0xffffffffu;

// ---- Grids and blocks ----

__global__ void index_kernel(int* visits, int* wrong) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  atomicAdd(&visits[block * (blockDim.x * blockDim.y * blockDim.z) + thread], 1);
  if (gridDim.x != 3 || gridDim.y != 2 || gridDim.z != 4 || blockDim.x != 5 || blockDim.y != 3 ||
      blockDim.z != 2) {
    atomicAdd(wrong, 1);
  }
}

void test_indices() {
  Device<int> visits(std::vector<int>(24 * 30, 0)), wrong(std::vector<int>(1, 0));
  CHECK(rbn::launch(config(dim3(3, 2, 4), dim3(5, 3, 2)), index_kernel, visits, wrong) == cudaSuccess);
  const std::vector<int> seen = visits.values();
  CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
  CHECK(wrong.values()[0] == 0);
}

__global__ void order_kernel(int* ticket, int* order) {
  order[atomicAdd(ticket, 1)] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

std::vector<int> order_of(uint64_t seed) {
  rbn_simulator_set_seed(seed);
  Device<int> ticket(std::vector<int>(1, 0)), order(std::vector<int>(256, -1));
  rbn::launch(config(8, 32), order_kernel, ticket, order);
  return order.values();
}

void test_seeds() {
  const std::vector<int> first = order_of(5), again = order_of(5), other = order_of(6);
  CHECK(first == again);
  CHECK(first != other);
  std::vector<int> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> expected(256);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(sorted == expected);
}

// Sum of a block's elements: shuffles, then shared memory.
__global__ void sum_kernel(const float* x, float* sums, int n) {
  RBN_SHARED(float, partial, 32);
  float sum = 0.0f;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(blockDim.x * gridDim.x)) {
    sum += x[i];
  }
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(kFull, sum, d);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    sum = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0.0f;
    for (int d = 16; d > 0; d /= 2) sum += __shfl_down_sync(kFull, sum, static_cast<unsigned>(d));
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
  }
}

void test_reduction() {
  std::vector<float> x(3000);
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i % 17);
  const float expected = std::accumulate(x.begin(), x.end(), 0.0f);
  Device<float> input(x);
  for (unsigned threads : {32u, 96u, 256u}) {
    for (uint64_t seed = 0; seed < 3; seed++) {
      rbn_simulator_set_seed(seed);
      Device<float> sums(3);
      CHECK(rbn::launch(config(3, threads), sum_kernel, input, sums, 3000) == cudaSuccess);
      const std::vector<float> s = sums.values();
      CHECK(s[0] + s[1] + s[2] == expected);  // small integers: exact in any order
    }
  }
}

// Sum by a tree in dynamic shared memory, several times over the same array.
__global__ void tree_kernel(const int* x, int* sums, int rounds) {
  RBN_DYNAMIC_SHARED(int, tile);
  for (int round = 0; round < rounds; round++) {
    tile[threadIdx.x] = x[threadIdx.x] + round;
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
      __syncthreads();
      if (threadIdx.x < half) tile[threadIdx.x] += tile[threadIdx.x + half];
    }
    if (threadIdx.x == 0) sums[round] = tile[0];
    __syncthreads();
  }
}

void test_dynamic_shared() {
  std::vector<int> x(64);
  std::iota(x.begin(), x.end(), 0);
  Device<int> input(x), sums(5);
  CHECK(rbn::launch(config(1, 64, 64 * sizeof(int)), tree_kernel, input, sums, 5) == cudaSuccess);
  CHECK(sums.values() == std::vector<int>({2016, 2080, 2144, 2208, 2272}));
}

__global__ void vote_kernel(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  const int count = __syncthreads_count(i % 3 == 0);
  const int all = __syncthreads_and(i < 64), not_all = __syncthreads_and(i != 7);
  const int any = __syncthreads_or(i == 63), none = __syncthreads_or(i > 63);
  const unsigned ballot = __ballot_sync(kFull, i % 2);
  const int warp_any = __any_sync(kFull, i == 40), warp_all = __all_sync(kFull, i < 32);
  const unsigned half = i % 32 < 16 ? 0x0000ffffu : 0xffff0000u;  // two meetings at a time in one warp
  const unsigned half_ballot = __ballot_sync(half, 1);
  if (i == 0 || i == 32) {
    int* const o = out + i / 32 * 9;
    o[0] = count, o[1] = all != 0, o[2] = not_all != 0, o[3] = any != 0, o[4] = none != 0;
    o[5] = static_cast<int>(ballot), o[6] = warp_any != 0, o[7] = warp_all != 0;
    o[8] = static_cast<int>(half_ballot);
  }
}

void test_votes() {
  Device<int> out(18);
  CHECK(rbn::launch(config(1, 64), vote_kernel, out) == cudaSuccess);
  const int odd = static_cast<int>(0xaaaaaaaau);
  CHECK(out.values() == std::vector<int>({22, 1, 0, 1, 0, odd, 0, 1, 0xffff,  //
                                          22, 1, 0, 1, 0, odd, 1, 0, 0xffff}));
}

template <class T>
__global__ void shuffle_kernel(T* out, int width) {
  const int i = static_cast<int>(threadIdx.x);
  const T value = static_cast<T>(i * 3 - 20);
  out[i] = __shfl_sync(kFull, value, 5, width);
  out[32 + i] = __shfl_up_sync(kFull, value, 3, width);
  out[64 + i] = __shfl_down_sync(kFull, value, 3, width);
  out[96 + i] = __shfl_xor_sync(kFull, value, 6, width);
  __syncwarp();
}

template <class T>
void test_shuffles_of() {
  for (int width : {8, 16, 32}) {
    Device<T> out(128);
    CHECK(rbn::launch(config(1, 32), shuffle_kernel<T>, out, width) == cudaSuccess);
    std::vector<T> expected(128);
    const auto value = [](int lane) { return static_cast<T>(lane * 3 - 20); };
    for (int i = 0; i < 32; i++) {
      const int first = i / width * width;
      expected[i] = value(first + 5);
      expected[32 + i] = value(i - 3 >= first ? i - 3 : i);
      expected[64 + i] = value(i + 3 < first + width ? i + 3 : i);
      expected[96 + i] = value(i ^ 6);
    }
    CHECK(out.values() == expected);
  }
}

// A warp that exchanges through shared memory, ordered by __syncwarp alone.
__global__ void warp_exchange_kernel(int* out) {
  RBN_SHARED(int, slot, 64);
  for (int round = 0; round < 4; round++) {
    slot[threadIdx.x] = static_cast<int>(threadIdx.x) + round;
    __syncwarp();
    out[round * 64 + threadIdx.x] = slot[threadIdx.x ^ 1];
    __syncwarp();
  }
}

void test_warps() {
  test_shuffles_of<float>();
  test_shuffles_of<double>();
  test_shuffles_of<int>();
  test_shuffles_of<unsigned>();
  Device<int> out(256);
  CHECK(rbn::launch(config(1, 64), warp_exchange_kernel, out) == cudaSuccess);
  const std::vector<int> o = out.values();
  bool right = true;
  for (int i = 0; i < 256; i++) right &= o[i] == ((i % 64) ^ 1) + i / 64;
  CHECK(right);
}

// ---- Atomics and fences ----

__global__ void atomic_kernel(int* i, unsigned* u, unsigned long long* l) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&i[0], t);
  atomicMax(&i[1], t - 5);
  atomicMin(&i[2], t - 5);
  atomicAdd(&u[0], 0xffffffffu);  // wraps
  atomicOr(&u[1], 1u << (t % 32));
  atomicAnd(&u[2], ~(1u << (t % 7)));
  atomicInc(&u[3], 9u);
  atomicAdd(&l[0], 1ull << 40);
  atomicExch(&l[1], 77ull);
  atomicCAS(&l[2], 0ull, static_cast<unsigned long long>(t + 1));
}

// The last block to finish adds up what the others left: ordered by fences and one counter.
__global__ void last_block_kernel(const int* x, int* partial, unsigned* done, int* sum) {
  RBN_SHARED(int, is_last, 1);
  int s = x[blockIdx.x * 32 + threadIdx.x];
  for (int d = 16; d > 0; d /= 2) s += __shfl_xor_sync(kFull, s, d);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = s;
    __threadfence();
    is_last[0] = atomicInc(done, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (is_last[0] && threadIdx.x == 0) {
    int total = 0;
    for (unsigned b = 0; b < gridDim.x; b++) total += partial[b];
    *sum = total;
  }
}

void test_atomics() {
  Device<int> i(std::vector<int>{0, -100, 100});
  Device<unsigned> u(std::vector<unsigned>{0, 0, kFull, 0});
  Device<unsigned long long> l(std::vector<unsigned long long>{0, 0, 0});
  CHECK(rbn::launch(config(4, 32), atomic_kernel, i, u, l) == cudaSuccess);
  CHECK(i.values() == std::vector<int>({128 * 127 / 2, 122, -5}));
  CHECK(u.values() == std::vector<unsigned>({0u - 128u, kFull, 0xffffff80u, 128 % 10}));
  const std::vector<unsigned long long> v = l.values();
  CHECK(v[0] == 128ull << 40 && v[1] == 77 && v[2] >= 1 && v[2] <= 128);

  std::vector<int> x(256);
  std::iota(x.begin(), x.end(), 1);
  Device<int> input(x), partial(8), sum(1);
  Device<unsigned> done(std::vector<unsigned>{0});
  for (uint64_t seed = 0; seed < 4; seed++) {
    rbn_simulator_set_seed(seed);
    CHECK(rbn::launch(config(8, 32), last_block_kernel, input, partial, done, sum) == cudaSuccess);
    CHECK(sum.values()[0] == 256 * 257 / 2 && done.values()[0] == 0);
  }
}

// ---- Cooperative grids and clusters ----

// Each round every block adds its neighbour's value of the round before.
__global__ void grid_sync_kernel(int* a, int* b, int rounds) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned n = gridDim.x * blockDim.x;
  const cg::grid_group grid = cg::this_grid();
  int *from = a, *to = b;
  for (int round = 0; round < rounds; round++) {
    to[i] = from[i] + from[(i + blockDim.x) % n];
    grid.sync();
    int* const swap = from;
    from = to;
    to = swap;
  }
}

__global__ void cluster_kernel(const int* x, int* sums) {
  RBN_SHARED(int, padding, 3);
  RBN_SHARED(int, mine, 1);
  const cg::cluster_group cluster = cg::this_cluster();
  if (threadIdx.x == 0) padding[0] = 1, mine[0] = x[blockIdx.x];
  cluster.sync();
  if (threadIdx.x == 0) {
    int sum = 0;
    for (unsigned r = 0; r < cluster.num_blocks(); r++) {
      sum += *cluster.map_shared_rank(&mine[0], static_cast<int>((cluster.block_rank() + r) % 4));
    }
    sums[blockIdx.x] = sum;
  }
  cluster.sync();  // nobody's shared memory goes before all have read it
}

void test_groups() {
  std::vector<int> x(4 * 32, 1);
  Device<int> a(x), b(128);
  rbn::LaunchConfig c = config(4, 32);
  c.cooperative = true;
  for (uint64_t seed = 0; seed < 3; seed++) {
    rbn_simulator_set_seed(seed);
    cudaMemcpy(a, x.data(), 512, cudaMemcpyHostToDevice);
    CHECK(rbn::launch(c, grid_sync_kernel, a, b, 4) == cudaSuccess);
    CHECK(a.values() == std::vector<int>(128, 16));
  }

  Device<int> input(std::vector<int>{1, 2, 3, 4, 10, 20, 30, 40}), sums(8);
  rbn::LaunchConfig k = config(8, 32);
  k.cluster = 4;
  for (uint64_t seed = 0; seed < 3; seed++) {
    rbn_simulator_set_seed(seed);
    CHECK(rbn::launch(k, cluster_kernel, input, sums) == cudaSuccess);
    CHECK(sums.values() == std::vector<int>({10, 10, 10, 10, 100, 100, 100, 100}));
  }
}

// ---- bfloat16 ----

// Rounding of float32 by arithmetic: the nearer one of the two neighbours, of two as near the even one.
unsigned short reference_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if (isnan(x)) return 0x7fff;
  const auto value = [](uint32_t high) {
    // Infinity stands for 2^128 here: what is half an ulp or more above the largest finite becomes it.
    if ((high & 0x7fffu) == 0x7f80u) return high >> 15 ? -0x1p128 : 0x1p128;
    const uint32_t b = high << 16;
    float f;
    memcpy(&f, &b, 4);
    return static_cast<double>(f);
  };
  if (isinf(x)) return static_cast<unsigned short>(bits >> 16);
  const uint32_t toward_zero = bits >> 16, away = toward_zero + 1;
  const double below = fabs(static_cast<double>(x) - value(toward_zero));
  const double above = fabs(static_cast<double>(x) - value(away));
  const bool take_away = above < below || (above == below && (toward_zero & 1));
  return static_cast<unsigned short>(take_away ? away : toward_zero);
}

void test_bfloat16() {
  // Within one high half the result only grows with the low half: its ends and the three values round the
  // tie stand for all 65,536.
  int wrong = 0, back = 0;
  for (uint32_t high = 0; high < 0x10000; high++) {
    for (uint32_t low : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const uint32_t bits = high << 16 | low;
      float x;
      memcpy(&x, &bits, 4);
      wrong += __bfloat16_as_ushort(__float2bfloat16_rn(x)) != reference_bf16(x);
    }
    const float x = __bfloat162float(__ushort_as_bfloat16(static_cast<unsigned short>(high)));
    const unsigned short again = __bfloat16_as_ushort(__float2bfloat16_rn(x));
    back += isnan(x) ? again != 0x7fff : again != high;
  }
  CHECK(wrong == 0);
  CHECK(back == 0);
  const __nv_bfloat162 pair = __floats2bfloat162_rn(1.5f, -2.0f);
  CHECK(__bfloat1622float2(pair).x == 1.5f && __high2float(pair) == -2.0f && sizeof(pair) == 4);
}

// ---- Streams and events ----

__global__ void add_kernel(int* x, int n) { x[threadIdx.x] += n; }
__global__ void double_kernel(const int* x, int* y) { y[threadIdx.x] = 2 * x[threadIdx.x]; }

void append_seven(void* list) {
  // A host function may not call the runtime.
  static_cast<std::vector<int>*>(list)->push_back(cudaDeviceSynchronize() == cudaErrorNotPermitted ? 7 : 0);
}

void test_streams(bool defer) {
  rbn_simulator_set_defer(defer);
  cudaStream_t a, b;
  CHECK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking) == cudaSuccess);
  CHECK(cudaStreamCreateWithPriority(&b, cudaStreamNonBlocking, -1) == cudaSuccess);
  cudaEvent_t event, start, stop;
  CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventCreate(&start) == cudaSuccess && cudaEventCreate(&stop) == cudaSuccess);
  for (uint64_t seed = 0; seed < 4; seed++) {
    rbn_simulator_set_seed(seed);
    Device<int> y(32);
    int* x = nullptr;
    CHECK(cudaMallocAsync(&x, 128, a) == cudaSuccess);
    std::vector<int> host(32, 3), list;
    CHECK(cudaEventRecord(start, a) == cudaSuccess);
    CHECK(cudaMemcpyAsync(x, host.data(), 128, cudaMemcpyHostToDevice, a) == cudaSuccess);
    std::fill(host.begin(), host.end(), -1);  // pageable: already read
    CHECK(rbn::launch(config(1, 32, 0, a), add_kernel, x, 4) == cudaSuccess);
    CHECK(cudaEventRecord(event, a) == cudaSuccess);
    CHECK(cudaLaunchHostFunc(a, append_seven, &list) == cudaSuccess);
    CHECK(cudaStreamWaitEvent(b, event) == cudaSuccess);
    CHECK(rbn::launch(config(1, 32, 0, b), double_kernel, x, y) == cudaSuccess);
    CHECK(cudaMemcpyAsync(host.data(), y, 128, cudaMemcpyDeviceToHost, b) == cudaSuccess);
#ifndef __SANITIZE_THREAD__  // which would rightly call this look too early
    if (defer) CHECK(host[0] != 14);
#endif
    CHECK(cudaEventRecord(event, b) == cudaSuccess);
    CHECK(cudaStreamWaitEvent(a, event) == cudaSuccess);
    CHECK(cudaFreeAsync(x, a) == cudaSuccess);
    CHECK(cudaEventRecord(stop, a) == cudaSuccess);
    float milliseconds = -1.0f;
    CHECK(cudaEventElapsedTime(&milliseconds, start, stop) == (defer ? cudaErrorNotReady : cudaSuccess));
    CHECK(cudaStreamSynchronize(b) == cudaSuccess);
    CHECK(host == std::vector<int>(32, 14));
    CHECK(seed % 2 ? cudaDeviceSynchronize() == cudaSuccess : cudaEventSynchronize(stop) == cudaSuccess);
    CHECK(list == std::vector<int>({7}));
    CHECK(cudaEventElapsedTime(&milliseconds, start, stop) == cudaSuccess && milliseconds >= 0.0f);
    CHECK(cudaEventElapsedTime(&milliseconds, start, event) == cudaErrorInvalidResourceHandle);
  }
  // The null stream and a blocking one wait for each other.
  cudaStream_t c;
  CHECK(cudaStreamCreate(&c) == cudaSuccess);
  Device<int> x(std::vector<int>(32, 1)), y(32);
  CHECK(rbn::launch(config(1, 32), add_kernel, x, 1) == cudaSuccess);
  CHECK(rbn::launch(config(1, 32, 0, c), add_kernel, x, 1) == cudaSuccess);
  CHECK(rbn::launch(config(1, 32), double_kernel, x, y) == cudaSuccess);
  CHECK(y.values() == std::vector<int>(32, 6));
  // Polling ends.
  CHECK(rbn::launch(config(1, 32, 0, c), add_kernel, x, 1) == cudaSuccess);
  CHECK(cudaStreamQuery(c) == (defer ? cudaErrorNotReady : cudaSuccess));
  CHECK(cudaStreamQuery(c) == cudaSuccess);
  CHECK(cudaEventRecord(event, c) == cudaSuccess);
  CHECK(cudaEventQuery(event) == (defer ? cudaErrorNotReady : cudaSuccess));
  CHECK(cudaEventQuery(event) == cudaSuccess);
  // Pinned memory is read when the stream comes to it.
  int* pinned = nullptr;
  CHECK(cudaMallocHost(reinterpret_cast<void**>(&pinned), 128) == cudaSuccess);
  std::fill(pinned, pinned + 32, 5);
  CHECK(cudaMemcpyAsync(x, pinned, 128, cudaMemcpyHostToDevice, c) == cudaSuccess);
  CHECK(cudaStreamSynchronize(c) == cudaSuccess);
  CHECK(x.values() == std::vector<int>(32, 5));
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
  for (cudaStream_t s : {a, b, c}) CHECK(cudaStreamDestroy(s) == cudaSuccess);
  for (cudaEvent_t e : {event, start, stop}) CHECK(cudaEventDestroy(e) == cudaSuccess);
  CHECK(cudaStreamSynchronize(a) == cudaErrorInvalidResourceHandle);
  rbn_simulator_set_defer(0);
}

void test_host_threads() {
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([t, &right] {
      cudaStream_t stream;
      cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
      int* x = nullptr;
      cudaMalloc(&x, 128);
      cudaMemsetAsync(x, 0, 128, stream);
      for (int i = 0; i < 10; i++) rbn::launch(config(1, 32, 0, stream), add_kernel, x, t);
      std::vector<int> host(32);
      cudaMemcpyAsync(host.data(), x, 128, cudaMemcpyDeviceToHost, stream);
      cudaStreamSynchronize(stream);
      right[static_cast<size_t>(t)] = host == std::vector<int>(32, 10 * t);
      cudaFree(x);
      cudaStreamDestroy(stream);
    });
  }
  for (std::thread& t : threads) t.join();
  CHECK(right == std::vector<int>(4, 1));
}

// ---- Launch checks, memory, errors ----

struct Parameters {
  int* x;
  long long n;
};
__global__ void struct_kernel(Parameters p) {
  if (p.x && static_cast<long long>(threadIdx.x) < p.n) p.x[threadIdx.x] = 1;
}
__global__ void empty_kernel() {}
__global__ void shared_kernel(int* out, int count) {
  RBN_DYNAMIC_SHARED(int, tile);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) tile[i] = i;
  __syncthreads();
  if (threadIdx.x == 0) *out = tile[count - 1];
}

void test_launch_checks() {
  const auto launch_empty = [](dim3 grid, dim3 block) { return rbn::launch(config(grid, block), empty_kernel); };
  CHECK(launch_empty(0, 32) == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration && cudaGetLastError() == cudaSuccess);
  CHECK(launch_empty(dim3(1, 65536), 32) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(dim3(1, 1, 65536), 32) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(dim3(0x80000000u), 32) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(1, 1025) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(1, dim3(32, 33)) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(1, dim3(1, 1, 65)) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(1, 0) == cudaErrorInvalidConfiguration);
  CHECK(launch_empty(dim3(1, 2, 3), dim3(16, 2, 2)) == cudaSuccess);
  CHECK(strstr(cudaGetErrorString(cudaErrorInvalidConfiguration), "InvalidConfiguration") != nullptr ||
        strstr(cudaGetErrorString(cudaErrorInvalidConfiguration), "block") != nullptr);

  // Shared memory: 48 KiB, more with opt-in, never above 227 KiB.
  Device<int> out(1);
  const size_t large = 100 * 1024;
  CHECK(rbn::launch(config(1, 32, 48 * 1024), shared_kernel, out, 12 * 1024) == cudaSuccess);
  CHECK(rbn::launch(config(1, 32, 48 * 1024 + 4), shared_kernel, out, 12 * 1024) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 100 * 1024) ==
        cudaSuccess);
  CHECK(rbn::launch(config(1, 32, large), shared_kernel, out, 25 * 1024) == cudaSuccess);
  CHECK(out.values()[0] == 25 * 1024 - 1);
  CHECK(rbn::launch(config(1, 32, large + 4), shared_kernel, out, 1) == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024) ==
        cudaSuccess);
  CHECK(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1) ==
        cudaErrorInvalidValue);
  cudaFuncAttributes attributes;
  CHECK(cudaFuncGetAttributes(&attributes, shared_kernel) == cudaSuccess &&
        attributes.maxDynamicSharedSizeBytes == 227 * 1024);

  // What fits together.
  int per_multiprocessor = 0, multiprocessors = 0;
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_multiprocessor, empty_kernel, 512, 0) ==
        cudaSuccess);
  CHECK(per_multiprocessor == 4);
  CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0) == cudaSuccess);
  const unsigned resident = static_cast<unsigned>(per_multiprocessor * multiprocessors);
  rbn::LaunchConfig c = config(resident + 1, 512);
  c.cooperative = true;
  CHECK(rbn::launch(c, empty_kernel) == cudaErrorCooperativeLaunchTooLarge);
  c.grid = resident;
  CHECK(rbn::launch(c, empty_kernel) == cudaSuccess);
  rbn::LaunchConfig k = config(6, 32);
  k.cluster = 4;
  CHECK(rbn::launch(k, empty_kernel) == cudaErrorInvalidConfiguration);
  k.grid = 16, k.cluster = 16;
  CHECK(rbn::launch(k, empty_kernel) == cudaErrorInvalidConfiguration);
  CHECK(cudaFuncSetAttribute(empty_kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1) == cudaSuccess);
  CHECK(rbn::launch(k, empty_kernel) == cudaSuccess);

  // Words of a struct that are no addresses, whatever they look like, are let through.
  Device<int> x(32);
  for (long long n : {0ll, 32ll, 1ll << 40, -1ll, 0x00400000ll, 0x3ff0000000000000ll, 0x0000003800000038ll}) {
    CHECK(rbn::launch(config(1, 32), struct_kernel, Parameters{x, n}) == cudaSuccess);
    CHECK(rbn::launch(config(1, 32), struct_kernel, Parameters{nullptr, n}) == cudaSuccess);
  }
}

void test_memory() {
  uint64_t bytes = 0;
  const uint64_t before = rbn_simulator_live_allocations(&bytes);
  size_t free_before = 0, free_after = 0, total = 0;
  CHECK(cudaMemGetInfo(&free_before, &total) == cudaSuccess);
  {
    Device<float> x(100);
    CHECK(reinterpret_cast<uintptr_t>(static_cast<float*>(x)) % 256 == 0);
    const std::vector<float> garbage = x.values();
    CHECK(std::all_of(garbage.begin(), garbage.end(), [](float v) { return isnan(v); }));
    CHECK(cudaMemGetInfo(&free_after, &total) == cudaSuccess && free_before - free_after == 400);
    CHECK(rbn_simulator_live_allocations(nullptr) == before + 1);
    CHECK(cudaMemset(x, 0, 400) == cudaSuccess && x.values() == std::vector<float>(100, 0.0f));
    float host[2] = {1.0f, 2.0f};
    CHECK(cudaMemcpy(x + 99, host, 8, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy(x + 98, host, 8, cudaMemcpyDefault) == cudaSuccess && x.values()[99] == 2.0f);
    CHECK(cudaMemcpy(host, host + 1, 4, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
    CHECK(cudaMemset(x, 0, 401) == cudaErrorInvalidValue);
    CHECK(cudaFree(x + 1) == cudaErrorInvalidValue);
  }
  CHECK(rbn_simulator_live_allocations(nullptr) == before);
  void* p = nullptr;
  CHECK(cudaMalloc(&p, total + 1) == cudaErrorMemoryAllocation && p == nullptr);
  rbn_simulator_fail_allocation(2);
  void* q = nullptr;
  CHECK(cudaMalloc(&p, 8) == cudaSuccess && cudaMalloc(&q, 8) == cudaErrorMemoryAllocation);
  CHECK(cudaMalloc(&q, 8) == cudaSuccess);
  CHECK(cudaFree(p) == cudaSuccess && cudaFree(q) == cudaSuccess && cudaFree(nullptr) == cudaSuccess);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation && cudaGetLastError() == cudaSuccess);
  cudaMemPool_t pool;
  uint64_t threshold = UINT64_MAX, value = 0;
  CHECK(cudaDeviceGetDefaultMemPool(&pool, 0) == cudaSuccess);
  CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold) == cudaSuccess);
  CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &value) == cudaSuccess &&
        value == threshold);
  CHECK(cudaMemPoolTrimTo(pool, 0) == cudaSuccess);
}

__global__ void divergent_kernel(int* x) {
  if (threadIdx.x < 16) __syncthreads();
  x[threadIdx.x] = 1;
}

void test_device_and_errors() {
  int count = 0, version = 0;
  cudaDeviceProp p;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess && count == 1);
  CHECK(cudaSetDevice(0) == cudaSuccess && cudaSetDevice(1) == cudaErrorInvalidDevice);
  CHECK(cudaGetDeviceProperties(&p, 0) == cudaSuccess && p.major == 9 && strstr(p.name, "simulator"));
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess && version >= 13000);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);

  // A failed kernel is sticky, says where, and leaves nothing behind once it is cleared.
  Device<int> x(32);
  for (int i = 0; i < 2; i++) {
    CHECK(rbn::launch(config(1, 32), divergent_kernel, x) == cudaErrorLaunchFailure);
    CHECK(strstr(rbn_simulator_message(), "simulator_test.cc:") != nullptr);
    CHECK(strstr(cudaGetErrorString(cudaErrorLaunchFailure), "has exited") != nullptr);
    CHECK(std::string(cudaGetErrorName(cudaErrorLaunchFailure)) == "cudaErrorLaunchFailure");
    CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
    CHECK(rbn::launch(config(1, 32), empty_kernel) == cudaErrorLaunchFailure);
    CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure);
    rbn_simulator_clear_error();
    CHECK(cudaGetLastError() == cudaSuccess && rbn::launch(config(1, 32), empty_kernel) == cudaSuccess);
  }
  // Deferred, the launch succeeds and the synchronisation tells.
  rbn_simulator_set_defer(1);
  CHECK(rbn::launch(config(1, 32), divergent_kernel, x) == cudaSuccess);
  CHECK(cudaStreamSynchronize(nullptr) == cudaErrorLaunchFailure);
  rbn_simulator_clear_error();
  rbn_simulator_set_defer(0);
}

// Not a check: a figure to look at when the simulator gets slow.
void print_speed() {
  const auto begin = std::chrono::steady_clock::now();
  rbn::launch(config(64, 256), empty_kernel);
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
  printf("starting and ending a CUDA thread: %.0f ns\n", time.count() / (64 * 256));
}

int run_all(const char* program) {
  test_indices();
  test_seeds();
  test_reduction();
  test_dynamic_shared();
  test_votes();
  test_warps();
  test_atomics();
  test_groups();
  test_bfloat16();
  test_streams(false);
  test_streams(true);
  test_host_threads();
  test_launch_checks();
  test_memory();
  test_device_and_errors();
  print_speed();
  test_broken_kernels(program);
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace simulator_test

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 3 && strcmp(argv[1], "--broken") == 0) return simulator_test::run_broken_kernel(argv[2]);
  return simulator_test::run_all("/proc/self/exe");
}
