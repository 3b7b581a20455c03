// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the simulator's tests share: a check that counts, device arrays, and the parts of the test.
#ifndef RBN_TEST_NATIVE_SIMULATOR_TEST_H_
#define RBN_TEST_NATIVE_SIMULATOR_TEST_H_

#include <stdio.h>

#include <vector>

#include "simulator/control.h"
#include "simulator/launch.h"

namespace simulator_test {

extern int passed, failed;

inline bool check(bool ok, const char* what, const char* file, int line) {
  (ok ? passed : failed)++;
  if (!ok) printf("FAILED %s:%d: %s  [%s]\n", file, line, what, rbn_simulator_message());
  return ok;
}
#define CHECK(condition) ::simulator_test::check((condition), #condition, __FILE__, __LINE__)

// Device memory that begins as a copy of host values.
template <class T>
class Device {
 public:
  explicit Device(const std::vector<T>& values) : count_(values.size()) {
    cudaMalloc(&data_, count_ * sizeof(T));
    cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  explicit Device(size_t count) : count_(count) { cudaMalloc(&data_, count * sizeof(T)); }
  ~Device() { cudaFree(data_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  operator T*() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost);
    return result;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

inline rbn::LaunchConfig config(dim3 grid, dim3 block, size_t shared_bytes = 0, cudaStream_t stream = nullptr) {
  rbn::LaunchConfig c;
  c.grid = grid;
  c.block = block;
  c.shared_bytes = shared_bytes;
  c.stream = stream;
  return c;
}

// simulator_runtime.cc
void test_runtime();

// simulator_broken.cc: runs each broken kernel in a process of its own, checks by what this build catches
// it, and prints the table.
void test_broken_kernels(const char* program);
// The body of such a process; its exit code says what was noticed.
int run_broken_kernel(const char* name);

}  // namespace simulator_test

#endif  // RBN_TEST_NATIVE_SIMULATOR_TEST_H_
