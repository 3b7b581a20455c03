// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opens an engine's shared library, for those who use its C ABI.
#ifndef RBN_CUDA_OPEN_ENGINE_H_
#define RBN_CUDA_OPEN_ENGINE_H_

#include <dlfcn.h>

#include <string>

#include "engine.h"

namespace rbn {

// The engine's table, or null with `problem` saying why.
inline const RbnEngineApi* open_engine(const std::string& path, std::string* problem) {
  // Never closed: a CUDA runtime cannot be unloaded while its threads may still run.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    *problem = dlerror();
    return nullptr;
  }
  const auto get = reinterpret_cast<RbnEngineApiFunction>(dlsym(library, RBN_ENGINE_SYMBOL));
  if (!get) {
    *problem = path + " has no symbol " RBN_ENGINE_SYMBOL;
    return nullptr;
  }
  const RbnEngineApi* const api = get();
  if (api->abi_version != RBN_ENGINE_ABI_VERSION) {
    *problem = path + " has ABI version " + std::to_string(api->abi_version) + ", this addon needs " +
               std::to_string(RBN_ENGINE_ABI_VERSION);
    return nullptr;
  }
  return api;
}

}  // namespace rbn

#endif  // RBN_CUDA_OPEN_ENGINE_H_
