// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which error of the CUDA runtime means what to a caller of the engine.
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

namespace rbn {
namespace {

RbnStatus translate(cudaError_t code) {
  switch (code) {
    case cudaErrorMemoryAllocation: return RBN_OUT_OF_MEMORY;
    case cudaErrorInsufficientDriver:  // also what the runtime says where there is no driver at all
    case cudaErrorSystemDriverMismatch: return RBN_NO_DRIVER;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorDevicesUnavailable: return RBN_NO_DEVICE;
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorJitCompilerNotFound:
    case cudaErrorInvalidPtx: return RBN_UNSUPPORTED_GPU;
    // What the runtime's documentation says of these: the process must be ended and started again.
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
#if CUDART_VERSION >= 13000
    case cudaErrorContained:
    case cudaErrorTensorMemoryLeak:
#endif
    case cudaErrorCudartUnloading: return RBN_DEVICE_LOST;
    default: return RBN_CUDA_ERROR;
  }
}

}  // namespace

int32_t fail(RbnError* error, RbnStatus status, const char* format, ...) {
  if (error) {
    error->status = status;
    error->cuda_error = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}

int32_t check(RbnError* error, cudaError_t code, const char* operation) {
  if (code == cudaSuccess) return RBN_OK;
  (void)cudaGetLastError();
  const RbnStatus status = translate(code);
  fail(error, status, "%s: %s: %s", operation, cudaGetErrorName(code), cudaGetErrorString(code));
  if (error) error->cuda_error = code;
  return status;
}

}  // namespace rbn
