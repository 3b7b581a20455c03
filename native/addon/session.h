// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A context of the engine as JavaScript's objects share it, its errors as exceptions, and device memory
// by its address: a number that every call looks up among the context's live allocations.
#ifndef RBN_ADDON_SESSION_H_
#define RBN_ADDON_SESSION_H_

#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../cuda/engine.h"
#include "decode.h"

namespace rbn::addon {

// A context; shared by the functions that work on it, so that the order in which the collector takes
// them does not matter.
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
  std::vector<RbnTensor> tensors;  // of the call under way; kept, because most calls need some

 private:
  RbnContext* context_;
};

using SessionPointer = std::shared_ptr<Session>;

// Throws what an engine's function reported: RangeError for arguments, else an Error with a code, which
// src/binding turns into an RbnError.
void Check(Napi::Env env, int32_t status, const RbnError& error);

// The session, or a RangeError where its context is destroyed.
Session& Live(Napi::Env env, const SessionPointer& session);

// An address as a number becomes a pointer; throws where it is not that of a live allocation of at least
// `bytes`.
void* DevicePointer(Napi::Env env, const Session& session, double address, const char* name, uint64_t bytes);

// The next argument as an address, as above; `held` gets what the allocation holds.
void* NextPointer(Arguments& args, const Session& session, const char* name, uint64_t bytes = 0,
                  uint64_t* held = nullptr);

// The bytes of a typed array, which is the next argument.
std::pair<void*, uint64_t> HostBytes(Arguments& args, const char* name);

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

// What each file adds to a context.
void AddLibraryMethods(Napi::Object object, const SessionPointer& session);  // libraries.cc
void AddMemoryMethods(Napi::Object object, const SessionPointer& session);  // memory.cc
void AddRbnMethods(Napi::Object object, const SessionPointer& session);     // rbn.cc
void AddRunMethods(Napi::Object object, const SessionPointer& session);     // run.cc

}  // namespace rbn::addon

#endif  // RBN_ADDON_SESSION_H_
