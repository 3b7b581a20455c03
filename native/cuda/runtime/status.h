// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// From an error of the CUDA runtime to a status and a message of the engine's C ABI.
#ifndef RBN_CUDA_RUNTIME_STATUS_H_
#define RBN_CUDA_RUNTIME_STATUS_H_

#include <cuda_runtime.h>

#include "../engine.h"

namespace rbn {

// Fills `error` where it is not null and returns `status`.
int32_t fail(RbnError* error, RbnStatus status, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

// RBN_OK where `code` is cudaSuccess. Otherwise takes the error out of the runtime's thread-local
// slot, so that a later call is not blamed for it, and reports "`operation`: name: text".
int32_t check(RbnError* error, cudaError_t code, const char* operation);

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_STATUS_H_
