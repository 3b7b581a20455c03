// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A context's methods for memory, copies and time.
#include <memory>

#include "session.h"

namespace rbn::addon {
namespace {

Napi::Value Allocate(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const uint64_t bytes = static_cast<uint64_t>(args.Size("bytes"));
  Session& live = Live(info.Env(), session);
  void* pointer = nullptr;
  RbnError error = {};
  Check(info.Env(), live.api->allocate(live.context(), bytes, &pointer, &error), error);
  return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(pointer)));
}

void Release(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  void* pointer = NextPointer(args, live, "address");
  RbnError error = {};
  Check(info.Env(), live.api->release(live.context(), pointer, &error), error);
}

Napi::Value Memory(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Session& live = Live(info.Env(), session);
  RbnMemory memory = {};
  RbnError error = {};
  Check(info.Env(), live.api->memory(live.context(), &memory, &error), error);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("used", static_cast<double>(memory.used));
  object.Set("peak", static_cast<double>(memory.peak));
  object.Set("reserved", static_cast<double>(memory.reserved));
  object.Set("limit", static_cast<double>(memory.limit));
  object.Set("allocations", static_cast<double>(memory.allocations));
  return object;
}

void SetMemoryLimit(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const uint64_t bytes = static_cast<uint64_t>(args.Size("bytes"));
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->set_memory_limit(live.context(), bytes, &error), error);
}

void FailAllocation(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const uint64_t k = static_cast<uint64_t>(args.Size("k"));
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->fail_allocation(live.context(), k, &error), error);
}

void SetSynchronous(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  const int32_t on = args.Bool("on");
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->set_synchronous(live.context(), on, &error), error);
}

void Upload(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  uint64_t held = 0;
  void* to = NextPointer(args, live, "to", 0, &held);
  const auto [data, bytes] = HostBytes(args, "from");
  if (bytes > held) {
    ThrowRange(info.Env(), "from: expected at most " + std::to_string(held) + " bytes, received " +
                               std::to_string(bytes));
  }
  RbnError error = {};
  Check(info.Env(), live.api->upload(live.context(), to, data, bytes, &error), error);
}

void Download(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const auto [data, bytes] = HostBytes(args, "to");
  const void* from = NextPointer(args, live, "from", bytes);
  RbnError error = {};
  Check(info.Env(), live.api->download(live.context(), data, from, bytes, &error), error);
}

// Waits in a thread of libuv's pool and resolves a promise.
class DownloadWorker : public Napi::AsyncWorker {
 public:
  DownloadWorker(const SessionPointer& session, RbnDownload* download, Napi::TypedArray to, void* data)
      : AsyncWorker(to.Env(), "tfjs-rbn download"), session_(session), download_(download), data_(data),
        promise_(Napi::Promise::Deferred::New(to.Env())), to_(Napi::Persistent(to.As<Napi::Object>())) {}
  ~DownloadWorker() override { session_->api->download_free(download_); }

  Napi::Promise Promise() const { return promise_.Promise(); }

  void Execute() override { status_ = session_->api->download_finish(download_, data_, &error_); }
  void OnOK() override {
    try {
      Check(Env(), status_, error_);
      promise_.Resolve(Env().Undefined());
    } catch (const Napi::Error& e) {
      promise_.Reject(e.Value());
    }
  }

 private:
  const SessionPointer session_;
  RbnDownload* const download_;
  void* const data_;
  const Napi::Promise::Deferred promise_;
  const Napi::ObjectReference to_;  // keeps the array while it is written
  int32_t status_ = RBN_OK;
  RbnError error_ = {};
};

Napi::Value DownloadAsync(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Arguments args(info);
  Session& live = Live(info.Env(), session);
  const Napi::Value to = info[0];
  const auto [data, bytes] = HostBytes(args, "to");
  const void* from = NextPointer(args, live, "from", bytes);
  RbnDownload* download = nullptr;
  RbnError error = {};
  Check(info.Env(), live.api->download_begin(live.context(), from, bytes, &download, &error), error);
  auto* worker = new DownloadWorker(session, download, to.As<Napi::TypedArray>(), data);
  const Napi::Promise promise = worker->Promise();
  worker->Queue();  // deletes itself
  return promise;
}

void Synchronize(const Napi::CallbackInfo& info, const SessionPointer& session) {
  Session& live = Live(info.Env(), session);
  RbnError error = {};
  Check(info.Env(), live.api->synchronize(live.context(), &error), error);
}

struct EventHolder {
  SessionPointer session;
  RbnEvent* event = nullptr;
  ~EventHolder() { session->api->event_free(event); }
};

std::shared_ptr<EventHolder> RecordEvent(Napi::Env env, const SessionPointer& session) {
  Session& live = Live(env, session);
  auto holder = std::make_shared<EventHolder>();
  holder->session = session;
  RbnError error = {};
  Check(env, live.api->event_record(live.context(), &holder->event, &error), error);
  return holder;
}

// A function that stops the timer and returns another, which waits for the device and gives the milliseconds there from
// this call to the stop. So that many intervals can be recorded before anybody waits.
Napi::Value StartTimer(const Napi::CallbackInfo& info, const SessionPointer& session) {
  return Napi::Function::New(
      info.Env(), [begin = RecordEvent(info.Env(), session)](const Napi::CallbackInfo& stop) -> Napi::Value {
        return Napi::Function::New(
            stop.Env(), [begin, end = RecordEvent(stop.Env(), begin->session)](const Napi::CallbackInfo& read) -> Napi::Value {
              Session& live = Live(read.Env(), begin->session);
              RbnError error = {};
              float milliseconds = 0;
              Check(read.Env(), live.api->event_elapsed(live.context(), begin->event, end->event, &milliseconds, &error),
                    error);
              return Napi::Number::New(read.Env(), milliseconds);
            });
      });
}

void Destroy(const Napi::CallbackInfo&, const SessionPointer& session) { session->Destroy(); }

}  // namespace

void AddMemoryMethods(Napi::Object object, const SessionPointer& session) {
  AddMethod(object, "allocate", Allocate, session);
  AddMethod(object, "release", Release, session);
  AddMethod(object, "memory", Memory, session);
  AddMethod(object, "setMemoryLimit", SetMemoryLimit, session);
  AddMethod(object, "failAllocation", FailAllocation, session);
  AddMethod(object, "setSynchronous", SetSynchronous, session);
  AddMethod(object, "upload", Upload, session);
  AddMethod(object, "download", Download, session);
  AddMethod(object, "downloadAsync", DownloadAsync, session);
  AddMethod(object, "synchronize", Synchronize, session);
  AddMethod(object, "startTimer", StartTimer, session);
  AddMethod(object, "destroy", Destroy, session);
}

}  // namespace rbn::addon
