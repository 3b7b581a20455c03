// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The CUDA engine's C ABI as JavaScript objects: an engine makes contexts, a context makes buffers. A
// buffer is known to be of its context, and a call on what was destroyed is an error, not a crash.
#include "engine.h"

#include <dlfcn.h>

#include <memory>
#include <unordered_set>
#include <utility>

#include "../cuda/engine.h"
#include "decode.h"

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

// Throws what an engine's function reported: RangeError for arguments, else an Error with a code, which
// src/binding turns into an RbnError.
void Check(Napi::Env env, int32_t status, const RbnError& error) {
  if (status == RBN_OK) return;
  if (status == RBN_INVALID_ARGUMENT) ThrowRange(env, error.message);
  Napi::Error exception = Napi::Error::New(env, error.message);
  exception.Set("code", StatusCode(status));
  throw exception;
}

// A context and the buffers that live on it. Shared by the JavaScript objects, so that the order in
// which the collector takes them does not matter.
class Session {
 public:
  Session(const RbnEngineApi* api, RbnContext* context) : api(api), context_(context) {}
  ~Session() { Destroy(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  RbnContext* context() const { return context_; }  // null after Destroy
  void Destroy() {
    if (context_ != nullptr) api->context_destroy(std::exchange(context_, nullptr));
  }

  const RbnEngineApi* const api;

 private:
  RbnContext* context_;
};

// Device memory; released by itself, by its context's end, or when JavaScript drops it.
struct Buffer {
  std::shared_ptr<Session> session;
  void* pointer;
  uint64_t bytes;

  bool released() const { return pointer == nullptr || session->context() == nullptr; }
  ~Buffer() {
    // An error here has nowhere to go; the next call on this context meets it again.
    if (!released()) session->api->release(session->context(), pointer, nullptr);
  }
};

constexpr napi_type_tag kBufferTag = {0x7b6cf5a2d1e84c11, 0x9a53c40be9e8f107};

Buffer* BufferOf(Arguments& args, const Napi::Value& value, const char* name, const Session& session) {
  const std::string expected = std::string(name) + ": expected a buffer of this context, received ";
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kBufferTag)) {
    ThrowType(args.Env(), expected + "something else");
  }
  void* data = nullptr;
  if (napi_unwrap(args.Env(), value, &data) != napi_ok) ThrowType(args.Env(), expected + "something else");
  Buffer* buffer = static_cast<Buffer*>(data);
  if (buffer->released()) ThrowRange(args.Env(), expected + "a released one");
  if (buffer->session.get() != &session) ThrowRange(args.Env(), expected + "one of another context");
  return buffer;
}

// Engine buffers instead of typed arrays.
class DeviceMemoryReader : public MemoryReader {
 public:
  explicit DeviceMemoryReader(const Session& session) : session_(session) {}

  void* Floats(Arguments& args, const char* name, int64_t count, bool optional) const override {
    return Pointer(args, name, 4 * count, optional);
  }
  uint8_t* Bytes(Arguments& args, const char* name, int64_t count, bool optional) const override {
    return static_cast<uint8_t*>(Pointer(args, name, count, optional));
  }

 private:
  void* Pointer(Arguments& args, const char* name, int64_t bytes, bool optional) const {
    const Napi::Value value = args.Next();
    if (optional && value.IsNull()) return nullptr;
    const Buffer* buffer = BufferOf(args, value, name, session_);
    if (buffer->bytes < static_cast<uint64_t>(bytes)) {
      ThrowRange(args.Env(), std::string(name) + ": expected at least " + std::to_string(bytes) +
                                 " bytes, received " + std::to_string(buffer->bytes));
    }
    return buffer->pointer;
  }

  const Session& session_;
};

// The bytes of a typed array.
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

using SessionPointer = std::shared_ptr<Session>;

Session& Live(Napi::Env env, const SessionPointer& session) {
  if (session->context() == nullptr) ThrowRange(env, "context: expected a live one, received a destroyed one");
  return *session;
}

Napi::Value Allocate(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const uint64_t bytes = static_cast<uint64_t>(args.Size("bytes"));
  auto buffer = std::make_unique<Buffer>(Buffer{session, nullptr, bytes});
  RbnError error = {};
  Session& live = Live(info.Env(), session);
  Check(info.Env(), live.api->allocate(live.context(), bytes, &buffer->pointer, &error), error);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("bytes", Napi::Number::New(info.Env(), static_cast<double>(bytes)));
  object.TypeTag(&kBufferTag);
  const napi_status wrapped = napi_wrap(
      info.Env(), object, buffer.get(), [](napi_env, void* data, void*) { delete static_cast<Buffer*>(data); },
      nullptr, nullptr);
  if (wrapped != napi_ok) throw Napi::Error::New(info.Env());
  buffer.release();  // the JavaScript object owns it now
  return object;
}

void Release(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  Buffer* buffer = BufferOf(args, args.Next(), "buffer", live);
  RbnError error = {};
  Check(info.Env(), live.api->release(live.context(), std::exchange(buffer->pointer, nullptr), &error), error);
}

void Upload(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const Buffer* to = BufferOf(args, args.Next(), "to", live);
  const auto [data, bytes] = HostBytes(args, "from");
  if (bytes > to->bytes) {
    ThrowRange(info.Env(), "from: expected at most " + std::to_string(to->bytes) + " bytes, received " +
                               std::to_string(bytes));
  }
  RbnError error = {};
  Check(info.Env(), live.api->upload(live.context(), to->pointer, data, bytes, &error), error);
}

void Download(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const auto [data, bytes] = HostBytes(args, "to");
  const Buffer* from = BufferOf(args, args.Next(), "from", live);
  if (bytes > from->bytes) {
    ThrowRange(info.Env(), "to: expected at most " + std::to_string(from->bytes) + " bytes, received " +
                               std::to_string(bytes));
  }
  RbnError error = {};
  Check(info.Env(), live.api->download(live.context(), data, from->pointer, bytes, &error), error);
}

void Synchronize(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->synchronize(live.context(), &error), error);
}

// The plan and, for benchmarks, before it the number of repeats.
void Forward(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const int32_t plan = args.Enum("plan", RBN_PLAN_FROZEN_ONCE);
  const RbnForward call = DecodeForward(args, DeviceMemoryReader(live));
  RbnError error = {};
  Check(info.Env(), live.api->forward(live.context(), &call, plan, &error), error);
}

void Backward(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const int32_t plan = args.Enum("plan", RBN_PLAN_FROZEN_ONCE);
  const RbnBackward call = DecodeBackward(args, DeviceMemoryReader(live));
  RbnError error = {};
  Check(info.Env(), live.api->backward(live.context(), &call, plan, &error), error);
}

constexpr int32_t kMaxRepeats = 1 << 20;  // keeps a mistyped benchmark from running for days

Napi::Value TimeForward(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const int32_t repeats = args.Enum("repeats", kMaxRepeats);
  const int32_t plan = args.Enum("plan", RBN_PLAN_FROZEN_ONCE);
  const RbnForward call = DecodeForward(args, DeviceMemoryReader(live));
  RbnError error = {};
  float milliseconds = 0;
  Check(info.Env(), live.api->time_forward(live.context(), &call, plan, repeats, &milliseconds, &error), error);
  return Napi::Number::New(info.Env(), milliseconds);
}

Napi::Value TimeBackward(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const int32_t repeats = args.Enum("repeats", kMaxRepeats);
  const int32_t plan = args.Enum("plan", RBN_PLAN_FROZEN_ONCE);
  const RbnBackward call = DecodeBackward(args, DeviceMemoryReader(live));
  RbnError error = {};
  float milliseconds = 0;
  Check(info.Env(), live.api->time_backward(live.context(), &call, plan, repeats, &milliseconds, &error), error);
  return Napi::Number::New(info.Env(), milliseconds);
}

Napi::Value PlanFits(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const int32_t plan = args.Enum("plan", RBN_PLAN_FROZEN_ONCE);
  RbnProblem p = {};
  p.instances = args.Size("instances");
  p.positions = args.Size("positions");
  p.channels = args.Size("channels");
  p.layout = args.Enum("layout", RBN_CHANNELS_FIRST);
  p.dtype = RBN_FLOAT32;
  p.training = args.Bool("training");
  p.epsilon = 1;  // does not decide
  const int32_t backward = args.Bool("backward");
  int32_t fits = 0;
  const int32_t status = live.api->plan_fits(live.context(), &p, backward, plan, &fits);
  return Napi::Boolean::New(info.Env(), status == RBN_OK && fits != 0);
}

void Destroy(const Napi::CallbackInfo&, const SessionPointer& session) { session->Destroy(); }

// A JavaScript method that keeps the session alive as long as the function itself lives.
template <class Result>
void AddMethod(Napi::Object object, const char* name,
               Result (*method)(const Napi::CallbackInfo&, const SessionPointer&), SessionPointer session) {
  object.Set(name, Napi::Function::New(
                       object.Env(),
                       [method, session = std::move(session)](const Napi::CallbackInfo& info) -> Result {
                         return method(info, session);
                       },
                       name));
}

Napi::Value CreateContext(const Napi::CallbackInfo& info, const RbnEngineApi* api) {
  Arguments args(info);
  const int32_t device = args.Enum("device", 1 << 16);
  RbnContext* context = nullptr;
  RbnError error = {};
  Check(info.Env(), api->context_create(device, &context, &error), error);
  auto session = std::make_shared<Session>(api, context);
  Napi::Object object = Napi::Object::New(info.Env());
  AddMethod(object, "allocate", Allocate, session);
  AddMethod(object, "release", Release, session);
  AddMethod(object, "upload", Upload, session);
  AddMethod(object, "download", Download, session);
  AddMethod(object, "synchronize", Synchronize, session);
  AddMethod(object, "forward", Forward, session);
  AddMethod(object, "backward", Backward, session);
  AddMethod(object, "timeForward", TimeForward, session);
  AddMethod(object, "timeBackward", TimeBackward, session);
  AddMethod(object, "planFits", PlanFits, session);
  AddMethod(object, "destroy", Destroy, session);
  return object;
}

Napi::Value DriverVersion(const Napi::CallbackInfo& info, const RbnEngineApi* api) {
  int32_t version = 0;
  RbnError error = {};
  Check(info.Env(), api->driver_version(&version, &error), error);
  return Napi::Number::New(info.Env(), version);
}

Napi::Value Devices(const Napi::CallbackInfo& info, const RbnEngineApi* api) {
  int32_t count = 0;
  RbnError error = {};
  Check(info.Env(), api->device_count(&count, &error), error);
  Napi::Array devices = Napi::Array::New(info.Env());
  for (int32_t i = 0; i < count; ++i) {
    RbnDeviceInfo device = {};
    Check(info.Env(), api->device_info(i, &device, &error), error);
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("name", device.name);
    object.Set("computeCapability",
               std::to_string(device.compute_major) + "." + std::to_string(device.compute_minor));
    object.Set("multiprocessors", device.multiprocessors);
    object.Set("supported", device.supported != 0);
    object.Set("totalMemory", static_cast<double>(device.total_memory));
    object.Set("freeMemory", static_cast<double>(device.free_memory));
    devices.Set(static_cast<uint32_t>(i), object);
  }
  return devices;
}

Napi::Value OpenEngine(const Napi::CallbackInfo& info) {
  Arguments args(info);
  const std::string path = args.Text("path");
  const auto fail = [&](const std::string& why) { throw Napi::Error::New(info.Env(), why); };
  // Never closed: a CUDA runtime cannot be unloaded while its threads may still run.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) fail(dlerror());
  const auto get = reinterpret_cast<RbnEngineApiFunction>(dlsym(library, RBN_ENGINE_SYMBOL));
  if (get == nullptr) fail(path + " has no symbol " RBN_ENGINE_SYMBOL);
  const RbnEngineApi* api = get();
  if (api->abi_version != RBN_ENGINE_ABI_VERSION) {
    fail(path + " has ABI version " + std::to_string(api->abi_version) + ", this addon needs " +
         std::to_string(RBN_ENGINE_ABI_VERSION));
  }
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("kind", api->kind);
  object.Set("version", api->version);
  object.Set("architectures", api->architectures);
  object.Set("cudaRuntime", api->cuda_runtime);
  const auto add = [&](const char* name, Napi::Value (*f)(const Napi::CallbackInfo&, const RbnEngineApi*)) {
    object.Set(name, Napi::Function::New(
                         info.Env(), [f, api](const Napi::CallbackInfo& call) { return f(call, api); }, name));
  };
  add("driverVersion", DriverVersion);
  add("devices", Devices);
  add("createContext", CreateContext);
  return object;
}

}  // namespace

void ExportEngine(Napi::Env env, Napi::Object exports) {
  exports.Set("openEngine", Napi::Function::New<OpenEngine>(env, "openEngine"));
}

}  // namespace rbn::addon
