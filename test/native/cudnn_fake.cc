// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A false cuDNN: what the engine calls, by plain loops, with every argument checked. Its heuristics first name algorithms
// that the engine must not take (not deterministic, transforming, of tensor cores where these are off), then two that it
// may, of which the first needs a workspace.
#include <cudnn.h>

#include "library_fake.h"

using rbn_fake::aligned;
using rbn_fake::failing;
using rbn_fake::log;

struct cudnnContext {
  cudaStream_t stream;
};
struct cudnnTensorStruct {
  cudnnTensorFormat_t format;
  int n, c, h, w;
  // Where an element is; `c` is a filter's channel of x, `n` its channel of y.
  int64_t at(int64_t in, int64_t ic, int64_t ih, int64_t iw) const {
    return format == CUDNN_TENSOR_NCHW ? ((in * c + ic) * h + ih) * w + iw : ((in * h + ih) * w + iw) * c + ic;
  }
  int64_t count() const { return static_cast<int64_t>(n) * c * h * w; }
};
struct cudnnFilterStruct : cudnnTensorStruct {};
struct cudnnConvolutionStruct {
  int pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w;
  cudnnMathType_t math;
};

namespace {

// Bytes of the first algorithm, which needs more with FMA's arithmetic.
size_t workspace_bytes(cudnnMathType_t math) { return math == CUDNN_FMA_MATH ? 1000 : 500; }

// For arguments that the engine must not give. The real one would refuse them, and the engine take another way.
constexpr cudnnStatus_t kMistake = CUDNN_STATUS_EXECUTION_FAILED;

#define RBN_FAIL_ON_REQUEST(name) \
  if (const int status = failing(name)) return static_cast<cudnnStatus_t>(status)

int made(int in, int filter, int pad, int stride, int dilation) {
  const int reach = (filter - 1) * dilation + 1;
  return in + 2 * pad < reach ? 0 : (in + 2 * pad - reach) / stride + 1;
}

bool fits(const cudnnTensorStruct& x, const cudnnTensorStruct& filter, const cudnnConvolutionStruct& how,
          const cudnnTensorStruct& y) {
  return x.n == y.n && x.c == filter.c && y.c == filter.n && x.format == filter.format && x.format == y.format &&
         y.h == made(x.h, filter.h, how.pad_h, how.stride_h, how.dilation_h) &&
         y.w == made(x.w, filter.w, how.pad_w, how.stride_w, how.dilation_w);
}

// Calls f with the places of the factors and the sum of each product of a convolution.
template <class F>
void each_product(const cudnnTensorStruct& x, const cudnnTensorStruct& filter, const cudnnConvolutionStruct& how,
                  const cudnnTensorStruct& y, F&& f) {
  for (int n = 0; n < y.n; ++n)
    for (int i = 0; i < y.h; ++i)
      for (int j = 0; j < y.w; ++j)
        for (int a = 0; a < filter.h; ++a)
          for (int b = 0; b < filter.w; ++b) {
            const int row = i * how.stride_h + a * how.dilation_h - how.pad_h;
            const int column = j * how.stride_w + b * how.dilation_w - how.pad_w;
            if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
            for (int o = 0; o < y.c; ++o)
              for (int c = 0; c < x.c; ++c) f(x.at(n, c, row, column), filter.at(o, c, a, b), y.at(n, o, i, j));
          }
}

template <class Performance, class Algorithm>
cudnnStatus_t name_algorithms(const cudnnTensorStruct& x, const cudnnTensorStruct& filter,
                              const cudnnConvolutionStruct& how, const cudnnTensorStruct& y, int requested,
                              int* returned, Performance* performance, Algorithm uncertain, Algorithm transforming,
                              Algorithm first, Algorithm second) {
  if (!fits(x, filter, how, y)) return kMistake;
  if (how.math != CUDNN_FMA_MATH && how.math != CUDNN_DEFAULT_MATH) return kMistake;
  const cudnnMathType_t listed = how.math == CUDNN_FMA_MATH ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  const Performance all[] = {
      {uncertain, CUDNN_STATUS_SUCCESS, 0.1f, 0, CUDNN_NON_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {transforming, CUDNN_STATUS_SUCCESS, 0.2f, 0, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {first, CUDNN_STATUS_SUCCESS, 0.3f, 0, CUDNN_DETERMINISTIC, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION, {}},
      {first, CUDNN_STATUS_SUCCESS, 0.4f, workspace_bytes(CUDNN_TENSOR_OP_MATH), CUDNN_DETERMINISTIC,
       CUDNN_TENSOR_OP_MATH, {}},
      {first, CUDNN_STATUS_SUCCESS, 0.5f, workspace_bytes(listed), CUDNN_DETERMINISTIC, listed, {}},
      {second, CUDNN_STATUS_SUCCESS, 0.6f, 0, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},
      {first, CUDNN_STATUS_NOT_SUPPORTED, -1, 0, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH, {}},
  };
  *returned = 0;
  for (const Performance& p : all) {
    if (*returned < requested) performance[(*returned)++] = p;
  }
  return CUDNN_STATUS_SUCCESS;
}

// What all three convolutions check. The workspace is overwritten: a sanitizer sees one that is too small.
bool checks(cudnnHandle_t handle, const void* alpha, const void* beta, const cudnnTensorStruct& x,
            const cudnnTensorStruct& filter, const cudnnConvolutionStruct& how, const cudnnTensorStruct& y,
            bool is_first, void* workspace, size_t bytes) {
  if (!handle || !handle->stream || !fits(x, filter, how, y) || *static_cast<const float*>(alpha) != 1 ||
      *static_cast<const float*>(beta) != 0)
    return false;
  if (!is_first) return true;
  if (!aligned(workspace, 256) || bytes < workspace_bytes(how.math)) return false;
  memset(workspace, 0xff, bytes);
  return true;
}

void tell(const char* what, int algorithm, const cudnnTensorStruct& x, const cudnnConvolutionStruct& how) {
  log("%s %d %s pad %d %d of %dx%d %s", what, algorithm, x.format == CUDNN_TENSOR_NCHW ? "NCHW" : "NHWC", how.pad_h,
      how.pad_w, x.h, x.w, how.math == CUDNN_FMA_MATH ? "exact" : "TF32");
}

}  // namespace

RBN_FAKE_EXPORT size_t cudnnGetVersion() {
  const int major = rbn_fake::version(CUDNN_MAJOR);
  return major >= 9 ? major * 10000 + 102 : major * 1000 + 907;
}

RBN_FAKE_EXPORT const char* cudnnGetErrorString(cudnnStatus_t status) {
  static char text[32];
  snprintf(text, sizeof text, "false status %d", static_cast<int>(status));
  return text;
}

RBN_FAKE_EXPORT void cudnnGetLastErrorString(char* message, size_t size) { snprintf(message, size, "its reason"); }

RBN_FAKE_EXPORT cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  RBN_FAIL_ON_REQUEST("cudnnCreate");
  *handle = new cudnnContext();
  log("cudnnCreate");
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  log("cudnnDestroy");
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  RBN_FAIL_ON_REQUEST("cudnnSetStream");
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

#define RBN_DESCRIPTOR(Name, Struct)                                                             \
  RBN_FAKE_EXPORT cudnnStatus_t cudnnCreate##Name##Descriptor(cudnn##Name##Descriptor_t* made) { \
    RBN_FAIL_ON_REQUEST("cudnnCreate" #Name "Descriptor");                                       \
    *made = new Struct();                                                                        \
    log("+descriptor");                                                                          \
    return CUDNN_STATUS_SUCCESS;                                                                 \
  }                                                                                              \
  RBN_FAKE_EXPORT cudnnStatus_t cudnnDestroy##Name##Descriptor(cudnn##Name##Descriptor_t made) { \
    log("-descriptor");                                                                          \
    delete made;                                                                                 \
    return CUDNN_STATUS_SUCCESS;                                                                 \
  }
RBN_DESCRIPTOR(Tensor, cudnnTensorStruct)
RBN_DESCRIPTOR(Filter, cudnnFilterStruct)
RBN_DESCRIPTOR(Convolution, cudnnConvolutionStruct)

RBN_FAKE_EXPORT cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                                         cudnnDataType_t type, int n, int c, int h, int w) {
  RBN_FAIL_ON_REQUEST("cudnnSetTensor4dDescriptor");
  if (type != CUDNN_DATA_FLOAT || n < 1 || c < 1 || h < 1 || w < 1) return kMistake;
  *tensor = {format, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  RBN_FAIL_ON_REQUEST("cudnnSetFilter4dDescriptor");
  if (type != CUDNN_DATA_FLOAT || k < 1 || c < 1 || h < 1 || w < 1) return kMistake;
  *filter = {{format, k, c, h, w}};
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h,
                                                              int pad_w, int stride_h, int stride_w, int dilation_h,
                                                              int dilation_w, cudnnConvolutionMode_t mode,
                                                              cudnnDataType_t type) {
  RBN_FAIL_ON_REQUEST("cudnnSetConvolution2dDescriptor");
  if (pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1 ||
      mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT)
    return kMistake;
  *convolution = {pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, CUDNN_DEFAULT_MATH};
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution,
                                                          cudnnMathType_t math) {
  RBN_FAIL_ON_REQUEST("cudnnSetConvolutionMathType");
  convolution->math = math;
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t filter, cudnnConvolutionDescriptor_t how,
    cudnnTensorDescriptor_t y, int requested, int* returned, cudnnConvolutionFwdAlgoPerf_t* performance) {
  RBN_FAIL_ON_REQUEST("cudnnGetConvolutionForwardAlgorithm_v7");
  log("heuristics");
  return name_algorithms(*x, *filter, *how, *y, requested, returned, performance,
                         CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED,
                         CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM);
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(
    cudnnHandle_t, cudnnFilterDescriptor_t filter, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t how,
    cudnnTensorDescriptor_t dx, int requested, int* returned, cudnnConvolutionBwdDataAlgoPerf_t* performance) {
  RBN_FAIL_ON_REQUEST("cudnnGetConvolutionBackwardDataAlgorithm_v7");
  log("heuristics");
  return name_algorithms(*dx, *filter, *how, *dy, requested, returned, performance, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
                         CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
                         CUDNN_CONVOLUTION_BWD_DATA_ALGO_0);
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(
    cudnnHandle_t, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t how,
    cudnnFilterDescriptor_t dfilter, int requested, int* returned, cudnnConvolutionBwdFilterAlgoPerf_t* performance) {
  RBN_FAIL_ON_REQUEST("cudnnGetConvolutionBackwardFilterAlgorithm_v7");
  log("heuristics");
  return name_algorithms(*x, *dfilter, *how, *dy, requested, returned, performance,
                         CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT,
                         CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3);
}

#define RBN_WORKSPACE_SIZE(Name, Algorithm, kFirst, A, B, C)                                                       \
  RBN_FAKE_EXPORT cudnnStatus_t cudnnGetConvolution##Name##WorkspaceSize(                                          \
      cudnnHandle_t handle, A a, B b, cudnnConvolutionDescriptor_t how, C c, Algorithm algorithm, size_t* bytes) { \
    RBN_FAIL_ON_REQUEST("cudnnGetConvolution" #Name "WorkspaceSize");                                              \
    if (!handle || !a || !b || !how || !c) return kMistake;                                                        \
    *bytes = algorithm == kFirst ? workspace_bytes(how->math) : 0;                                                 \
    return CUDNN_STATUS_SUCCESS;                                                                                   \
  }
RBN_WORKSPACE_SIZE(Forward, cudnnConvolutionFwdAlgo_t, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                   cudnnTensorDescriptor_t, cudnnFilterDescriptor_t, cudnnTensorDescriptor_t)
RBN_WORKSPACE_SIZE(BackwardData, cudnnConvolutionBwdDataAlgo_t, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
                   cudnnFilterDescriptor_t, cudnnTensorDescriptor_t, cudnnTensorDescriptor_t)
RBN_WORKSPACE_SIZE(BackwardFilter, cudnnConvolutionBwdFilterAlgo_t, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
                   cudnnTensorDescriptor_t, cudnnTensorDescriptor_t, cudnnFilterDescriptor_t)

RBN_FAKE_EXPORT cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                                      cudnnTensorDescriptor_t x_of, const void* x,
                                                      cudnnFilterDescriptor_t filter_of, const void* filter,
                                                      cudnnConvolutionDescriptor_t how,
                                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace,
                                                      size_t bytes, const void* beta, cudnnTensorDescriptor_t y_of,
                                                      void* y) {
  RBN_FAIL_ON_REQUEST("cudnnConvolutionForward");
  if (!checks(handle, alpha, beta, *x_of, *filter_of, *how, *y_of,
              algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, workspace, bytes))
    return kMistake;
  tell("forward", algorithm, *x_of, *how);
  const auto *from = static_cast<const float*>(x), *weights = static_cast<const float*>(filter);
  auto* const to = static_cast<float*>(y);
  for (int64_t i = 0; i < y_of->count(); ++i) to[i] = 0;
  each_product(*x_of, *filter_of, *how, *y_of, [&](int64_t i, int64_t w, int64_t o) { to[o] += from[i] * weights[w]; });
  return CUDNN_STATUS_SUCCESS;
}

RBN_FAKE_EXPORT cudnnStatus_t cudnnConvolutionBackwardData(
    cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t filter_of, const void* filter,
    cudnnTensorDescriptor_t dy_of, const void* dy, cudnnConvolutionDescriptor_t how,
    cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, size_t bytes, const void* beta,
    cudnnTensorDescriptor_t dx_of, void* dx) {
  RBN_FAIL_ON_REQUEST("cudnnConvolutionBackwardData");
  if (!checks(handle, alpha, beta, *dx_of, *filter_of, *how, *dy_of, algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
              workspace, bytes))
    return kMistake;
  tell("input", algorithm, *dx_of, *how);
  const auto *from = static_cast<const float*>(dy), *weights = static_cast<const float*>(filter);
  auto* const to = static_cast<float*>(dx);
  for (int64_t i = 0; i < dx_of->count(); ++i) to[i] = 0;
  each_product(*dx_of, *filter_of, *how, *dy_of,
               [&](int64_t i, int64_t w, int64_t o) { to[i] += from[o] * weights[w]; });
  return CUDNN_STATUS_SUCCESS;
}

#ifndef RBN_FAKE_INCOMPLETE
RBN_FAKE_EXPORT cudnnStatus_t cudnnConvolutionBackwardFilter(
    cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_of, const void* x,
    cudnnTensorDescriptor_t dy_of, const void* dy, cudnnConvolutionDescriptor_t how,
    cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace, size_t bytes, const void* beta,
    cudnnFilterDescriptor_t dfilter_of, void* dfilter) {
  RBN_FAIL_ON_REQUEST("cudnnConvolutionBackwardFilter");
  if (!checks(handle, alpha, beta, *x_of, *dfilter_of, *how, *dy_of, algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
              workspace, bytes))
    return kMistake;
  tell("filter", algorithm, *x_of, *how);
  const auto *from = static_cast<const float*>(x), *over = static_cast<const float*>(dy);
  auto* const to = static_cast<float*>(dfilter);
  for (int64_t i = 0; i < dfilter_of->count(); ++i) to[i] = 0;
  each_product(*x_of, *dfilter_of, *how, *dy_of,
               [&](int64_t i, int64_t w, int64_t o) { to[w] += from[i] * over[o]; });
  return CUDNN_STATUS_SUCCESS;
}
#endif  // RBN_FAKE_INCOMPLETE
