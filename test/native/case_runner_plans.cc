// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tests of how the engine cuts problems into blocks (native/cuda/rbn/plan.h). A wrong cut mostly
// gives right results, only slowly, on a GPU: so the launches themselves are compared, those of
// shapes at both sides of the plans' bounds. The simulator wants 40 blocks, not 2048.
#include <algorithm>
#include <stdexcept>

#include "case_runner_abi.h"

namespace rbn_test {
namespace {

struct Cut {
  const char* what;
  int64_t instances, positions, channels;
  RbnLayout layout;
  RbnDtype dtype;
  bool training;
  bool masks;      // with a residual, a ReLU and so a mask; else x alone
  int64_t offset;  // bytes off the alignment of vectors
  // 'blocks[threads along x × along y]+dynamic shared memory' of each launch.
  std::string forward, backward;
};

const Cut kCuts[] = {
    {"equal slabs, and whole warps for the mask", 1, 20, 132, RBN_CHANNELS_LAST, RBN_FLOAT32, true,
     true, 0, "2[17x15] 17[8x32] 2[32x8]", "2[17x15] 17[8x32] 2[17x15]"},
    {"vectors that are a power of two", 2, 3, 32, RBN_CHANNELS_LAST, RBN_FLOAT32, true, true, 0,
     "2[8x3] 4[8x32] 2[8x4]", "2[8x3] 4[8x32] 2[8x3]"},
    {"one position", 5, 1, 132, RBN_CHANNELS_LAST, RBN_FLOAT32, true, true, 0,
     "2[17x5] 17[8x32] 2[32x5]", "5[27x5] 17[8x32] 2[17x5]"},
    {"sums of 64 floats, which no padding follows", 4096, 1, 4, RBN_CHANNELS_LAST, RBN_FLOAT32, true,
     false, 4, "16[4x64] 1[8x32] 16[4x64]", "16[4x64] 1[8x32] 16[4x64]"},
    {"pieces of 128 bytes a position", 132, 2, 32, RBN_CHANNELS_LAST, RBN_FLOAT32, false, false, 0,
     "132[8x32]+1280", "132[8x2] 4[8x32] 132[8x2]"},
    {"pieces of 64 bytes, for more blocks", 131, 2, 32, RBN_CHANNELS_LAST, RBN_FLOAT32, false,
     false, 0, "262[4x64]+640", "131[8x2] 4[8x32] 131[8x2]"},
    {"pieces of 32 bytes, for more blocks", 1, 2, 32, RBN_CHANNELS_LAST, RBN_FLOAT32, false, false,
     0, "4[2x128]+320", "1[8x2] 4[8x32] 1[8x2]"},
    {"8 lanes a row, at most", 1, 128, 33, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1] 5[8x32] 2[256x1]", "2[256x1] 5[8x32] 2[256x1]"},
    {"32 lanes a row, at least", 1, 132, 16, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1] 2[8x32] 2[256x1]", "2[256x1] 2[8x32] 2[256x1]"},
    {"blocks to a row, at least", 1, 2052, 2, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1] 1[8x32] 2[256x1]", "2[256x1] 1[8x32] 2[256x1]"},
    {"two chunks a row", 1, 4100, 1, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1] 1[8x32] 2[256x1]", "2[256x1] 1[8x32] 2[256x1]"},
    {"8 lanes a staged row, at most", 1, 63, 65, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1]+16128 9[8x32] 2[256x1]+16128", "2[256x1]+32256 9[8x32] 2[256x1]+32256"},
    {"32 lanes a staged row, at least", 1, 65, 49, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, true, 0,
     "2[256x1]+12480 7[8x32] 2[256x1]+24960", "2[256x1]+24960 7[8x32] 2[256x1]+24960"},
    {"staged rows in bfloat16", 1, 65, 60, RBN_CHANNELS_FIRST, RBN_BFLOAT16, true, false, 0,
     "1[256x1]+12480 8[8x32] 1[256x1]+12480", "1[256x1]+24960 8[8x32] 1[256x1]+24960"},
    {"rows that are staged, at most", 1, 767, 2, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "1[256x1]+24544 1[8x32] 1[256x1]+24544", "1[256x1]+49088 1[8x32] 1[256x1]+49088"},
    {"rows too long to be staged", 1, 769, 2, RBN_CHANNELS_FIRST, RBN_FLOAT32, true, false, 0,
     "2[256x1] 1[8x32] 2[256x1]", "2[256x1] 1[8x32] 2[256x1]"},
    {"rows off the alignment are not staged", 1, 63, 65, RBN_CHANNELS_FIRST, RBN_FLOAT32, true,
     false, 4, "9[256x1] 9[8x32] 9[256x1]", "9[256x1] 9[8x32] 9[256x1]"},
    {"rows that are kept", 1, 128, 9, RBN_CHANNELS_FIRST, RBN_FLOAT32, false, false, 0,
     "1[256x1]+16832", "1[256x1] 2[8x32] 1[256x1]"},
};

// Device memory full of zeros.
class Zeros {
 public:
  Zeros(Machine* machine, size_t bytes) : machine_(machine), memory_(machine->allocate(bytes)) {
    const std::vector<char> zeros(bytes);
    machine->write(memory_, zeros.data(), bytes);
  }
  ~Zeros() { machine_->release(memory_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(memory_);
  }

 private:
  Machine* const machine_;
  void* const memory_;
};

// What a call launched.
template <class Call>
std::string launches(const Engine& engine, Call call) {
  constexpr uint64_t kMost = 4;
  rbn_simulator_launch last[kMost] = {};
  const uint64_t before = engine.launches(nullptr, 0);
  call();
  const uint64_t count = engine.launches(last, kMost) - before;
  if (count > kMost) throw std::runtime_error(std::to_string(count) + " launches");
  std::string text;
  for (uint64_t i = count; i-- > 0;) {
    const rbn_simulator_launch& l = last[i];
    text += (text.empty() ? "" : " ") + std::to_string(l.grid_x) + "[" +
            std::to_string(l.block_x) + "x" + std::to_string(l.block_y) + "]";
    if (l.shared_bytes > 0) text += "+" + std::to_string(l.shared_bytes);
  }
  return text;
}

std::string cuts(const Engine& engine) {
  if (!engine.simulated()) return "";
  const auto difference = [](const Cut& c, const char* direction, const std::string& expected,
                             const std::string& received) {
    if (expected == received) return std::string();
    return std::string(c.what) + ", " + direction + ": expected " + expected + ", received " +
           received + "; ";
  };
  std::string failure;
  for (const Cut& c : kCuts) {
    const auto machine =
        engine.machine(RBN_PLAN_AUTO, RBN_PLAN_AUTO, static_cast<size_t>(c.offset));
    const int64_t elements = c.instances * c.positions * c.channels;
    // Of float32; the mask has fewer bytes than that.
    const size_t bytes = 4 * static_cast<size_t>(std::max<int64_t>(elements, 8));
    const size_t channel_bytes = 4 * static_cast<size_t>(c.channels);
    const Zeros in(machine.get(), bytes), out(machine.get(), bytes), mask(machine.get(), bytes);
    const Zeros state(machine.get(), 4 * channel_bytes * static_cast<size_t>(c.instances));
    const Zeros mean(machine.get(), channel_bytes), variance(machine.get(), channel_bytes);

    RbnForward forward = {};
    forward.problem = {c.instances, c.positions, c.channels, c.layout,
                       c.dtype,     c.training,  c.masks ? RBN_RELU : RBN_LINEAR, 1e-3};
    forward.x = in.as<void>();
    forward.residual = c.masks ? in.as<void>() : nullptr;
    forward.given_mean = forward.given_variance = in.as<float>();
    forward.y = out.as<void>();
    forward.mask = c.masks ? mask.as<uint8_t>() : nullptr;
    forward.state = state.as<float>();
    forward.mean = mean.as<float>();
    forward.variance = variance.as<float>();
    failure += difference(c, "forward", c.forward,
                          launches(engine, [&] { machine->forward(forward); }));

    RbnBackward backward = {};
    backward.problem = forward.problem;
    backward.dy = backward.x = in.as<void>();
    backward.mask = forward.mask;
    backward.state = forward.state;
    backward.mean = backward.variance = in.as<float>();
    backward.dx = out.as<void>();
    failure += difference(c, "backward", c.backward,
                          launches(engine, [&] { machine->backward(backward); }));
  }
  return failure;
}

}  // namespace

std::vector<AbiTest> plan_tests() { return {{"blocks of each plan", cuts}}; }

}  // namespace rbn_test
