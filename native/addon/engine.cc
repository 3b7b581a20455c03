// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opens the CUDA engine, and gives its devices and contexts as JavaScript objects. A call on what was
// destroyed is an error, not a crash.
#include "engine.h"

#include <memory>

#include "../cuda/open_engine.h"
#include "libraries.h"
#include "session.h"

namespace rbn::addon {
namespace {

Napi::Value CreateContext(const Napi::CallbackInfo& info, const RbnEngineApi* api) {
  Arguments args(info);
  const int32_t device = args.Enum("device", 1 << 16);
  RbnContext* context = nullptr;
  RbnError error = {};
  Check(info.Env(), api->context_create(device, &context, &error), error);
  auto session = std::make_shared<Session>(api, context);
  Napi::Object object = Napi::Object::New(info.Env());
  AddLibraryMethods(object, session);
  AddMemoryMethods(object, session);
  AddRunMethods(object, session);
  AddRbnMethods(object, session);
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
  std::string problem;
  const RbnEngineApi* const api = open_engine(path, &problem);
  if (api == nullptr) throw Napi::Error::New(info.Env(), problem);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("kind", api->kind);
  object.Set("version", api->version);
  object.Set("architectures", api->architectures);
  object.Set("cudaRuntime", api->cuda_runtime);
  Napi::Array operations = Napi::Array::New(info.Env());
  for (int32_t i = 0; api->operation_name(i) != nullptr; ++i) {
    Napi::Object operation = Napi::Object::New(info.Env());
    operation.Set("name", api->operation_name(i));
    operation.Set("takesHost", api->operation_takes_host(i) != 0);
    operations.Set(i, operation);
  }
  object.Set("operations", operations);
  AddLibraries(object, api);
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
