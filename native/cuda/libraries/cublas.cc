// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Products of matrices by cuBLAS. Compiled with its headers where they were found (RBN_WITH_CUBLAS).
#include "cublas.h"

#ifdef RBN_WITH_CUBLAS

#include <cublas_v2.h>
#include <stdio.h>

#include <algorithm>

#include "../runtime/context.h"
#include "../runtime/status.h"
#include "rbn_build.h"

#define RBN_TEXT_OF(x) #x
#define RBN_TEXT(x) RBN_TEXT_OF(x)

namespace rbn {
namespace {

#define RBN_CUBLAS_FUNCTIONS(X) \
  X(cublasCreate_v2)            \
  X(cublasDestroy_v2)           \
  X(cublasGemmStridedBatchedEx_64) \
  X(cublasGetProperty)          \
  X(cublasGetStatusString)      \
  X(cublasSetStream_v2)         \
  X(cublasSetWorkspace_v2)

struct Functions {
#define RBN_FUNCTION(name) decltype(&::name) name = nullptr;
  RBN_CUBLAS_FUNCTIONS(RBN_FUNCTION)
#undef RBN_FUNCTION

  std::vector<Symbol> symbols() {
    return {
#define RBN_FUNCTION(name) {#name, reinterpret_cast<void**>(&name)},
        RBN_CUBLAS_FUNCTIONS(RBN_FUNCTION)
#undef RBN_FUNCTION
    };
  }

  bool fits(RbnLibraryInfo* info) const {
    int major = 0, minor = 0, patch = 0;
    if (!cublasGetProperty || cublasGetProperty(MAJOR_VERSION, &major) != CUBLAS_STATUS_SUCCESS ||
        cublasGetProperty(MINOR_VERSION, &minor) != CUBLAS_STATUS_SUCCESS ||
        cublasGetProperty(PATCH_LEVEL, &patch) != CUBLAS_STATUS_SUCCESS)
      return refuse(info, "it does not tell its version");
    snprintf(info->version, sizeof info->version, "%d.%d.%d", major, minor, patch);
    return major == CUBLAS_VER_MAJOR ||
           refuse(info, "expected version %d, which the engine was compiled for, found %s",
                  CUBLAS_VER_MAJOR, info->version);
  }
};

// What NVIDIA's documentation of cublasSetWorkspace recommends, by compute capability.
uint64_t workspace_bytes(int major) {
#ifdef RBN_SIMULATOR
  (void)major;
  return 1 << 12;  // within the small memory limits of tests
#else
  constexpr uint64_t kMebibyte = 1 << 20;
  return major == 12 ? 12 * kMebibyte : major >= 9 ? 32 * kMebibyte : 4 * kMebibyte;
#endif
}

// Some of its kernels have the batches along a dimension of the grid that ends there.
constexpr int64_t kMostBatches = 65535;

class OpenCublas : public Cublas {
 public:
  explicit OpenCublas(const Functions& functions) : call_(functions) {}
  ~OpenCublas() override {
    if (handle_) (void)call_.cublasDestroy_v2(handle_);
  }

  bool create(RbnContext* context, RbnLibraryInfo* info) {
    int major = 0;
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, context->device) != cudaSuccess)
      return refuse(info, "the GPU does not tell its compute capability");
    workspace_bytes_ = workspace_bytes(major);
    cublasStatus_t status = call_.cublasCreate_v2(&handle_);
    if (status != CUBLAS_STATUS_SUCCESS)
      return refuse(info, "cublasCreate: %s", call_.cublasGetStatusString(status));
    status = call_.cublasSetStream_v2(handle_, context->stream);
    return status == CUBLAS_STATUS_SUCCESS ||
           refuse(info, "cublasSetStream: %s", call_.cublasGetStatusString(status));
  }

  int32_t multiply(RbnContext* context, const MatrixProduct& p, RbnError* error) override {
    Workspace workspace(context);
    const cudaError_t code = workspace.allocate(workspace_bytes_);
    if (code == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      return kNotTaken;
    }
    if (code != cudaSuccess) return check(error, code, "workspace");
    const bool tf32 = context->products == RBN_PRODUCTS_TF32;
    for (int64_t done = 0; done < p.batch; done += kMostBatches) {
      const char* what = "";
      const auto call = [&] { return multiply_batches(p, done, tf32, workspace.memory(), &what); };
      cublasStatus_t status = call();
      // Memory of its own comes from the device, of which our pool may hold more than it uses.
      if (status == CUBLAS_STATUS_ALLOC_FAILED && context->trim() == cudaSuccess) status = call();
      if (refused(status)) return kNotTaken;
      if (status != CUBLAS_STATUS_SUCCESS)
        return library_error(context, what, call_.cublasGetStatusString(status), error);
    }
    return RBN_OK;
  }

 private:
  // The batches from `first` on that one call can have.
  cublasStatus_t multiply_batches(const MatrixProduct& p, int64_t first, bool tf32, void* workspace,
                                  const char** what) const {
    // Its own memory would be beyond our pool and its limit. It is the context's stream that both the
    // release of this workspace and the product wait for.
    *what = "cublasSetWorkspace";
    const cublasStatus_t status = call_.cublasSetWorkspace_v2(handle_, workspace, workspace_bytes_);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    // cuBLAS stores matrices by columns: a row-major matrix is its transpose, and out^T = b^T·a^T.
    const float one = 1, zero = 0;
    const int64_t out_step = p.rows * p.columns;
    *what = "cublasGemmStridedBatchedEx_64";
    return call_.cublasGemmStridedBatchedEx_64(
        handle_, p.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, p.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
        p.columns, p.rows, p.depth, &one, p.b + first * p.b_step, CUDA_R_32F,
        p.b_transposed ? p.depth : p.columns, p.b_step, p.a + first * p.a_step, CUDA_R_32F,
        p.a_transposed ? p.rows : p.depth, p.a_step, &zero, p.out + first * out_step, CUDA_R_32F, p.columns,
        out_step, std::min(kMostBatches, p.batch - first),
        tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  }

  // Before a launch: the plain kernel may well do it.
  static bool refused(cublasStatus_t status) {
    return status == CUBLAS_STATUS_INVALID_VALUE || status == CUBLAS_STATUS_ARCH_MISMATCH ||
           status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ALLOC_FAILED;
  }

  const Functions call_;
  cublasHandle_t handle_ = nullptr;
  uint64_t workspace_bytes_ = 0;
};

}  // namespace

const char* cublas_file() { return "libcublas.so." RBN_TEXT(CUBLAS_VER_MAJOR); }
const char* cublas_headers() { return RBN_CUBLAS_HEADERS; }

std::unique_ptr<Cublas> open_cublas(RbnContext* context, const Candidates& candidates,
                                    RbnLibraryInfo* info) {
  Functions functions;
  const auto fits = [&](RbnLibraryInfo* found) { return functions.fits(found); };
  if (!open_library(candidates, functions.symbols(), fits, info) || !context) return nullptr;
  auto opened = std::make_unique<OpenCublas>(functions);
  if (!opened->create(context, info)) return nullptr;
  return opened;
}

}  // namespace rbn

#else  // without headers

namespace rbn {

const char* cublas_file() { return nullptr; }
const char* cublas_headers() { return nullptr; }

std::unique_ptr<Cublas> open_cublas(RbnContext*, const Candidates&, RbnLibraryInfo* info) {
  *info = {};
  refuse(info, "the engine was compiled without cuBLAS's headers");
  return nullptr;
}

}  // namespace rbn

#endif
