// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Adds `openEngine` to the addon's exports: the CUDA engine's C ABI as JavaScript objects.
#ifndef RBN_ADDON_ENGINE_H_
#define RBN_ADDON_ENGINE_H_

#include <napi.h>

namespace rbn::addon {
void ExportEngine(Napi::Env env, Napi::Object exports);
}  // namespace rbn::addon

#endif  // RBN_ADDON_ENGINE_H_
