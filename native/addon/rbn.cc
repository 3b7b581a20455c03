// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A context's methods for RBN itself: forward, backward, their times, and which plan fits.
#include "session.h"

namespace rbn::addon {
namespace {

// Device memory instead of typed arrays.
class DeviceMemoryReader : public MemoryReader {
 public:
  explicit DeviceMemoryReader(const Session& session) : session_(session) {}

  void* Floats(Arguments& args, const char* name, int64_t count, bool optional) const override {
    return Pointer(args, name, 4 * count, optional);
  }
  uint8_t* Bytes(Arguments& args, const char* name, int64_t count, bool optional) const override {
    return static_cast<uint8_t*>(Pointer(args, name, count, optional));
  }
  bool TakesPlain() const override { return true; }

 private:
  void* Pointer(Arguments& args, const char* name, int64_t bytes, bool optional) const {
    if (optional && args.Peek().IsNull()) return (void)args.Next(), nullptr;
    return NextPointer(args, session_, name, static_cast<uint64_t>(bytes));
  }

  const Session& session_;
};

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

}  // namespace

void AddRbnMethods(Napi::Object object, const SessionPointer& session) {
  AddMethod(object, "forward", Forward, session);
  AddMethod(object, "backward", Backward, session);
  AddMethod(object, "planFits", PlanFits, session);
}

}  // namespace rbn::addon
