// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Copies between host and device. A download in steps goes through pinned memory, which the device
// fills while JavaScript goes on; some other thread waits for it.
#include <cuda_runtime.h>
#include <string.h>

#include <memory>

#include "abi.h"
#include "guard.h"
#include "staging.h"

struct RbnDownload {
  int device = 0;
  rbn::Staging staging;
  uint64_t bytes = 0;
  cudaEvent_t done = nullptr;

  ~RbnDownload() {
    // The copy may still be under way where nobody has waited for it.
    if (done) (void)cudaEventSynchronize(done);
    if (done) (void)cudaEventDestroy(done);
    staging.give_back();
    (void)cudaGetLastError();
  }
};

namespace rbn {
namespace {

// Calls `body` where there are bytes to copy.
template <class F>
int32_t copying(RbnContext* context, const char* operation, const void* to, const void* from,
                uint64_t bytes, RbnError* error, F&& body) {
  return on_device(context, error, [&]() -> int32_t {
    if (bytes == 0) return RBN_OK;
    if (!to || !from)
      return fail(error, RBN_INVALID_ARGUMENT, "%s: expected memory, received null", operation);
    return check(error, body(), operation);
  });
}

}  // namespace

int32_t upload(RbnContext* context, void* to, const void* from_host, uint64_t bytes,
               RbnError* error) {
  return copying(context, "upload", to, from_host, bytes, error,
                 [&] { return context->uploads.copy(to, from_host, bytes, context->stream); });
}

int32_t download(RbnContext* context, void* to_host, const void* from, uint64_t bytes,
                 RbnError* error) {
  return copying(context, "download", to_host, from, bytes, error, [&] {
    const cudaError_t code =
        cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost, context->stream);
    return code == cudaSuccess ? cudaStreamSynchronize(context->stream) : code;
  });
}

int32_t set_synchronous(RbnContext* context, int32_t on, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    context->synchronous = on != 0;
    return RBN_OK;
  });
}

int32_t synchronize(RbnContext* context, RbnError* error) {
  return on_device(context, error, [&] {
    return check(error, cudaStreamSynchronize(context->stream), "synchronize");
  });
}

int32_t synchronize_device(RbnContext* context, RbnError* error) {
  return on_device(context, error,
                   [&] { return check(error, cudaDeviceSynchronize(), "synchronize_device"); });
}

int32_t download_begin(RbnContext* context, const void* from, uint64_t bytes,
                       RbnDownload** download, RbnError* error) {
  if (!download) return no_output("download", error);
  *download = nullptr;
  return on_device(context, error, [&]() -> int32_t {
    auto made = std::make_unique<RbnDownload>();
    made->device = context->device;
    made->bytes = bytes;
    if (bytes > 0 && !from)
      return fail(error, RBN_INVALID_ARGUMENT, "download: expected memory, received null");
    int32_t status = RBN_OK;
    if (bytes > 0) status = check(error, made->staging.take(bytes), "download: pinned memory");
    // Before the copy: without an event nobody could wait until the memory may be used again.
    if (status == RBN_OK)
      status = check(
          error,
          cudaEventCreateWithFlags(&made->done, cudaEventDisableTiming | cudaEventBlockingSync),
          "download: cudaEventCreate");
    if (status != RBN_OK) return status;
    if (bytes > 0) {
      status = check(error,
                     cudaMemcpyAsync(made->staging.memory(), from, bytes, cudaMemcpyDeviceToHost,
                                     context->stream),
                     "download");
      if (status != RBN_OK) return status;
    }
    status = check(error, cudaEventRecord(made->done, context->stream), "download: cudaEventRecord");
    if (status == RBN_OK) *download = made.release();
    else (void)cudaStreamSynchronize(context->stream);  // the copy is under way
    return status;
  });
}

int32_t download_finish(RbnDownload* download, void* to_host, RbnError* error) {
  if (!download || (download->bytes > 0 && !to_host))
    return fail(error, RBN_INVALID_ARGUMENT, "download: expected memory, received null");
  if (download->bytes > 0 && !download->staging.memory())
    return fail(error, RBN_INVALID_ARGUMENT, "download: it is finished already");
  int32_t status = check(error, cudaSetDevice(download->device), "cudaSetDevice");
  if (status == RBN_OK) status = check(error, cudaEventSynchronize(download->done), "download");
  if (status == RBN_OK && download->bytes > 0)
    memcpy(to_host, download->staging.memory(), download->bytes);
  // Here, where it may wait, and not when JavaScript's thread ends the download.
  if (status == RBN_OK) download->staging.give_back();
  return status;
}

void download_free(RbnDownload* download) { delete download; }

}  // namespace rbn
