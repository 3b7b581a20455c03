// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// NVIDIA's libraries, as an engine's object has them.
#ifndef RBN_ADDON_LIBRARIES_H_
#define RBN_ADDON_LIBRARIES_H_

#include "session.h"

namespace rbn::addon {

void AddLibraries(Napi::Object engine, const RbnEngineApi* api);

}  // namespace rbn::addon

#endif  // RBN_ADDON_LIBRARIES_H_
