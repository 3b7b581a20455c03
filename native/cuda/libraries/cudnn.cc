// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Convolutions by cuDNN. Compiled with its headers where they were found (RBN_WITH_CUDNN). Algorithms are those that
// cuDNN's heuristics name, in their order, but for those
//   - whose results differ from run to run;
//   - that transform images (FFT, Winograd): they round more, and a NaN or an infinity reaches pixels that the
//     convolution would not let it reach;
//   - that use tensor cores, unless TF32 was asked for; then still those that convert to half floats. Without TF32 all
//     run with CUDNN_FMA_MATH: the default arithmetic may be TF32.
#include "cudnn.h"

#ifdef RBN_WITH_CUDNN

#include <cudnn.h>
#include <stdio.h>

#include <algorithm>
#include <map>

#include "../runtime/context.h"
#include "../runtime/status.h"
#include "rbn_build.h"

#define RBN_TEXT_OF(x) #x
#define RBN_TEXT(x) RBN_TEXT_OF(x)

namespace rbn {
namespace {

#define RBN_CUDNN_FUNCTIONS(X)                   \
  X(cudnnConvolutionBackwardData)                \
  X(cudnnConvolutionBackwardFilter)              \
  X(cudnnConvolutionForward)                     \
  X(cudnnCreate)                                 \
  X(cudnnCreateConvolutionDescriptor)            \
  X(cudnnCreateFilterDescriptor)                 \
  X(cudnnCreateTensorDescriptor)                 \
  X(cudnnDestroy)                                \
  X(cudnnDestroyConvolutionDescriptor)           \
  X(cudnnDestroyFilterDescriptor)                \
  X(cudnnDestroyTensorDescriptor)                \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7) \
  X(cudnnGetConvolutionBackwardDataWorkspaceSize) \
  X(cudnnGetConvolutionBackwardFilterAlgorithm_v7) \
  X(cudnnGetConvolutionBackwardFilterWorkspaceSize) \
  X(cudnnGetConvolutionForwardAlgorithm_v7)      \
  X(cudnnGetConvolutionForwardWorkspaceSize)     \
  X(cudnnGetErrorString)                         \
  X(cudnnGetLastErrorString)                     \
  X(cudnnGetVersion)                             \
  X(cudnnSetConvolution2dDescriptor)             \
  X(cudnnSetConvolutionMathType)                 \
  X(cudnnSetFilter4dDescriptor)                  \
  X(cudnnSetStream)                              \
  X(cudnnSetTensor4dDescriptor)

struct Functions {
#define RBN_FUNCTION(name) decltype(&::name) name = nullptr;
  RBN_CUDNN_FUNCTIONS(RBN_FUNCTION)
#undef RBN_FUNCTION

  std::vector<Symbol> symbols() {
    return {
#define RBN_FUNCTION(name) {#name, reinterpret_cast<void**>(&name)},
        RBN_CUDNN_FUNCTIONS(RBN_FUNCTION)
#undef RBN_FUNCTION
    };
  }

  bool fits(RbnLibraryInfo* info) const {
    if (!cudnnGetVersion) return refuse(info, "it does not tell its version");
    // The file is a front for these; any call of it ends the process where it does not find them.
    for (const char* part : {"libcudnn_graph.so." RBN_TEXT(CUDNN_MAJOR), "libcudnn_ops.so." RBN_TEXT(CUDNN_MAJOR),
                             "libcudnn_cnn.so." RBN_TEXT(CUDNN_MAJOR)})
      if (!open_part(part, info)) return false;
    const int version = static_cast<int>(cudnnGetVersion());
    const int unit = version >= 90000 ? 10000 : 1000;  // until 8.9 a major version was worth 1000
    snprintf(info->version, sizeof info->version, "%d.%d.%d", version / unit, version % unit / 100,
             version % 100);
    return version / unit == CUDNN_MAJOR ||
           refuse(info, "expected version %d, which the engine was compiled for, found %s", CUDNN_MAJOR,
                  info->version);
  }

  // A status with what cuDNN says of its last error.
  void describe(cudnnStatus_t status, char* text, size_t size) const {
    char last[300] = "";
    cudnnGetLastErrorString(last, sizeof last);
    snprintf(text, size, "%s%s%s", cudnnGetErrorString(status), *last ? ": " : "", last);
  }
};

// An algorithm, by its number in the enumeration of the convolution's kind, and how it is to be run.
struct Algorithm {
  int number;
  cudnnMathType_t math;
  size_t bytes;  // workspace
};

}  // namespace

struct CudnnPlan {
  CudnnConvolution convolution;
  cudnnTensorDescriptor_t x = nullptr, y = nullptr;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t how = nullptr;
  std::vector<Algorithm> algorithms;
};

namespace {

// Plans that are kept: many more than a network has convolutions. Programs with ever new shapes begin anew.
constexpr size_t kMostPlans = 1024;

class OpenCudnn : public Cudnn {
 public:
  explicit OpenCudnn(const Functions& functions) : call_(functions) {}
  ~OpenCudnn() override {
    forget_all();
    if (handle_) (void)call_.cudnnDestroy(handle_);
  }

  bool create(RbnContext* context, RbnLibraryInfo* info) {
    const char* what = "cudnnCreate";
    cudnnStatus_t status = call_.cudnnCreate(&handle_);
    if (status == CUDNN_STATUS_SUCCESS) {
      what = "cudnnSetStream";
      status = call_.cudnnSetStream(handle_, context->stream);
    }
    // A library whose other parts do not fit fails here, not in the midst of a network.
    CudnnPlan one;
    if (status == CUDNN_STATUS_SUCCESS) status = create_descriptors(&one, &what);
    forget(&one);
    if (status == CUDNN_STATUS_SUCCESS) return true;
    char text[400];
    call_.describe(status, text, sizeof text);
    return refuse(info, "%s: %s", what, text);
  }

  int32_t find(RbnContext* context, const CudnnConvolution& convolution, CudnnPlan** plan,
               RbnError* error) override {
    auto found = plans_.find(convolution);
    if (found == plans_.end()) {
      if (plans_.size() >= kMostPlans) forget_all();
      CudnnPlan made;
      const char* what = "";
      cudnnStatus_t status = make(convolution, &made, &what);
      if (lacks_memory(status) && context->trim() == cudaSuccess) {
        forget(&made);
        status = make(convolution, &made, &what);
      }
      // What cuDNN refuses is no error: the plan then has no algorithm. For lack of memory it is asked again next time.
      if (status != CUDNN_STATUS_SUCCESS && !refused(status)) {
        forget(&made);
        return lacks_memory(status) ? kNotTaken : failed(context, what, status, error);
      }
      try {
        found = plans_.emplace(convolution, made).first;
      } catch (...) {
        forget(&made);
        throw;
      }
    }
    *plan = &found->second;
    return found->second.algorithms.empty() ? kNotTaken : static_cast<int32_t>(RBN_OK);
  }

  int32_t run(RbnContext* context, const CudnnPlan& plan, float* x, float* filter, float* y,
              RbnError* error) override {
    int32_t status = kNotTaken;
    for (const Algorithm& algorithm : plan.algorithms) {
      status = run_algorithm(context, plan, algorithm, x, filter, y, error);
      if (status != kNotTaken) break;
    }
    return status;
  }

 private:
  // A call of cuDNN where all before went well; the first that does not is named in `what`.
#define RBN_TRY(function, ...)                       \
  do {                                               \
    *what = #function;                               \
    const cudnnStatus_t tried = call_.function(__VA_ARGS__); \
    if (tried != CUDNN_STATUS_SUCCESS) return tried; \
  } while (false)

  cudnnStatus_t create_descriptors(CudnnPlan* plan, const char** what) const {
    RBN_TRY(cudnnCreateTensorDescriptor, &plan->x);
    RBN_TRY(cudnnCreateTensorDescriptor, &plan->y);
    RBN_TRY(cudnnCreateFilterDescriptor, &plan->filter);
    RBN_TRY(cudnnCreateConvolutionDescriptor, &plan->how);
    return CUDNN_STATUS_SUCCESS;
  }

  cudnnStatus_t make(const CudnnConvolution& convolution, CudnnPlan* plan, const char** what) const {
    plan->convolution = convolution;
    plan->algorithms.reserve(2 * CUDNN_CONVOLUTION_FWD_ALGO_COUNT);  // the most there are: nothing throws below
    cudnnStatus_t status = create_descriptors(plan, what);
    if (status == CUDNN_STATUS_SUCCESS) status = describe(plan, what);
    if (status == CUDNN_STATUS_SUCCESS) status = ask(plan, what);
    if (status == CUDNN_STATUS_SUCCESS) status = size_workspaces(plan, what);
    return status;
  }

  cudnnStatus_t describe(CudnnPlan* plan, const char** what) const {
    const CudnnConvolution& c = plan->convolution;
    const auto &h = c.height, &w = c.width;
    const cudnnTensorFormat_t format = c.channels_first ? CUDNN_TENSOR_NCHW : CUDNN_TENSOR_NHWC;
    RBN_TRY(cudnnSetTensor4dDescriptor, plan->x, format, CUDNN_DATA_FLOAT, c.batch, c.in_channels, h.in, w.in);
    RBN_TRY(cudnnSetTensor4dDescriptor, plan->y, format, CUDNN_DATA_FLOAT, c.batch, c.out_channels, h.out,
            w.out);
    RBN_TRY(cudnnSetFilter4dDescriptor, plan->filter, CUDNN_DATA_FLOAT, format, c.out_channels, c.in_channels,
            h.filter, w.filter);
    RBN_TRY(cudnnSetConvolution2dDescriptor, plan->how, h.pad, w.pad, h.stride, w.stride, h.dilation,
            w.dilation, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    RBN_TRY(cudnnSetConvolutionMathType, plan->how, c.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH);
    return CUDNN_STATUS_SUCCESS;
  }

  // Keeps those algorithms of `performance` that are numbered in `allowed`; see above.
  template <class Performance, int kCount>
  static void keep(const Performance (&performance)[kCount], int returned, std::initializer_list<int> allowed,
                   CudnnPlan* plan) {
    for (int i = 0; i < std::min(returned, kCount); ++i) {
      const auto& p = performance[i];
      const bool exact = p.mathType == CUDNN_FMA_MATH || p.mathType == CUDNN_DEFAULT_MATH;
      if (p.status != CUDNN_STATUS_SUCCESS || p.determinism != CUDNN_DETERMINISTIC ||
          p.mathType == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION || !(exact || plan->convolution.tf32) ||
          std::find(allowed.begin(), allowed.end(), static_cast<int>(p.algo)) == allowed.end())
        continue;
      plan->algorithms.push_back(
          {static_cast<int>(p.algo), plan->convolution.tf32 ? p.mathType : CUDNN_FMA_MATH, 0});
    }
  }

  cudnnStatus_t ask(CudnnPlan* plan, const char** what) const {
    int returned = 0;
    switch (plan->convolution.kind) {
      case ConvolutionKind::kForward: {
        cudnnConvolutionFwdAlgoPerf_t performance[2 * CUDNN_CONVOLUTION_FWD_ALGO_COUNT] = {};
        RBN_TRY(cudnnGetConvolutionForwardAlgorithm_v7, handle_, plan->x, plan->filter, plan->how, plan->y,
                2 * CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &returned, performance);
        keep(performance, returned,
             {CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
              CUDNN_CONVOLUTION_FWD_ALGO_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_DIRECT},
             plan);
        break;
      }
      case ConvolutionKind::kInput: {
        cudnnConvolutionBwdDataAlgoPerf_t performance[2 * CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT] = {};
        RBN_TRY(cudnnGetConvolutionBackwardDataAlgorithm_v7, handle_, plan->filter, plan->y, plan->how, plan->x,
                2 * CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, &returned, performance);
        keep(performance, returned, {CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1},
             plan);
        break;
      }
      case ConvolutionKind::kFilter: {
        cudnnConvolutionBwdFilterAlgoPerf_t performance[2 * CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT] = {};
        RBN_TRY(cudnnGetConvolutionBackwardFilterAlgorithm_v7, handle_, plan->x, plan->y, plan->how,
                plan->filter, 2 * CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, &returned, performance);
        keep(performance, returned,
             {CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
              CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3},
             plan);
        break;
      }
    }
    return CUDNN_STATUS_SUCCESS;
  }

  // What the heuristics say of a workspace holds for the arithmetic that they name, not for FMA's. Leaves out the
  // algorithms that cuDNN refuses with the arithmetic that they are to have.
  cudnnStatus_t size_workspaces(CudnnPlan* plan, const char** what) const {
    for (auto algorithm = plan->algorithms.begin(); algorithm != plan->algorithms.end();) {
      const cudnnStatus_t status = size_workspace(*plan, &*algorithm, what);
      if (status != CUDNN_STATUS_SUCCESS && !refused(status)) return status;
      algorithm = status == CUDNN_STATUS_SUCCESS ? algorithm + 1 : plan->algorithms.erase(algorithm);
    }
    return CUDNN_STATUS_SUCCESS;
  }

  cudnnStatus_t size_workspace(const CudnnPlan& plan, Algorithm* algorithm, const char** what) const {
    RBN_TRY(cudnnSetConvolutionMathType, plan.how, algorithm->math);
    switch (plan.convolution.kind) {
      case ConvolutionKind::kForward:
        RBN_TRY(cudnnGetConvolutionForwardWorkspaceSize, handle_, plan.x, plan.filter, plan.how, plan.y,
                static_cast<cudnnConvolutionFwdAlgo_t>(algorithm->number), &algorithm->bytes);
        break;
      case ConvolutionKind::kInput:
        RBN_TRY(cudnnGetConvolutionBackwardDataWorkspaceSize, handle_, plan.filter, plan.y, plan.how, plan.x,
                static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm->number), &algorithm->bytes);
        break;
      case ConvolutionKind::kFilter:
        RBN_TRY(cudnnGetConvolutionBackwardFilterWorkspaceSize, handle_, plan.x, plan.y, plan.how, plan.filter,
                static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm->number), &algorithm->bytes);
        break;
    }
    return CUDNN_STATUS_SUCCESS;
  }

  // Writes the result of one algorithm; kNotTaken where it finds no memory or cuDNN takes its word back.
  int32_t run_algorithm(RbnContext* context, const CudnnPlan& plan, const Algorithm& algorithm, float* x,
                        float* filter, float* y, RbnError* error) const {
    Workspace workspace(context);
    const cudaError_t code = workspace.allocate(algorithm.bytes);
    if (code == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      return kNotTaken;
    }
    if (code != cudaSuccess) return check(error, code, "workspace");
    const char* what = "";
    const auto call = [&] { return compute(plan, algorithm, workspace.memory(), x, filter, y, &what); };
    cudnnStatus_t status = call();
    if (lacks_memory(status) && context->trim() == cudaSuccess) status = call();
    if (status == CUDNN_STATUS_SUCCESS) return RBN_OK;
    return refused(status) || lacks_memory(status) ? kNotTaken : failed(context, what, status, error);
  }

  cudnnStatus_t compute(const CudnnPlan& plan, const Algorithm& algorithm, void* workspace, float* x,
                        float* filter, float* y, const char** what) const {
    const float one = 1, zero = 0;
    RBN_TRY(cudnnSetConvolutionMathType, plan.how, algorithm.math);
    switch (plan.convolution.kind) {
      case ConvolutionKind::kForward:
        RBN_TRY(cudnnConvolutionForward, handle_, &one, plan.x, x, plan.filter, filter, plan.how,
                static_cast<cudnnConvolutionFwdAlgo_t>(algorithm.number), workspace, algorithm.bytes, &zero,
                plan.y, y);
        break;
      case ConvolutionKind::kInput:
        RBN_TRY(cudnnConvolutionBackwardData, handle_, &one, plan.filter, filter, plan.y, y, plan.how,
                static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm.number), workspace, algorithm.bytes, &zero,
                plan.x, x);
        break;
      case ConvolutionKind::kFilter:
        RBN_TRY(cudnnConvolutionBackwardFilter, handle_, &one, plan.x, x, plan.y, y, plan.how,
                static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm.number), workspace, algorithm.bytes,
                &zero, plan.filter, filter);
        break;
    }
    return CUDNN_STATUS_SUCCESS;
  }
#undef RBN_TRY

  // It says so before a launch; the plain kernel may well do it.
  static bool refused(cudnnStatus_t status) {
    const int category = CUDNN_STATUS_CATEGORY(status);
    return category == CUDNN_STATUS_NOT_SUPPORTED || category == CUDNN_STATUS_BAD_PARAM;
  }

  // Of its own, which comes from the device; our pool may hold more of that than it uses.
  static bool lacks_memory(cudnnStatus_t status) {
    return status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
           status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  }

  int32_t failed(RbnContext* context, const char* what, cudnnStatus_t status, RbnError* error) const {
    char text[400];
    call_.describe(status, text, sizeof text);
    return library_error(context, what, text, error);
  }

  void forget(CudnnPlan* plan) const {
    if (plan->x) (void)call_.cudnnDestroyTensorDescriptor(plan->x);
    if (plan->y) (void)call_.cudnnDestroyTensorDescriptor(plan->y);
    if (plan->filter) (void)call_.cudnnDestroyFilterDescriptor(plan->filter);
    if (plan->how) (void)call_.cudnnDestroyConvolutionDescriptor(plan->how);
    *plan = {};
  }

  void forget_all() {
    for (auto& plan : plans_) forget(&plan.second);
    plans_.clear();
  }

  const Functions call_;
  cudnnHandle_t handle_ = nullptr;
  std::map<CudnnConvolution, CudnnPlan> plans_;
};

}  // namespace

const char* cudnn_file() { return "libcudnn.so." RBN_TEXT(CUDNN_MAJOR); }
const char* cudnn_headers() { return RBN_CUDNN_HEADERS; }

std::unique_ptr<Cudnn> open_cudnn(RbnContext* context, const Candidates& candidates,
                                  RbnLibraryInfo* info) {
  Functions functions;
  const auto fits = [&](RbnLibraryInfo* found) { return functions.fits(found); };
  if (!open_library(candidates, functions.symbols(), fits, info) || !context) return nullptr;
  auto opened = std::make_unique<OpenCudnn>(functions);
  if (!opened->create(context, info)) return nullptr;
  return opened;
}

}  // namespace rbn

#else  // without headers

namespace rbn {

const char* cudnn_file() { return nullptr; }
const char* cudnn_headers() { return nullptr; }

std::unique_ptr<Cudnn> open_cudnn(RbnContext*, const Candidates&, RbnLibraryInfo* info) {
  *info = {};
  refuse(info, "the engine was compiled without cuDNN's headers");
  return nullptr;
}

}  // namespace rbn

#endif
