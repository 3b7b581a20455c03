// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// NVIDIA's libraries of an engine: what it knows of them, and opening one, for a context or only to look.
#include "libraries.h"

#include <string>
#include <vector>

namespace rbn::addon {
namespace {

constexpr int32_t kLibraries = 2;  // of RbnLibrary

// Arguments: the library, then an array of candidates.
Napi::Value Open(const Napi::CallbackInfo& info, const RbnEngineApi* api, RbnContext* context) {
  const Napi::Env env = info.Env();
  Arguments args(info);
  const int32_t library = args.Enum("library", kLibraries - 1);
  const Napi::Value list = args.Next();
  if (!list.IsArray()) ThrowType(env, "candidates: expected an array of paths, received something else");
  const Napi::Array array = list.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value path = array[i];
    if (!path.IsString()) ThrowType(env, "candidates: expected an array of paths, received something else");
    texts.push_back(path.As<Napi::String>().Utf8Value());
  }
  std::vector<const char*> candidates;
  for (const std::string& text : texts) candidates.push_back(text.c_str());
  RbnLibraryInfo found = {};
  RbnError error = {};
  Check(env,
        api->library_open(context, library, candidates.data(), static_cast<int32_t>(candidates.size()), &found, &error),
        error);
  Napi::Object object = Napi::Object::New(env);
  object.Set("inUse", found.in_use != 0);
  object.Set("version", found.version);
  object.Set("path", found.path);
  object.Set("problem", found.problem);
  return object;
}

Napi::Value OpenLibrary(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Session& live = Live(info.Env(), session);
  return Open(info, live.api, live.context());
}

void SetProducts(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const int32_t products = args.Enum("products", RBN_PRODUCTS_PLAIN);
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->set_products(live.context(), products, &error), error);
}

}  // namespace

void AddLibraries(Napi::Object engine, const RbnEngineApi* api) {
  const Napi::Env env = engine.Env();
  Napi::Array libraries = Napi::Array::New(env);
  const auto text = [&](const char* value) -> Napi::Value {
    return value ? static_cast<Napi::Value>(Napi::String::New(env, value)) : env.Null();
  };
  for (int32_t i = 0; i < kLibraries; ++i) {
    Napi::Object library = Napi::Object::New(env);
    library.Set("file", text(api->library_file(i)));
    library.Set("headers", text(api->library_headers(i)));
    libraries.Set(i, library);
  }
  engine.Set("libraries", libraries);
  engine.Set("findLibrary",
             Napi::Function::New(
                 env, [api](const Napi::CallbackInfo& info) { return Open(info, api, nullptr); }, "findLibrary"));
}

void AddLibraryMethods(Napi::Object object, const SessionPointer& session) {
  AddMethod(object, "openLibrary", OpenLibrary, session);
  AddMethod(object, "setProducts", SetProducts, session);
}

}  // namespace rbn::addon
