// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Time on the device: points in the stream, and the milliseconds between two of them.
#include <cuda_runtime.h>

#include <memory>

#include "abi.h"
#include "guard.h"

struct RbnEvent {
  cudaEvent_t event = nullptr;

  ~RbnEvent() {
    if (event) (void)cudaEventDestroy(event);
  }
};

namespace rbn {

int32_t event_record(RbnContext* context, RbnEvent** event, RbnError* error) {
  if (!event) return no_output("event", error);
  *event = nullptr;
  return on_device(context, error, [&]() -> int32_t {
    auto made = std::make_unique<RbnEvent>();
    int32_t status = check(error, cudaEventCreate(&made->event), "cudaEventCreate");
    if (status == RBN_OK)
      status = check(error, cudaEventRecord(made->event, context->stream), "cudaEventRecord");
    if (status == RBN_OK) *event = made.release();
    return status;
  });
}

int32_t event_elapsed(RbnContext* context, const RbnEvent* begin, const RbnEvent* end,
                      float* milliseconds, RbnError* error) {
  if (!milliseconds) return no_output("milliseconds", error);
  *milliseconds = 0.0f;
  return on_device(context, error, [&]() -> int32_t {
    if (!begin || !end)
      return fail(error, RBN_INVALID_ARGUMENT, "event: expected an event, received null");
    const int32_t status = check(error, cudaEventSynchronize(end->event), "cudaEventSynchronize");
    if (status != RBN_OK) return status;
    return check(error, cudaEventElapsedTime(milliseconds, begin->event, end->event),
                 "cudaEventElapsedTime");
  });
}

void event_free(RbnEvent* event) { delete event; }

}  // namespace rbn
