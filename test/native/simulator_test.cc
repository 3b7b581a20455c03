// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests the simulator itself, in the plain, the address and the thread build: here what kernels see of
// their grid, warps, atomics and clusters. Right kernels must be right in every schedule, and no sanitizer may complain of them; broken ones
// (simulator_broken.cc) must be caught; simulator_runtime.cc has the runtime's calls. Ends with the line 'N passed, N failed'.
#include "simulator_test.h"

#include <cooperative_groups.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace cg = cooperative_groups;

namespace simulator_test {

int passed = 0, failed = 0;

namespace {

__global__ void empty_kernel() {}

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
  test_runtime();
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
