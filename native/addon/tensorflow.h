// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Adds `registerTensorflow` to the addon's exports: RBN as ops inside the TensorFlow that tfjs-node has loaded.
#ifndef RBN_ADDON_TENSORFLOW_H_
#define RBN_ADDON_TENSORFLOW_H_

#include <napi.h>

namespace rbn::addon {
void ExportTensorflow(Napi::Env env, Napi::Object exports);
}  // namespace rbn::addon

#endif  // RBN_ADDON_TENSORFLOW_H_
