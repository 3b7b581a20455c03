// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Streams and events. A stream is a queue; what is on it runs when it is put there, or, deferred, when the
// host waits for it. Under TSan a stream is a thread of its own, whatever host thread does the work: what
// is not ordered by a stream, an event or a synchronisation is a race.
#include <stdlib.h>

#include <chrono>

#include "include/simulator/control.h"
#include "simulator.h"

namespace rbn {
namespace simulator {

thread_local cudaError_t last_error = cudaSuccess;
thread_local Operation* running = nullptr;

cudaError_t result(cudaError_t error) {
  if (error == cudaSuccess) return error;
  last_error = error;
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  if (error != simulator.sticky) simulator.set_message("");
  return error;
}

cudaError_t refuse(cudaError_t error, const std::string& explanation) {
  result(error);
  Simulator::instance().set_message(explanation);
  return error;
}

Simulator::Simulator() : null_stream(std::make_unique<rbn_simulator_stream>()) {
  streams.insert(null_stream.get());
  const char* const seed_text = getenv("RBN_SIMULATOR_SEED");
  seed = seed_text ? strtoull(seed_text, nullptr, 10) : 0;
  const char* const defer_text = getenv("RBN_SIMULATOR_DEFER");
  defer = defer_text && atoi(defer_text) != 0;
  const char* const fail_text = getenv("RBN_SIMULATOR_FAIL_LAUNCH");
  fail_launch = fail_text ? strtoull(fail_text, nullptr, 10) : 0;
}

Simulator& Simulator::instance() {
  // Never destroyed: streams may still be used while the process exits.
  static Simulator& simulator = *new Simulator();
  return simulator;
}

rbn_simulator_stream* Simulator::resolve(cudaStream_t stream) {
  if (!stream) return null_stream.get();
  return streams.count(stream) ? stream : nullptr;
}

void Simulator::note_failure(cudaError_t error, const std::string& what) {
  sticky = error;
  set_message(what);
}

void Simulator::drop_queues() {
  for (rbn_simulator_stream* s : streams) s->queue.clear();
}

void Simulator::set_message(const std::string& text) {
  volatile char* to = message;  // volatile: not through memcpy, which TSan sees
  for (size_t i = 0; i < text.size() && i + 1 < sizeof(message); i++) *to++ = text[i];
  *to = '\0';
}

void Simulator::step(rbn_simulator_stream* stream) {
  Operation& first = stream->queue.front();
  if (first.wait_for && !first.wait_for->reached) {
    step(first.wait_for->stream);
    return;
  }
  Operation operation = std::move(first);
  stream->queue.pop_front();
  operation.stream = stream;
  SwitchPoint host;
  running = &operation;
  stream->fiber.enter(host);
  running = nullptr;
  if (sticky != cudaSuccess) drop_queues();
}

void Simulator::operation_body() {
  Simulator& simulator = instance();
  Operation& operation = *running;
  rbn_simulator_stream* const stream = operation.stream;
  acquire(operation.sync.get());
  if (operation.wait_for) acquire(&operation.wait_for->sync);
  if (stream == simulator.null_stream.get()) {
    for (rbn_simulator_stream* s : simulator.streams) {
      if (s->blocking) acquire(&s->done);
    }
  } else if (stream->blocking) {
    acquire(&simulator.null_stream->done);
  }
  if (operation.run) operation.run();
  operation.run = nullptr;  // here, because it owns what was used here
  release(&stream->done);
}

void Simulator::enqueue(cudaStream_t handle, Operation operation) {
  rbn_simulator_stream* const stream = resolve(handle);
  if (stream->capturing) {
    stream->captured.push_back(std::move(operation.run));
    return;
  }
  // Work of the null stream comes after all earlier work of blocking streams and before all later.
  if (stream == null_stream.get()) {
    for (rbn_simulator_stream* s : streams) {
      while (s != stream && s->blocking && !s->queue.empty()) step(s);
    }
  } else if (stream->blocking) {
    while (!null_stream->queue.empty()) step(null_stream.get());
  }
  if (sticky != cudaSuccess) return;
  release(operation.sync.get());
  stream->queue.push_back(std::move(operation));
  if (!defer) {
    while (!stream->queue.empty()) step(stream);
  }
}

void Simulator::finish(cudaStream_t handle) {
  rbn_simulator_stream* const stream = resolve(handle);
  if (stream == null_stream.get()) {
    for (rbn_simulator_stream* s : streams) {
      while (s->blocking && !s->queue.empty()) step(s);
      if (s->blocking) acquire(&s->done);
    }
  }
  while (!stream->queue.empty()) step(stream);
  acquire(&stream->done);
}

// Streams in turn, in a random order: what they do is not ordered.
void Simulator::finish_all() {
  Random random(seed + launches);
  for (;;) {
    std::vector<rbn_simulator_stream*> busy;
    for (rbn_simulator_stream* s : streams) {
      if (!s->queue.empty()) busy.push_back(s);
    }
    if (busy.empty()) break;
    step(busy[random.below(static_cast<uint32_t>(busy.size()))]);
  }
  for (rbn_simulator_stream* s : streams) acquire(&s->done);
}

}  // namespace simulator
}  // namespace rbn

using rbn::simulator::acquire;
using rbn::simulator::Operation;
using rbn::simulator::Record;
using rbn::simulator::release;
using rbn::simulator::last_error;
using rbn::simulator::result;
using rbn::simulator::running;
using rbn::simulator::Simulator;

extern "C" {

void rbn_simulator_set_seed(uint64_t seed) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  simulator.seed = seed;
  simulator.launches = 0;
}

void rbn_simulator_set_defer(int defer) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  simulator.finish_all();
  simulator.defer = defer != 0;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  RBN_SIMULATOR_ENTER();
  if (!stream || flags > cudaStreamNonBlocking) return result(cudaErrorInvalidValue);
  *stream = new rbn_simulator_stream();
  (*stream)->blocking = flags != cudaStreamNonBlocking;
  simulator.streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  if (!stream || !simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  simulator.finish(stream);
  simulator.streams.erase(stream);
  delete stream;
  return result(simulator.sticky);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  simulator.finish(stream);
  return result(simulator.sticky);
}

cudaError_t cudaDeviceSynchronize() {
  RBN_SIMULATOR_ENTER();
  for (rbn_simulator_stream* s : simulator.streams) {
    if (simulator.capture_forbids(s)) return result(cudaErrorStreamCaptureUnsupported);
  }
  simulator.finish_all();
  return result(simulator.sticky);
}

// Somebody who asks has given the device time: the next answer is "done".
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  const rbn_simulator_stream* const s = simulator.resolve(stream);
  if (!s) return result(cudaErrorInvalidResourceHandle);
  const bool pending = !s->queue.empty();
  simulator.finish(stream);
  if (simulator.sticky != cudaSuccess) return result(simulator.sticky);
  return pending ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  RBN_SIMULATOR_ENTER();
  if (!simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (!function) return result(cudaErrorInvalidValue);
  Operation operation;
  operation.run = [=] { function(data); };
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  RBN_SIMULATOR_ENTER();
  if (!event) return result(cudaErrorInvalidValue);
  *event = new rbn_simulator_event();
  (*event)->timing = !(flags & cudaEventDisableTiming);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  Simulator& simulator = Simulator::instance();
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);
  if (!event) return result(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  RBN_SIMULATOR_ENTER();
  rbn_simulator_stream* const s = simulator.resolve(stream);
  if (!event || !s) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  auto record = std::make_shared<Record>();
  record->stream = s;
  event->last = record;
  Operation operation;
  operation.run = [record] {
    record->reached = true;
    record->time = std::chrono::steady_clock::now();
    release(&record->sync);
  };
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  RBN_SIMULATOR_ENTER();
  if (!event || !simulator.resolve(stream)) return result(cudaErrorInvalidResourceHandle);
  if (simulator.capture_forbids(stream)) return result(cudaErrorStreamCaptureUnsupported);
  if (!event->last) return cudaSuccess;
  Operation operation;
  operation.wait_for = event->last;
  simulator.enqueue(stream, std::move(operation));
  return result(simulator.sticky);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  RBN_SIMULATOR_ENTER();
  if (!event) return result(cudaErrorInvalidResourceHandle);
  if (!event->last) return cudaSuccess;
  Record& record = *event->last;
  while (!record.reached && simulator.sticky == cudaSuccess) simulator.step(record.stream);
  acquire(&record.sync);
  return result(simulator.sticky);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  RBN_SIMULATOR_ENTER();
  if (!event) return result(cudaErrorInvalidResourceHandle);
  const bool pending = event->last && !event->last->reached;
  const cudaError_t error = cudaEventSynchronize(event);
  return error == cudaSuccess && pending ? cudaErrorNotReady : error;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  RBN_SIMULATOR_ENTER();
  if (!milliseconds) return result(cudaErrorInvalidValue);
  if (!begin || !end || !begin->timing || !end->timing || !begin->last || !end->last) {
    return result(cudaErrorInvalidResourceHandle);
  }
  if (!begin->last->reached || !end->last->reached) return cudaErrorNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(end->last->time - begin->last->time).count();
  return cudaSuccess;
}

}  // extern "C"
