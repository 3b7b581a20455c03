// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What every function of the C ABI does around its work: no exception leaves the engine, the
// context's device is current, and a device that is lost says so at each call.
#ifndef RBN_CUDA_RUNTIME_GUARD_H_
#define RBN_CUDA_RUNTIME_GUARD_H_

#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

#include <new>

#include "context.h"
#include "status.h"

namespace rbn {

inline int32_t no_output(const char* name, RbnError* error) {
  return fail(error, RBN_INVALID_ARGUMENT, "%s: expected a place for the result, received null",
              name);
}

// Runs `body`, which returns a status; lack of host memory is a status, too.
template <class F>
int32_t guarded(RbnError* error, F&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(error, RBN_OUT_OF_MEMORY, "host memory: the allocation failed");
  }
}

// Calls `body` with the context's device current; several contexts may share a thread.
template <class F>
int32_t on_device(RbnContext* context, RbnError* error, F&& body) {
  if (!context)
    return fail(error, RBN_INVALID_ARGUMENT, "context: expected a context, received null");
  if (context->lost) {
    return fail(error, RBN_DEVICE_LOST,
                "the device is lost to this process since an earlier error of a kernel");
  }
  int32_t status = check(error, cudaSetDevice(context->device), "cudaSetDevice");
  if (status == RBN_OK) status = guarded(error, body);
  if (status == RBN_DEVICE_LOST) context->lost = true;
  return status;
}

// The same around what launches kernels. Errors begin with the operation's name, because the function
// that reports one does not know for whom it works; a synchronous context waits for the kernels.
template <class F>
int32_t launching(RbnContext* context, const char* name, RbnError* error, F&& body) {
  const int32_t status = on_device(context, error, [&]() -> int32_t {
    const int32_t launched = body();
    if (launched != RBN_OK || !context->synchronous || context->recording) return launched;
    return check(error, cudaStreamSynchronize(context->stream), "waiting for the kernels");
  });
  if (status == RBN_OK || !error) return status;
  char message[sizeof error->message];
  snprintf(message, sizeof message, "%.60s: %.440s", name, error->message);
  memcpy(error->message, message, sizeof message);
  return status;
}

}  // namespace rbn

#endif  // RBN_CUDA_RUNTIME_GUARD_H_
