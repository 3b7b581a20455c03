// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the engine uses of cuBLAS, with cuBLAS's names and numbers, so that the simulated engine is compiled with it on
// every machine. There is no cuBLAS for the simulator but a false one in test/native. test/cuda/real_libraries.test.ts
// compares it with the real header, where there is one.
#ifndef RBN_SIMULATOR_CUBLAS_V2_H_
#define RBN_SIMULATOR_CUBLAS_V2_H_

#include "simulator/runtime_api.h"

#define CUBLAS_VER_MAJOR 13

typedef enum {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_ARCH_MISMATCH = 8,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
} cublasStatus_t;

typedef enum { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 } cublasOperation_t;
typedef enum { CUBLAS_GEMM_DEFAULT = -1 } cublasGemmAlgo_t;
typedef enum { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 } cublasComputeType_t;
typedef enum { CUDA_R_32F = 0 } cudaDataType;
typedef enum { MAJOR_VERSION = 0, MINOR_VERSION = 1, PATCH_LEVEL = 2 } libraryPropertyType;

typedef struct cublasContext* cublasHandle_t;

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle);
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle);
cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value);
const char* cublasGetStatusString(cublasStatus_t status);
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes);
// Matrices are stored by columns. c = alpha·op(a)·op(b) + beta·c; op(a) is [m, k], op(b) is [k, n].
cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int64_t m, int64_t n, int64_t k,
    const void* alpha, const void* a, cudaDataType a_type, int64_t a_leading, long long a_stride, const void* b,
    cudaDataType b_type, int64_t b_leading, long long b_stride, const void* beta, void* c, cudaDataType c_type,
    int64_t c_leading, long long c_stride, int64_t batch, cublasComputeType_t compute,
    cublasGemmAlgo_t algorithm);

}  // extern "C"

#endif  // RBN_SIMULATOR_CUBLAS_V2_H_
