// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A case's arrays on a machine: inputs, outputs full of NaN, guards around both.
#include <cstring>
#include <stdexcept>

#include "case_runner_machine.h"

namespace rbn_test {
namespace {

// AddressSanitizer watches the very edge of an allocation, which a guard would hide. Elsewhere 256
// bytes on either side, which also keeps the alignment of device memory.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGuard = 0;
#else
constexpr size_t kGuard = 256;
#endif
constexpr unsigned char kGuardByte = 0xA5;
constexpr unsigned char kNanByte = 0xFF;  // four of them are a NaN, and so are two (bfloat16)

using Bytes = std::vector<unsigned char>;

Bytes bytes_of(const std::vector<float>& values, bool bfloat16) {
  Bytes bytes;
  if (bfloat16) {
    for (float value : values) {
      const uint16_t bits = bfloat16_bits(value);
      bytes.push_back(static_cast<unsigned char>(bits & 0xff));
      bytes.push_back(static_cast<unsigned char>(bits >> 8));
    }
  } else if (!values.empty()) {
    bytes.resize(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

std::vector<float> floats_of(const Bytes& bytes, bool bfloat16) {
  std::vector<float> values(bytes.size() / (bfloat16 ? 2 : 4));
  if (bfloat16) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = from_bfloat16_bits(static_cast<uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8));
  } else if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
  }
  return values;
}

class Array {
 public:
  Array(Machine* machine, const char* name, Bytes content, bool input)
      : machine_(machine), name_(name), content_(std::move(content)), input_(input) {
    memory_ = static_cast<char*>(machine_->allocate(content_.size() + 2 * kGuard));
    fill();
  }
  ~Array() {
    try {
      machine_->release(memory_);
    } catch (const std::runtime_error&) {
      // After a failed launch nothing can be released; that launch is what is reported.
    }
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  void* data() const { return memory_ + kGuard; }

  void fill() {
    Bytes all(kGuard, kGuardByte);
    all.insert(all.end(), content_.begin(), content_.end());
    all.insert(all.end(), kGuard, kGuardByte);
    machine_->write(memory_, all.data(), all.size());
  }

  // The content; throws where a guard or an input has changed.
  Bytes read() const {
    Bytes all(content_.size() + 2 * kGuard);
    machine_->read(all.data(), memory_, all.size());
    for (size_t i = 0; i < kGuard; ++i) {
      if (all[i] != kGuardByte)
        throw std::runtime_error(name_ + ": written " + std::to_string(kGuard - i) +
                                 " bytes before its begin");
      if (all[kGuard + content_.size() + i] != kGuardByte)
        throw std::runtime_error(name_ + ": written " + std::to_string(i) + " bytes past its end");
    }
    Bytes content(all.begin() + kGuard, all.end() - kGuard);
    if (input_ && content != content_)
      throw std::runtime_error(name_ + ": an input was written to");
    return content;
  }

 private:
  Machine* const machine_;
  const std::string name_;
  const Bytes content_;  // as it was filled
  const bool input_;
  char* memory_;
};

}  // namespace

struct Arrays::Impl {
  Impl(Machine* m, const Case& table_case) : machine(m), c(table_case) {}
  Machine* const machine;
  const Case c;
  std::vector<std::unique_ptr<Array>> inputs, others;
  Array *y = nullptr, *mean = nullptr, *variance = nullptr, *state = nullptr, *mask = nullptr,
        *dx = nullptr, *dresidual = nullptr, *dgamma = nullptr, *dbeta = nullptr,
        *dcenter_weight = nullptr, *dscale_weight = nullptr, *dscale_bias = nullptr;
  Array *y_alone = nullptr, *dx_alone = nullptr;

  Array* input(const char* name, const std::vector<float>& values, bool bfloat16 = false) {
    inputs.push_back(std::make_unique<Array>(machine, name, bytes_of(values, bfloat16), true));
    return inputs.back().get();
  }
  Array* output(const char* name, size_t bytes) {
    others.push_back(std::make_unique<Array>(machine, name, Bytes(bytes, kNanByte), false));
    return others.back().get();
  }
};

namespace {
template <class T>
T* pointer(const Array* array) {
  return array == nullptr ? nullptr : static_cast<T*>(array->data());
}
}  // namespace

Arrays::Arrays(Machine* machine, const Case& c, const CaseData& data)
    : impl_(std::make_unique<Impl>(machine, c)) {
  Impl& m = *impl_;
  const RbnProblem problem = problem_of(c);
  const size_t elements = static_cast<size_t>(c.elements()) * (c.bfloat16 ? 2 : 4);
  const size_t channels = static_cast<size_t>(c.channels()) * sizeof(float);
  const bool masked = c.relu && c.residual;

  RbnForward& f = forward_;
  f.problem = problem;
  f.x = m.input("x", data.x, c.bfloat16)->data();
  f.residual = c.residual ? m.input("residual", data.residual, c.bfloat16)->data() : nullptr;
  f.gamma = c.affine ? pointer<float>(m.input("gamma", data.gamma)) : nullptr;
  f.beta = c.affine ? pointer<float>(m.input("beta", data.beta)) : nullptr;
  f.center_weight = pointer<float>(m.input("center_weight", data.center_weight));
  f.scale_weight = pointer<float>(m.input("scale_weight", data.scale_weight));
  f.scale_bias = pointer<float>(m.input("scale_bias", data.scale_bias));
  f.given_mean = c.training ? nullptr : pointer<float>(m.input("given_mean", data.given_mean));
  f.given_variance =
      c.training ? nullptr : pointer<float>(m.input("given_variance", data.given_variance));
  f.y = (m.y = m.output("y", elements))->data();
  if (c.training) {
    f.mean = pointer<float>(m.mean = m.output("mean", channels));
    f.variance = pointer<float>(m.variance = m.output("variance", channels));
  }
  f.state = pointer<float>(m.state = m.output("state", rbn_state_floats(&problem) * sizeof(float)));
  if (masked) f.mask = pointer<uint8_t>(m.mask = m.output("mask", rbn_mask_bytes(&problem)));
  m.y_alone = m.output("y without state", elements);
  m.dx_alone = m.output("dx without optional gradients", elements);

  RbnBackward& b = backward_;
  b.problem = problem;
  b.dy = m.input("dy", data.dy, c.bfloat16)->data();
  b.x = f.x;
  b.gamma = f.gamma;
  b.beta = f.beta;
  b.center_weight = f.center_weight;
  b.scale_weight = f.scale_weight;
  b.scale_bias = f.scale_bias;
  b.mean = c.training ? f.mean : f.given_mean;
  b.variance = c.training ? f.variance : f.given_variance;
  b.state = f.state;
  b.mask = f.mask;
  b.dx = (m.dx = m.output("dx", elements))->data();
  if (masked) b.dresidual = (m.dresidual = m.output("dresidual", elements))->data();
  if (c.affine) {
    b.dgamma = pointer<float>(m.dgamma = m.output("dgamma", channels));
    b.dbeta = pointer<float>(m.dbeta = m.output("dbeta", channels));
  }
  b.dcenter_weight = pointer<float>(m.dcenter_weight = m.output("dcenter_weight", channels));
  b.dscale_weight = pointer<float>(m.dscale_weight = m.output("dscale_weight", channels));
  b.dscale_bias = pointer<float>(m.dscale_bias = m.output("dscale_bias", channels));
}

Arrays::~Arrays() = default;

void Arrays::forward() { impl_->machine->forward(forward_); }

void Arrays::forward_without_state() {
  RbnForward call = forward_;
  call.y = impl_->y_alone->data();
  call.state = nullptr;
  call.mask = nullptr;
  impl_->machine->forward(call);
  if (impl_->y_alone->read() != impl_->y->read())
    throw std::runtime_error("y: other bits without state and mask");
}

void Arrays::backward() { impl_->machine->backward(backward_); }

void Arrays::backward_without_options() {
  RbnBackward call = backward_;
  call.dx = impl_->dx_alone->data();
  call.dresidual = nullptr;
  call.dgamma = call.dbeta = nullptr;
  impl_->machine->backward(call);
  if (impl_->dx_alone->read() != impl_->dx->read())
    throw std::runtime_error("dx: other bits without dresidual, dgamma and dbeta");
}

Outputs Arrays::outputs() {
  const Impl& m = *impl_;
  for (const auto& input : m.inputs) input->read();
  for (const auto& output : m.others) output->read();
  const bool bf16 = m.c.bfloat16;
  const auto get = [](const Array* array, bool bfloat16) {
    return array == nullptr ? std::vector<float>() : floats_of(array->read(), bfloat16);
  };
  Outputs out;
  out.y = get(m.y, bf16);
  out.mean = get(m.mean, false);
  out.variance = get(m.variance, false);
  out.dx = get(m.dx, bf16);
  out.dresidual = get(m.dresidual, bf16);
  out.dgamma = get(m.dgamma, false);
  out.dbeta = get(m.dbeta, false);
  out.dcenter_weight = get(m.dcenter_weight, false);
  out.dscale_weight = get(m.dscale_weight, false);
  out.dscale_bias = get(m.dscale_bias, false);
  return out;
}

}  // namespace rbn_test
