// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The C ABI's recordings: the stream is captured into a CUDA graph.
#include "recording.h"

#include <memory>

#include "abi.h"
#include "guard.h"

RbnRecording::~RbnRecording() {
  // Errors have nobody to go to here. cudaFree waits for what may still use the memory.
  if (cudaSetDevice(device) == cudaSuccess) {
    if (graph) (void)cudaGraphExecDestroy(graph);
    for (const Block& block : blocks_) (void)cudaFree(block.memory);
  }
  (void)cudaGetLastError();
}

cudaError_t RbnRecording::take(uint64_t bytes, void** pointer) {
  for (Block& block : blocks_) {
    if (block.taken || block.bytes != bytes) continue;
    block.taken = true;
    *pointer = block.memory;
    return cudaSuccess;
  }
  blocks_.reserve(blocks_.size() + 1);
  const cudaError_t code = cudaMalloc(pointer, bytes);
  if (code == cudaSuccess) blocks_.push_back({*pointer, bytes, true});
  return code;
}

cudaError_t RbnRecording::give(void* pointer) {
  for (Block& block : blocks_) {
    if (block.memory != pointer) continue;
    block.taken = false;
    return cudaSuccess;
  }
  return cudaErrorInvalidValue;
}

namespace rbn {

int32_t record_begin(RbnContext* context, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (context->recording)
      return fail(error, RBN_INVALID_ARGUMENT, "record_begin: the context is recording");
    if (context->synchronous)
      return fail(error, RBN_INVALID_ARGUMENT, "record_begin: expected a context that is not synchronous");
    auto recording = std::make_unique<RbnRecording>();
    recording->device = context->device;
    // Relaxed: take() may call cudaMalloc.
    const int32_t status =
        check(error, cudaStreamBeginCapture(context->stream, cudaStreamCaptureModeRelaxed),
              "cudaStreamBeginCapture");
    if (status == RBN_OK) context->recording = std::move(recording);
    return status;
  });
}

int32_t record_end(RbnContext* context, RbnRecording** recording, RbnError* error) {
  if (recording) *recording = nullptr;
  return on_device(context, error, [&]() -> int32_t {
    if (!context->recording)
      return fail(error, RBN_INVALID_ARGUMENT, "record_end: expected record_begin before it");
    std::unique_ptr<RbnRecording> ended = std::move(context->recording);
    cudaGraph_t graph = nullptr;
    int32_t status =
        check(error, cudaStreamEndCapture(context->stream, &graph), "cudaStreamEndCapture");
    if (status == RBN_OK)
      status = check(error, cudaGraphInstantiate(&ended->graph, graph, 0), "cudaGraphInstantiate");
    if (graph) (void)cudaGraphDestroy(graph);
    if (status != RBN_OK) return status;
    if (!recording) return no_output("recording", error);
    *recording = ended.release();
    return RBN_OK;
  });
}

int32_t record_play(RbnContext* context, const RbnRecording* recording, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (!recording)
      return fail(error, RBN_INVALID_ARGUMENT, "recording: expected a recording, received null");
    return check(error, cudaGraphLaunch(recording->graph, context->stream), "cudaGraphLaunch");
  });
}

void record_free(RbnRecording* recording) { delete recording; }

}  // namespace rbn
