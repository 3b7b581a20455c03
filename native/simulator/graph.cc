// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Graphs, made by capturing a stream: a list of what was put on it, in its order.
#include "simulator.h"

namespace rbn {
namespace simulator {

bool Simulator::capture_forbids(cudaStream_t handle) {
  rbn_simulator_stream* const stream = resolve(handle);
  if (!stream->capturing) return false;
  stream->capture_spoiled = true;
  return true;
}

}  // namespace simulator
}  // namespace rbn

using rbn::simulator::last_error;
using rbn::simulator::Operation;
using rbn::simulator::result;
using rbn::simulator::running;
using rbn::simulator::Simulator;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  RBN_SIMULATOR_ENTER();
  if (!stream || !simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (stream->capturing) return result(cudaErrorInvalidValue);
  stream->capturing = true;
  stream->capture_spoiled = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  RBN_SIMULATOR_ENTER();
  if (!stream || !simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (!graph || !stream->capturing) return result(cudaErrorInvalidValue);
  *graph = nullptr;
  stream->capturing = false;
  std::vector<std::function<void()>> nodes = std::move(stream->captured);
  stream->captured.clear();
  if (stream->capture_spoiled) return result(cudaErrorStreamCaptureInvalidated);
  *graph = new rbn_simulator_graph{std::move(nodes)};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  RBN_SIMULATOR_ENTER();
  if (!executable || !graph || flags != 0) return result(cudaErrorInvalidValue);
  *executable = new rbn_simulator_graph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!executable) return result(cudaErrorInvalidValue);
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  for (const std::function<void()>& node : executable->nodes) {
    Operation operation;
    operation.run = node;
    simulator.enqueue(stream, std::move(operation));
  }
  return result(simulator.sticky);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

}  // extern "C"
