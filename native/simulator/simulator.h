// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The simulated device as the runtime's calls see it: its memory, its streams and its sticky error.
#ifndef RBN_SIMULATOR_SIMULATOR_H_
#define RBN_SIMULATOR_SIMULATOR_H_

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "grid.h"
#include "include/simulator/control.h"
#include "memory.h"

namespace rbn {
namespace simulator {

// One recording of an event. Kept alive by the operations that name it.
struct Record {
  rbn_simulator_stream* stream = nullptr;
  bool reached = false;
  std::chrono::steady_clock::time_point time;
  char sync = 0;
};

// One thing that a stream does. A wait has a record and no function.
struct Operation {
  std::function<void()> run;
  std::shared_ptr<Record> wait_for;
  std::unique_ptr<char> sync = std::make_unique<char>();  // what the host did before
  rbn_simulator_stream* stream = nullptr;                 // that runs it
};

struct Simulator {
  static Simulator& instance();

  // Puts an operation on a stream; runs it at once unless deferred.
  void enqueue(cudaStream_t stream, Operation operation);
  // Refuses, on a stream that is captured, what has no place in a graph; that spoils the capture, as on a GPU.
  bool capture_forbids(cudaStream_t stream);
  // Runs all that the stream holds, and takes over what it did.
  void finish(cudaStream_t stream);
  void finish_all();
  // Runs the first operation of the queue, or what it waits for.
  void step(rbn_simulator_stream* stream);
  static void operation_body();  // of the streams' fibers
  // The null stream where `stream` is null; null where it is no stream.
  rbn_simulator_stream* resolve(cudaStream_t stream);
  // From inside an operation, and after it: nothing of what is queued will run.
  void note_failure(cudaError_t error, const std::string& what);
  void drop_queues();
  void set_message(const std::string& text);

  std::recursive_mutex mutex;
  Memory memory;
  std::set<void*> pinned;  // host memory of cudaMallocHost
  std::unique_ptr<rbn_simulator_stream> null_stream;
  std::set<rbn_simulator_stream*> streams;  // with the null stream
  std::map<const void*, int> dynamic_shared_limit;
  std::set<const void*> large_clusters;
  cudaError_t sticky = cudaSuccess;
  char message[1024] = "";  // no std::string: what a stream allocates, TSan takes for its own
  uint64_t seed;
  uint64_t launches = 0;
  rbn_simulator_launch last_launches[16];  // launch k at k % 16
  bool defer;
  uint64_t fail_allocation = 0;
  uint64_t fail_launch;
  uint64_t release_threshold = 0;
  uint64_t reserved = 0;  // the most live bytes since the pool was trimmed

 private:
  Simulator();
};

extern thread_local cudaError_t last_error;
// What this host thread runs for a stream: a kernel or a host function, which may not call the runtime.
extern thread_local Operation* running;
// What a call of the runtime returns: remembers an error, with nothing to say of it.
cudaError_t result(cudaError_t error);
// The same with an explanation for cudaGetErrorString.
cudaError_t refuse(cudaError_t error, const std::string& explanation);

// For the calls of the runtime: one caller at a time, and nothing works after a sticky error.
#define RBN_SIMULATOR_ENTER()                                          \
  if (running) return last_error = cudaErrorNotPermitted;              \
  Simulator& simulator = Simulator::instance();                        \
  std::lock_guard<std::recursive_mutex> lock(simulator.mutex);         \
  if (simulator.sticky != cudaSuccess) return result(simulator.sticky)

constexpr int kMultiprocessorThreads = 2048;
constexpr int kMultiprocessorBlocks = 32;
constexpr size_t kMultiprocessorShared = 228 * 1024;
constexpr size_t kReservedShared = 1024;  // that the driver takes a block
int multiprocessors();
// Blocks that a multiprocessor holds at a time.
int occupancy(unsigned block_threads, size_t shared_bytes);

}  // namespace simulator
}  // namespace rbn

struct rbn_simulator_stream {
  bool blocking = true;  // waits for the null stream, and it for this one
  bool capturing = false, capture_spoiled = false;
  std::vector<std::function<void()>> captured;  // what is put on it while it is captured
  std::deque<rbn::simulator::Operation> queue;
  // On a stack of its own, with room for host functions.
  rbn::simulator::Fiber fiber{&rbn::simulator::Simulator::operation_body, 0, size_t{1} << 20};
  rbn::simulator::ExecutionPool pool;
  char done = 0;  // what it has done
};

// What a stream was given while it was captured; each launch runs copies.
struct rbn_simulator_graph {
  std::vector<std::function<void()>> nodes;
};

struct rbn_simulator_event {
  bool timing = true;
  std::shared_ptr<rbn::simulator::Record> last;  // null until it is recorded
};

#endif  // RBN_SIMULATOR_SIMULATOR_H_
