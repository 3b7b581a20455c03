// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The case runner's benchmark. A call of each set of arrays goes into one recording, so that a time
// holds no work of the host and the caches hold nothing of what the next call reads.
#include "case_runner_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "case_runner_data.h"

namespace rbn_test {
namespace {

// Random values on the host; arrays repeat them.
constexpr size_t kBlockBytes = size_t{1} << 20;

class Bench {
 public:
  explicit Bench(const Engine& engine) : api_(engine.api()), context_(engine.context()) {
    for (int32_t i = 0; const char* name = api_.operation_name(i); ++i) operations_[name] = i;
  }
  ~Bench() { clear(); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::string device() const;
  std::string prepare(std::istringstream& words);
  std::string time(std::istringstream& words);

 private:
  struct Set {
    RbnForward forward;
    RbnBackward backward;
  };

  void clear();
  // Device memory full of random values; `bytes` a multiple of 2.
  void* random(size_t bytes);
  float* random_floats(size_t count) { return static_cast<float*>(random(count * sizeof(float))); }
  void* memory(size_t bytes);
  Set make_set(const Set* first);
  void call(const std::string& what, const Set& set);
  void run(const char* operation, const void* from, void* to, int32_t dtype, int64_t count,
           std::vector<double> attributes);
  const RbnRecording* recording(const std::string& what);

  const RbnEngineApi& api_;
  RbnContext* const context_;
  std::map<std::string, int32_t> operations_;

  RbnProblem problem_ = {};
  bool residual_ = false;
  size_t x_bytes_ = 0;
  std::vector<unsigned char> block_;
  std::vector<void*> memory_;
  std::vector<Set> sets_;
  std::map<std::string, RbnRecording*> recordings_;
};

std::string Bench::device() const {
  RbnError error = {};
  RbnDeviceInfo info = {};
  check(api_.device_info(0, &info, &error), error, "device_info");
  int32_t driver = 0;
  check(api_.driver_version(&driver, &error), error, "driver_version");
  const auto version = [](int32_t number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
  };
  std::ostringstream out;
  out << "{\"engine\": \"" << api_.kind << "\", \"version\": \"" << api_.version
      << "\", \"name\": \"" << info.name << "\", \"computeCapability\": \"" << info.compute_major
      << "." << info.compute_minor << "\", \"multiprocessors\": " << info.multiprocessors
      << ", \"memoryBytes\": " << info.total_memory << ", \"l2Bytes\": " << info.l2_bytes
      << ", \"cudaRuntime\": \"" << version(api_.cuda_runtime) << "\", \"cudaDriver\": \""
      << version(driver) << "\"}";
  return out.str();
}

void Bench::clear() {
  for (const auto& entry : recordings_) api_.record_free(entry.second);
  recordings_.clear();
  RbnError error = {};
  for (void* p : memory_) (void)api_.release(context_, p, &error);  // what comes next would fail, too
  memory_.clear();
  sets_.clear();
}

void* Bench::memory(size_t bytes) {
  RbnError error = {};
  void* p = nullptr;
  check(api_.allocate(context_, bytes, &p, &error), error, "allocate");
  memory_.push_back(p);
  return p;
}

void Bench::run(const char* operation, const void* from, void* to, int32_t dtype, int64_t count,
                std::vector<double> attributes) {
  RbnTensor in = {};
  in.data = const_cast<void*>(from);
  in.dtype = dtype;
  in.rank = 1;
  in.shape[0] = count;
  RbnTensor out = in;
  out.data = to;
  const RbnCall call = {&in, 1, &out, 1, attributes.data(), static_cast<int32_t>(attributes.size())};
  RbnError error = {};
  check(api_.run(context_, operations_.at(operation), &call, &error), error, operation);
}

void* Bench::random(size_t bytes) {
  char* const p = static_cast<char*>(memory(bytes));
  size_t done = std::min(bytes, block_.size());
  RbnError error = {};
  check(api_.upload(context_, p, block_.data(), done, &error), error, "upload");
  for (size_t more; done < bytes; done += more) {
    more = std::min(done, bytes - done);
    const double size = static_cast<double>(more);
    run("CopyStrided", p, p + done, RBN_TENSOR_BOOL, static_cast<int64_t>(more), {1, size, 0, 1, 0, 1});
  }
  return p;
}

// Random values that are small, so that bfloat16 and float32 both take the bits.
std::vector<unsigned char> random_block(bool bfloat16) {
  std::vector<unsigned char> block(kBlockBytes);
  uint32_t state = 1;
  const auto uniform = [&] {  // in (0, 1)
    state = state * 1664525u + 1013904223u;
    return ((state >> 8) + 0.5) / (1 << 24);
  };
  for (size_t i = 0; i < block.size(); i += bfloat16 ? 2 : 4) {
    const double normal = std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
    if (bfloat16) {
      const uint16_t bits = bfloat16_bits(static_cast<float>(normal));
      std::copy_n(reinterpret_cast<const unsigned char*>(&bits), 2, &block[i]);
    } else {
      const float value = static_cast<float>(normal);
      std::copy_n(reinterpret_cast<const unsigned char*>(&value), 4, &block[i]);
    }
  }
  return block;
}

// Parameters are those of the first set; everything else is the set's own.
Bench::Set Bench::make_set(const Set* first) {
  const size_t channels = static_cast<size_t>(problem_.channels);
  const size_t vector = channels * sizeof(float);
  const bool masked = residual_ && problem_.activation == RBN_RELU;
  Set set = first == nullptr ? Set() : *first;
  RbnForward& f = set.forward;
  if (first == nullptr) {
    f.problem = problem_;
    block_ = random_block(false);
    f.gamma = random_floats(channels);
    f.beta = random_floats(channels);
    f.center_weight = random_floats(channels);
    f.scale_weight = random_floats(channels);
    f.scale_bias = random_floats(channels);
    if (!problem_.training) {
      const std::vector<float> ones(channels, 1.0f);
      f.given_mean = random_floats(channels);
      void* const variance = memory(vector);
      RbnError error = {};
      check(api_.upload(context_, variance, ones.data(), vector, &error), error, "upload");
      f.given_variance = static_cast<float*>(variance);
    }
    if (problem_.dtype == RBN_BFLOAT16) block_ = random_block(true);
  }
  f.x = random(x_bytes_);
  if (residual_) f.residual = random(x_bytes_);
  f.y = memory(x_bytes_);
  if (!problem_.training) return set;

  f.mean = static_cast<float*>(memory(vector));
  f.variance = static_cast<float*>(memory(vector));
  f.state = static_cast<float*>(memory(rbn_state_floats(&problem_) * sizeof(float)));
  if (masked) f.mask = static_cast<uint8_t*>(memory(rbn_mask_bytes(&problem_)));
  RbnBackward& b = set.backward;
  b.problem = problem_;
  b.dy = random(x_bytes_);
  b.x = f.x;
  b.gamma = f.gamma;
  b.beta = f.beta;
  b.center_weight = f.center_weight;
  b.scale_weight = f.scale_weight;
  b.scale_bias = f.scale_bias;
  b.mean = f.mean;
  b.variance = f.variance;
  b.state = f.state;
  b.mask = f.mask;
  b.dx = memory(x_bytes_);
  if (masked) b.dresidual = memory(x_bytes_);
  if (first == nullptr) {
    for (float** gradient : {&b.dgamma, &b.dbeta, &b.dcenter_weight, &b.dscale_weight, &b.dscale_bias})
      *gradient = static_cast<float*>(memory(vector));
  }
  return set;
}

// '8x14x14x256' as a problem's sizes.
void read_shape(const std::string& text, RbnProblem* problem) {
  std::vector<int64_t> sizes;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, 'x');) {
    size_t used = 0;
    const int64_t size = part.empty() || part[0] < '0' || part[0] > '9' ? 0 : std::stoll(part, &used);
    sizes.push_back(used == part.size() ? size : 0);
  }
  if (sizes.size() != 4 || *std::min_element(sizes.begin(), sizes.end()) < 1)
    throw std::invalid_argument("shape: expected one such as 8x14x14x256, received '" + text + "'");
  problem->instances = sizes[0];
  problem->positions = sizes[1] * sizes[2];
  problem->channels = sizes[3];
}

bool either(const char* name, const std::string& text, const char* yes, const char* no) {
  if (text != yes && text != no)
    throw std::invalid_argument(std::string(name) + ": expected " + yes + " or " + no +
                                ", received '" + text + "'");
  return text == yes;
}

std::string Bench::prepare(std::istringstream& words) {
  clear();
  std::string shape, dtype, mode, output;
  int64_t count = 0;
  words >> shape >> dtype >> mode >> output >> count;
  if (count < 1) throw std::invalid_argument("sets: expected at least 1");
  problem_ = {};
  read_shape(shape, &problem_);
  problem_.dtype = either("dtype", dtype, "bfloat16", "float32") ? RBN_BFLOAT16 : RBN_FLOAT32;
  problem_.training = either("mode", mode, "training", "frozen");
  residual_ = either("output", output, "residual_relu", "linear");
  problem_.activation = residual_ ? RBN_RELU : RBN_LINEAR;
  problem_.epsilon = 1e-3;
  x_bytes_ = static_cast<size_t>(problem_.instances * problem_.positions * problem_.channels) *
             (problem_.dtype == RBN_BFLOAT16 ? 2 : 4);
  for (int64_t i = 0; i < count; ++i) sets_.push_back(make_set(i == 0 ? nullptr : &sets_[0]));
  // What a recording holds must have run before; backward reads what forward wrote.
  for (const Set& set : sets_) {
    for (const char* what : {"copy", "kernelCopy", "forward", "backward"})
      if (problem_.training || what != std::string("backward")) call(what, set);
  }
  return "{}";
}

void Bench::call(const std::string& what, const Set& set) {
  RbnError error = {};
  const int64_t bytes = static_cast<int64_t>(x_bytes_);
  if (what == "forward") {
    check(api_.forward(context_, &set.forward, RBN_PLAN_AUTO, &error), error, "forward");
  } else if (what == "backward" && problem_.training) {
    check(api_.backward(context_, &set.backward, RBN_PLAN_AUTO, &error), error, "backward");
  } else if (what == "copy") {
    const double size = static_cast<double>(bytes);
    run("CopyStrided", set.forward.x, set.forward.y, RBN_TENSOR_BOOL, bytes, {1, size, 0, 1, 0, 1});
  } else if (what == "kernelCopy") {
    // One read and one write: the bits of y mean nothing.
    run("Neg", set.forward.x, set.forward.y, RBN_TENSOR_FLOAT32, bytes / 4, {});
  } else {
    throw std::invalid_argument("time: expected forward, backward (training), copy or kernelCopy, received '" +
                                what + "'");
  }
}

const RbnRecording* Bench::recording(const std::string& what) {
  const auto found = recordings_.find(what);
  if (found != recordings_.end()) return found->second;
  RbnError error = {};
  check(api_.record_begin(context_, &error), error, "record_begin");
  std::string failure;
  try {
    for (const Set& set : sets_) call(what, set);
  } catch (const std::exception& e) {
    failure = e.what();
  }
  RbnRecording* made = nullptr;
  const int32_t status = api_.record_end(context_, &made, &error);
  if (!failure.empty()) {
    api_.record_free(made);
    throw std::runtime_error(failure);
  }
  check(status, error, "record_end");
  return recordings_[what] = made;
}

std::string Bench::time(std::istringstream& words) {
  std::string what;
  int count = 0;
  words >> what >> count;
  if (sets_.empty() || count < 1)
    throw std::invalid_argument("time: expected prepare before it, and a number of samples");
  const RbnRecording* const played = recording(what);
  RbnError error = {};
  std::vector<RbnEvent*> events;
  std::string answer;
  // All of it is put on the stream before anything is waited for, behind a play that is not timed: so
  // the device does not wait for the host between two marks.
  for (int i = 0; i <= count; ++i) {
    check(api_.record_play(context_, played, &error), error, "record_play");
    events.push_back(nullptr);
    check(api_.event_record(context_, &events.back(), &error), error, "event_record");
  }
  for (int i = 0; i < count; ++i) {
    float ms = 0;
    check(api_.event_elapsed(context_, events[i], events[i + 1], &ms, &error), error, "event_elapsed");
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", ms / static_cast<double>(sets_.size()));
    answer += (i == 0 ? "" : ", ") + std::string(text);
  }
  for (RbnEvent* event : events) api_.event_free(event);
  return "{\"milliseconds\": [" + answer + "]}";
}

std::string quoted(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return "\"" + out + "\"";
}

}  // namespace

void serve_bench(const Engine& engine) {
  Bench bench(engine);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string request, answer;
    words >> request;
    try {
      if (request == "device")
        answer = bench.device();
      else if (request == "prepare")
        answer = bench.prepare(words);
      else if (request == "time")
        answer = bench.time(words);
      else
        throw std::invalid_argument("expected device, prepare or time, received '" + line + "'");
    } catch (const std::exception& error) {
      answer = "{\"error\": " + quoted(error.what()) + "}";
    }
    std::cout << answer << std::endl;
  }
}

}  // namespace rbn_test
