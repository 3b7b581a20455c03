// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What an operation of the engine is: a name, how many tensors it takes and gives, and a function that
// checks shapes and launches kernels. One row in the table of its file is all that a new one costs
// beside its kernel.
#ifndef RBN_CUDA_OPS_OPERATION_H_
#define RBN_CUDA_OPS_OPERATION_H_

#include <cuda_runtime.h>
#include <stdint.h>

#include "../engine.h"
#include "../runtime/context.h"
#include "../runtime/status.h"

namespace rbn {

constexpr int kAny = -1;  // as many as come

// Blocks of 256 threads a multiprocessor, which leaves a thread 64 registers: the second argument of
// __launch_bounds__ where ptxas, left to itself, takes fewer for some architecture and spills.
constexpr int kResidentBlocks = 4;

struct Operation {
  const char* name;  // that of TensorFlow.js's kernel where there is one
  int32_t inputs, outputs, attributes;
  // 1: takes tensors of one element that are on the host (RbnTensor::data is null). For all others
  // they are copied to the device before.
  bool takes_host;
  // Arguments are counted and outputs have memory before it is called. It checks what protects memory:
  // types, shapes that must agree, attributes. Messages need not name the operation.
  int32_t (*run)(RbnContext* context, const RbnCall& call, RbnError* error);
};

struct OperationTable {
  const Operation* first;
  int32_t count;
};

// One a file.
OperationTable unary_operations();
OperationTable binary_operations();
OperationTable ternary_operations();
OperationTable creation_operations();
OperationTable copy_operations();
OperationTable reduce_operations();
OperationTable softmax_operations();
OperationTable scan_operations();
OperationTable gather_operations();
OperationTable scatter_operations();
OperationTable sort_operations();
OperationTable matmul_operations();
OperationTable convolution_operations();
OperationTable depthwise_operations();
OperationTable pool_operations();
OperationTable resize_operations();
OperationTable batch_norm_operations();
OperationTable optimizer_operations();
OperationTable moments_operations();

// An operation by its name, which must be one's.
const Operation* find_operation(const char* name);

// The C ABI's functions. An index counts through these tables in the order above.
const char* operation_name(int32_t index);
int32_t operation_takes_host(int32_t index);
int32_t run_operation(RbnContext* context, int32_t index, const RbnCall* call, RbnError* error);

// `count` elements of `dtype` become `value`, which is converted as C does it. Asynchronous.
cudaError_t fill(RbnContext* context, void* data, int32_t dtype, int64_t count, double value);

inline int64_t element_count(const RbnTensor& t) {
  int64_t count = 1;
  for (int32_t i = 0; i < t.rank; ++i) count *= t.shape[i];
  return count;
}

inline bool same_shape(const RbnTensor& a, const RbnTensor& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.shape[i] != b.shape[i]) return false;
  }
  return true;
}

inline uint64_t type_bytes(int32_t dtype) { return dtype == RBN_TENSOR_BOOL ? 1 : 4; }

// A kernel of one thread an element walks on by the whole grid: blocks enough for `count`, but not
// more than all GPUs take along x.
constexpr int kElementThreads = 256;
inline unsigned element_blocks(int64_t count) {
  const int64_t blocks = (count + kElementThreads - 1) / kElementThreads;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks < (1 << 30) ? blocks : (1 << 30));
}

// Calls `f` with a null pointer of the C++ type of `dtype`: float, int32_t or uint8_t.
template <class F>
int32_t dispatch_type(int32_t dtype, RbnError* error, F&& f) {
  switch (dtype) {
    case RBN_TENSOR_FLOAT32: return f(static_cast<float*>(nullptr));
    case RBN_TENSOR_INT32: return f(static_cast<int32_t*>(nullptr));
    case RBN_TENSOR_BOOL: return f(static_cast<uint8_t*>(nullptr));
    default: return fail(error, RBN_INVALID_ARGUMENT, "dtype: expected 0 to 2, received %d", dtype);
  }
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_OPERATION_H_
