// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A false cuBLAS: what the engine calls, by plain loops, with every argument checked.
#include <cublas_v2.h>

#include "library_fake.h"

using rbn_fake::aligned;
using rbn_fake::failing;
using rbn_fake::log;

struct cublasContext {
  cudaStream_t stream;
  char* workspace;
  size_t bytes;
};

// For arguments that the engine must not give. The real one would refuse them, and the engine take another way.
constexpr cublasStatus_t kMistake = CUBLAS_STATUS_EXECUTION_FAILED;

#define RBN_FAIL_ON_REQUEST(name) \
  if (const int status = failing(name)) return static_cast<cublasStatus_t>(status)

RBN_FAKE_EXPORT cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  RBN_FAIL_ON_REQUEST("cublasCreate");
  *handle = new cublasContext();
  log("cublasCreate");
  return CUBLAS_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  log("cublasDestroy");
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = type == MAJOR_VERSION ? rbn_fake::version(CUBLAS_VER_MAJOR) : type == MINOR_VERSION ? 1 : 2;
  return CUBLAS_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT const char* cublasGetStatusString(cublasStatus_t status) {
  static char text[32];
  snprintf(text, sizeof text, "false status %d", static_cast<int>(status));
  return text;
}

RBN_FAKE_EXPORT cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  RBN_FAIL_ON_REQUEST("cublasSetStream");
  handle->stream = stream;
  handle->workspace = nullptr;  // as the real one: a new stream has the library's own workspace
  return stream ? CUBLAS_STATUS_SUCCESS : kMistake;
}

#ifndef RBN_FAKE_INCOMPLETE
RBN_FAKE_EXPORT cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  RBN_FAIL_ON_REQUEST("cublasSetWorkspace");
  if (!aligned(workspace, 256) || bytes == 0) return kMistake;
  handle->workspace = static_cast<char*>(workspace);
  handle->bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}
#endif

RBN_FAKE_EXPORT cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int64_t m, int64_t n, int64_t k,
    const void* alpha, const void* a, cudaDataType a_type, int64_t a_leading, long long a_stride, const void* b,
    cudaDataType b_type, int64_t b_leading, long long b_stride, const void* beta, void* c, cudaDataType c_type,
    int64_t c_leading, long long c_stride, int64_t batch, cublasComputeType_t compute,
    cublasGemmAlgo_t algorithm) {
  RBN_FAIL_ON_REQUEST("cublasGemmStridedBatchedEx_64");
  const bool shapes = m > 0 && n > 0 && k > 0 && batch > 0 && batch <= 65535 &&
                      a_leading == (op_a == CUBLAS_OP_N ? m : k) &&
                      b_leading == (op_b == CUBLAS_OP_N ? k : n) && c_leading == m && c_stride == m * n;
  const bool steps = (a_stride == 0 || a_stride == m * k) &&
                     (b_stride == 0 || b_stride == k * n);
  if (!handle || !handle->stream || !handle->workspace || !shapes || !steps || !aligned(a, 4) || !aligned(b, 4) ||
      !aligned(c, 4) || a_type != CUDA_R_32F || b_type != CUDA_R_32F || c_type != CUDA_R_32F ||
      *static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0 ||
      (compute != CUBLAS_COMPUTE_32F && compute != CUBLAS_COMPUTE_32F_FAST_TF32) ||
      algorithm != CUBLAS_GEMM_DEFAULT)
    return kMistake;
  log("gemm %c%c %d %d %d x%d %s", "NT"[op_a], "NT"[op_b], static_cast<int>(m), static_cast<int>(n),
      static_cast<int>(k), static_cast<int>(batch), compute == CUBLAS_COMPUTE_32F ? "exact" : "TF32");
  memset(handle->workspace, 0xff, handle->bytes);  // a sanitizer sees one that is too small; NaN to who reads it
  for (int64_t i = 0; i < batch; ++i) {
    const float* const x = static_cast<const float*>(a) + i * a_stride;
    const float* const y = static_cast<const float*>(b) + i * b_stride;
    float* const out = static_cast<float*>(c) + i * c_stride;
    for (int64_t column = 0; column < n; ++column) {
      for (int64_t row = 0; row < m; ++row) {
        float sum = 0;
        for (int64_t p = 0; p < k; ++p)
          sum += x[op_a == CUBLAS_OP_N ? row + p * m : p + row * k] *
                 y[op_b == CUBLAS_OP_N ? p + column * k : column + p * n];
        out[row + column * m] = sum;
      }
    }
  }
  handle->workspace = nullptr;  // its memory is the caller's: to be set again before the next product
  return CUBLAS_STATUS_SUCCESS;
}
