// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See decode.h.
#include "decode.h"

#include <cmath>

namespace rbn::addon {
namespace {

// The largest number of elements of one array: its size in bytes stays below 2^53, which JavaScript
// numbers hold exactly, and no index calculation overflows 64 bits.
constexpr int64_t kMaxElements = int64_t{1} << 50;
constexpr int64_t kMaxSize = int64_t{1} << 53;

std::string Describe(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return std::to_string(value.As<Napi::Number>().DoubleValue());
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_external: return "an external value";
    case napi_object: return value.IsTypedArray() ? "a typed array of another type" : "an object";
  }
  return "an unknown value";
}

std::string Expected(const char* name, const std::string& what, const std::string& received) {
  return std::string(name) + ": expected " + what + ", received " + received;
}

void* HostArray(Arguments& args, const char* name, int64_t count, bool optional, napi_typedarray_type type,
                const char* type_name) {
  const Napi::Value value = args.Next();
  if (optional && value.IsNull()) return nullptr;
  const std::string expected = std::string("a ") + type_name + (optional ? " or null" : "");
  if (!value.IsTypedArray()) ThrowType(args.Env(), Expected(name, expected, Describe(value)));
  napi_typedarray_type actual;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer;
  size_t offset = 0;
  if (napi_get_typedarray_info(args.Env(), value, &actual, &length, &data, &buffer, &offset) != napi_ok ||
      actual != type) {
    ThrowType(args.Env(), Expected(name, expected, Describe(value)));
  }
  // A detached array has length 0, so this catches it too unless nothing is expected of it.
  if (length < static_cast<size_t>(count)) {
    ThrowRange(args.Env(),
               Expected(name, "at least " + std::to_string(count) + " elements", std::to_string(length)));
  }
  return data;
}

// a·b for sizes that are not negative; throws where it passes kMaxElements.
int64_t Multiply(Napi::Env env, int64_t a, int64_t b) {
  if (a != 0 && b > kMaxElements / a) {
    ThrowRange(env, "sizes: expected a product of at most 2^50 elements, received " + std::to_string(a) +
                        " times " + std::to_string(b));
  }
  return a * b;
}

// Number of elements of x, after checks that no derived size overflows.
int64_t Elements(Arguments& args, const RbnProblem& p) {
  const int64_t rows = Multiply(args.Env(), p.instances, p.channels);
  Multiply(args.Env(), 4, rows);                                        // the state's planes
  Multiply(args.Env(), p.instances, p.positions);                       // rows of the mask
  const int64_t elements = Multiply(args.Env(), rows, p.positions);
  // A mask has at least one byte a row and at most one an element: bounded by what is checked here.
  return elements;
}

}  // namespace

void ThrowType(Napi::Env env, const std::string& message) { throw Napi::TypeError::New(env, message); }
void ThrowRange(Napi::Env env, const std::string& message) { throw Napi::RangeError::New(env, message); }

int64_t Arguments::Size(const char* name) {
  const Napi::Value value = Next();
  if (!value.IsNumber()) ThrowType(Env(), Expected(name, "a number", Describe(value)));
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= static_cast<double>(kMaxSize)) || number != std::floor(number)) {
    ThrowRange(Env(), Expected(name, "a whole number from 0 to 2^53", Describe(value)));
  }
  return static_cast<int64_t>(number);
}

int32_t Arguments::Enum(const char* name, int32_t last) {
  const Napi::Value value = Next();
  if (!value.IsNumber()) ThrowType(Env(), Expected(name, "a number", Describe(value)));
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= last) || number != std::floor(number)) {
    ThrowRange(Env(), Expected(name, "a whole number from 0 to " + std::to_string(last), Describe(value)));
  }
  return static_cast<int32_t>(number);
}

int32_t Arguments::Bool(const char* name) {
  const Napi::Value value = Next();
  if (!value.IsBoolean()) ThrowType(Env(), Expected(name, "a boolean", Describe(value)));
  return value.As<Napi::Boolean>().Value() ? 1 : 0;
}

double Arguments::Positive(const char* name) {
  const Napi::Value value = Next();
  if (!value.IsNumber()) ThrowType(Env(), Expected(name, "a number", Describe(value)));
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number > 0) || !std::isfinite(number)) {
    ThrowRange(Env(), Expected(name, "a finite number above 0", Describe(value)));
  }
  return number;
}

std::string Arguments::Text(const char* name) {
  const Napi::Value value = Next();
  if (!value.IsString()) ThrowType(Env(), Expected(name, "a string", Describe(value)));
  return value.As<Napi::String>().Utf8Value();
}

void* HostMemoryReader::Floats(Arguments& args, const char* name, int64_t count, bool optional) const {
  return HostArray(args, name, count, optional, napi_float32_array, "Float32Array");
}

uint8_t* HostMemoryReader::Bytes(Arguments& args, const char* name, int64_t count, bool optional) const {
  return static_cast<uint8_t*>(HostArray(args, name, count, optional, napi_uint8_array, "Uint8Array"));
}

RbnProblem DecodeProblem(Arguments& args) {
  RbnProblem p;
  p.instances = args.Size("instances");
  p.positions = args.Size("positions");
  p.channels = args.Size("channels");
  p.layout = args.Enum("layout", RBN_CHANNELS_FIRST);
  p.dtype = RBN_FLOAT32;  // the only one that tfjs has
  p.training = args.Bool("training");
  p.activation = args.Enum("activation", RBN_RELU);
  p.epsilon = args.Positive("epsilon");
  const int64_t elements = Elements(args, p);
  if (p.training && (elements == 0 || elements == p.channels)) {
    ThrowRange(args.Env(), "x: expected more than one value per channel in training, received " +
                               std::to_string(p.instances) + " instances of " + std::to_string(p.positions) +
                               " positions");
  }
  return p;
}

RbnForward DecodeForward(Arguments& args, const MemoryReader& memory) {
  RbnForward call;
  call.problem = DecodeProblem(args);
  const RbnProblem& p = call.problem;
  const int64_t elements = p.instances * p.positions * p.channels;
  const auto channel = [&](const char* name, bool optional) {
    return static_cast<float*>(memory.Floats(args, name, p.channels, optional));
  };
  call.x = memory.Floats(args, "x", elements, false);
  call.residual = memory.Floats(args, "residual", elements, true);
  call.gamma = channel("gamma", true);
  call.beta = channel("beta", true);
  call.center_weight = channel("centerWeight", memory.TakesPlain());
  call.scale_weight = channel("scaleWeight", memory.TakesPlain());
  call.scale_bias = channel("scaleBias", memory.TakesPlain());
  call.given_mean = channel("mean", p.training);
  call.given_variance = channel("variance", p.training);
  call.y = memory.Floats(args, "y", elements, false);
  call.mean = channel("mean (output)", !p.training);
  call.variance = channel("variance (output)", !p.training);
  call.state = static_cast<float*>(memory.Floats(args, "state", rbn_state_floats(&p), true));
  const bool masked = p.activation == RBN_RELU && call.residual != nullptr;
  call.mask = memory.Bytes(args, "mask", masked ? rbn_mask_bytes(&p) : 0, !(masked && call.state != nullptr));
  return call;
}

RbnBackward DecodeBackward(Arguments& args, const MemoryReader& memory) {
  RbnBackward call;
  call.problem = DecodeProblem(args);
  const RbnProblem& p = call.problem;
  const int64_t elements = p.instances * p.positions * p.channels;
  const auto channel = [&](const char* name, bool optional) {
    return static_cast<float*>(memory.Floats(args, name, p.channels, optional));
  };
  call.dy = memory.Floats(args, "dy", elements, false);
  call.x = memory.Floats(args, "x", elements, false);
  call.gamma = channel("gamma", true);
  call.beta = channel("beta", true);
  call.center_weight = channel("centerWeight", memory.TakesPlain());
  call.scale_weight = channel("scaleWeight", memory.TakesPlain());
  call.scale_bias = channel("scaleBias", memory.TakesPlain());
  call.mean = channel("mean", p.training);
  call.variance = channel("variance", false);
  call.state = static_cast<float*>(memory.Floats(args, "state", rbn_state_floats(&p), false));
  call.mask = memory.Bytes(args, "mask", rbn_mask_bytes(&p), true);
  call.dx = memory.Floats(args, "dx", elements, false);
  call.dresidual = memory.Floats(args, "dresidual", elements, true);
  call.dgamma = channel("dgamma", true);
  call.dbeta = channel("dbeta", true);
  call.dcenter_weight = channel("dcenterWeight", memory.TakesPlain());
  call.dscale_weight = channel("dscaleWeight", memory.TakesPlain());
  call.dscale_bias = channel("dscaleBias", memory.TakesPlain());
  if (call.mask != nullptr && p.activation != RBN_RELU) {
    ThrowRange(args.Env(), "mask: expected null without the activation 'relu', received an array");
  }
  if (call.dresidual != nullptr && call.mask == nullptr) {
    ThrowRange(args.Env(), "dresidual: expected null without a mask, received an array");
  }
  return call;
}

}  // namespace rbn::addon
