// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Errors of the engine as exceptions, and addresses as pointers.
#include "session.h"

namespace rbn::addon {
namespace {

const char* StatusCode(int32_t status) {
  switch (status) {
    case RBN_NO_DRIVER: return "NO_DRIVER";
    case RBN_NO_DEVICE: return "NO_DEVICE";
    case RBN_UNSUPPORTED_GPU: return "UNSUPPORTED_GPU";
    case RBN_OUT_OF_MEMORY: return "OUT_OF_MEMORY";
    case RBN_DEVICE_LOST: return "DEVICE_LOST";
    default: return "CUDA_ERROR";
  }
}

void* Find(Napi::Env env, const Session& session, double address, const char* name, uint64_t bytes,
           uint64_t* held) {
  constexpr double kEnd = 1ull << 53;  // beyond it a number is no exact address
  if (!(address >= 0 && address < kEnd)) {
    ThrowRange(env, std::string(name) + ": expected the address of device memory, received " +
                        std::to_string(address));
  }
  void* const pointer = reinterpret_cast<void*>(static_cast<uintptr_t>(address));
  if (session.api->allocated_bytes(session.context(), pointer, held) != RBN_OK) {
    ThrowRange(env, std::string(name) + ": expected device memory of this context, received memory that is " +
                        "released or another's");
  }
  if (*held < bytes) {
    ThrowRange(env, std::string(name) + ": expected at least " + std::to_string(bytes) + " bytes, received " +
                        std::to_string(*held));
  }
  return pointer;
}

}  // namespace

void Check(Napi::Env env, int32_t status, const RbnError& error) {
  if (status == RBN_OK) return;
  if (status == RBN_INVALID_ARGUMENT) ThrowRange(env, error.message);
  Napi::Error exception = Napi::Error::New(env, error.message);
  exception.Set("code", StatusCode(status));
  throw exception;
}

Session& Live(Napi::Env env, const SessionPointer& session) {
  if (session->context() == nullptr) ThrowRange(env, "context: expected a live one, received a destroyed one");
  return *session;
}

void* DevicePointer(Napi::Env env, const Session& session, double address, const char* name, uint64_t bytes) {
  uint64_t held = 0;
  return Find(env, session, address, name, bytes, &held);
}

void* NextPointer(Arguments& args, const Session& session, const char* name, uint64_t bytes, uint64_t* held) {
  const Napi::Value value = args.Next();
  if (!value.IsNumber()) {
    ThrowType(args.Env(), std::string(name) + ": expected the address of device memory, received something else");
  }
  uint64_t ignored = 0;
  return Find(args.Env(), session, value.As<Napi::Number>().DoubleValue(), name, bytes, held ? held : &ignored);
}

std::pair<void*, uint64_t> HostBytes(Arguments& args, const char* name) {
  const Napi::Value value = args.Next();
  if (!value.IsTypedArray()) {
    ThrowType(args.Env(), std::string(name) + ": expected a typed array, received something else");
  }
  void* data = nullptr;
  if (napi_get_typedarray_info(args.Env(), value, nullptr, nullptr, &data, nullptr, nullptr) != napi_ok) {
    ThrowType(args.Env(), std::string(name) + ": expected a typed array, received an unreadable one");
  }
  return {data, value.As<Napi::TypedArray>().ByteLength()};
}

}  // namespace rbn::addon
