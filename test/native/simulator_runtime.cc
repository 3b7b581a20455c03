// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of what the host sees of the simulator: bfloat16, streams and events, launch checks, memory,
// errors.
#include <cuda_bf16.h>
#include <math.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <thread>

#include "simulator_test.h"

namespace simulator_test {
namespace {

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
    std::vector<int> host(32, 3), copied(32, -1), list;
    CHECK(cudaEventRecord(start, a) == cudaSuccess);
    CHECK(cudaMemcpyAsync(x, host.data(), 128, cudaMemcpyHostToDevice, a) == cudaSuccess);
    CHECK(rbn::launch(config(1, 32, 0, a), add_kernel, x, 4) == cudaSuccess);
    CHECK(cudaEventRecord(event, a) == cudaSuccess);
    CHECK(cudaLaunchHostFunc(a, append_seven, &list) == cudaSuccess);
    CHECK(cudaStreamWaitEvent(b, event) == cudaSuccess);
    CHECK(rbn::launch(config(1, 32, 0, b), double_kernel, x, y) == cudaSuccess);
    CHECK(cudaMemcpyAsync(copied.data(), y, 128, cudaMemcpyDeviceToHost, b) == cudaSuccess);
#ifndef __SANITIZE_THREAD__  // which would rightly call this look too early
    if (defer) CHECK(copied[0] != 14);
#endif
    CHECK(cudaEventRecord(event, b) == cudaSuccess);
    CHECK(cudaStreamWaitEvent(a, event) == cudaSuccess);
    CHECK(cudaFreeAsync(x, a) == cudaSuccess);
    CHECK(cudaEventRecord(stop, a) == cudaSuccess);
    float milliseconds = -1.0f;
    CHECK(cudaEventElapsedTime(&milliseconds, start, stop) == (defer ? cudaErrorNotReady : cudaSuccess));
    CHECK(cudaStreamSynchronize(b) == cudaSuccess);
    CHECK(copied == std::vector<int>(32, 14));
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
  // Host memory, pinned or not, is read when the stream comes to it.
  int* pinned = nullptr;
  CHECK(cudaMallocHost(reinterpret_cast<void**>(&pinned), 128) == cudaSuccess);
  std::vector<int> pageable(32);
  for (int* host : {pinned, pageable.data()}) {
    std::fill(host, host + 32, 5);
    CHECK(cudaMemcpyAsync(x, host, 128, cudaMemcpyHostToDevice, c) == cudaSuccess);
#ifndef __SANITIZE_THREAD__  // which would rightly call this write too early
    if (defer) host[31] = 6;
#endif
    CHECK(cudaStreamSynchronize(c) == cudaSuccess);
    CHECK(x.values() == std::vector<int>(host, host + 32));
  }
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
struct Padded {
  int* x;
  int n;
};
__global__ void padded_kernel(Padded p) {
  if (p.x) p.x[threadIdx.x] = p.n;
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

  // Only what was taken is kept as a launch, the latest first.
  rbn_simulator_launch last[2] = {};
  const uint64_t before = rbn_simulator_launches(nullptr, 0);
  CHECK(launch_empty(dim3(3, 2), dim3(16, 4)) == cudaSuccess && launch_empty(1, 0) != cudaSuccess);
  CHECK(rbn::launch(config(1, 32, large), shared_kernel, out, 1) == cudaSuccess);
  CHECK(rbn_simulator_launches(last, 2) == before + 2);
  CHECK(last[0].grid_x == 1 && last[0].block_x == 32 && last[0].block_y == 1 && last[0].shared_bytes == large);
  CHECK(last[1].grid_x == 3 && last[1].grid_y == 2 && last[1].block_x == 16 && last[1].block_y == 4);

  // Words of a struct that are no addresses, whatever they look like, are let through.
  Device<int> x(32);
  for (long long n : {0ll, 32ll, 1ll << 40, -1ll, 0x00400000ll, 0x3ff0000000000000ll, 0x0000003800000038ll}) {
    CHECK(rbn::launch(config(1, 32), struct_kernel, Parameters{x, n}) == cudaSuccess);
    CHECK(rbn::launch(config(1, 32), struct_kernel, Parameters{nullptr, n}) == cudaSuccess);
  }
  // So is an integer that makes an address with what the memory of its padding held before.
  using Call = rbn::simulator::KernelCallOf<Padded>;
  void* const memory = ::operator new(sizeof(Call));
  auto* const words = static_cast<const void* volatile*>(memory);
  for (size_t i = 0; i < sizeof(Call) / sizeof(*words); i++) words[i] = &x;
  const int low = static_cast<int>(reinterpret_cast<uintptr_t>(&x));
  auto* const call = new (memory) Call(padded_kernel, Padded{x, low});
  CHECK(call->enqueue(config(1, 32), std::unique_ptr<rbn::simulator::KernelCall>(call)) == cudaSuccess);
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
  const auto reserved = [&] {
    uint64_t bytes = 0;
    CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrReservedMemCurrent, &bytes) == cudaSuccess);
    return bytes;
  };
  CHECK(cudaMemPoolTrimTo(pool, 0) == cudaSuccess);
  const uint64_t trimmed = reserved();
  CHECK(cudaMallocFromPoolAsync(&p, 1000, pool, nullptr) == cudaSuccess && reserved() == trimmed + 1000);
  CHECK(cudaFreeAsync(p, nullptr) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess);
  CHECK(reserved() == trimmed + 1000);  // kept for the next
  CHECK(cudaMemPoolTrimTo(pool, 0) == cudaSuccess && reserved() == trimmed);
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
    CHECK(strstr(rbn_simulator_message(), "simulator_runtime.cc:") != nullptr);
    CHECK(strstr(cudaGetErrorString(cudaErrorLaunchFailure), "has exited") != nullptr);
    CHECK(std::string(cudaGetErrorName(cudaErrorLaunchFailure)) == "cudaErrorLaunchFailure");
    CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
    CHECK(rbn::launch(config(1, 32), empty_kernel) == cudaErrorLaunchFailure);
    CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure);
    rbn_simulator_clear_error();
    CHECK(cudaGetLastError() == cudaSuccess && rbn::launch(config(1, 32), empty_kernel) == cudaSuccess);
  }
  // Made to fail, once.
  rbn_simulator_fail_launch(2);
  CHECK(rbn::launch(config(1, 32), empty_kernel) == cudaSuccess);
  CHECK(rbn::launch(config(1, 32), empty_kernel) == cudaErrorLaunchFailure);
  rbn_simulator_clear_error();
  CHECK(rbn::launch(config(1, 32), empty_kernel) == cudaSuccess);
  // Deferred, the launch succeeds and the synchronisation tells.
  rbn_simulator_set_defer(1);
  CHECK(rbn::launch(config(1, 32), divergent_kernel, x) == cudaSuccess);
  CHECK(cudaStreamSynchronize(nullptr) == cudaErrorLaunchFailure);
  rbn_simulator_clear_error();
  rbn_simulator_set_defer(0);
}

}  // namespace

void test_runtime() {
  test_bfloat16();
  test_streams(false);
  test_streams(true);
  test_host_threads();
  test_launch_checks();
  test_memory();
  test_device_and_errors();
}

}  // namespace simulator_test
