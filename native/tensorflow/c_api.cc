// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// See c_api.h.
#include "c_api.h"

#include <dlfcn.h>

namespace rbn::tensorflow {

const char* load(void* library, CApi* api) {
#define RBN_LOAD(result, name, arguments)                                        \
  api->name = reinterpret_cast<result(*) arguments>(dlsym(library, #name));      \
  if (!api->name) return #name;
  RBN_TENSORFLOW_FUNCTIONS(RBN_LOAD)
#undef RBN_LOAD
  return nullptr;
}

}  // namespace rbn::tensorflow
