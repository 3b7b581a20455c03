// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The addon's entry: what Node finds when it loads the file. src/binding/native.ts is the same list
// with types. It may be loaded by several worker threads of one process at once.
#include <napi.h>

#include "cpu.h"
#include "engine.h"
#include "tensorflow.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("version", RBN_VERSION);
  rbn::addon::ExportCpu(env, exports);
  rbn::addon::ExportEngine(env, exports);
  rbn::addon::ExportTensorflow(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
