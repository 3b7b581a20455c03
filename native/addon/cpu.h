// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Adds the native CPU code's functions to the addon's exports.
#ifndef RBN_ADDON_CPU_H_
#define RBN_ADDON_CPU_H_

#include <napi.h>

namespace rbn::addon {
void ExportCpu(Napi::Env env, Napi::Object exports);
}  // namespace rbn::addon

#endif  // RBN_ADDON_CPU_H_
