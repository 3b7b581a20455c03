// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opening NVIDIA's libraries at run time.
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "../runtime/context.h"
#include "../runtime/status.h"

namespace rbn {
namespace {

void copy_text(char* to, size_t size, const char* text) { snprintf(to, size, "%s", text); }

// Where the loader found a library, which may have been asked for by its name alone.
void tell_path(void* library, const char* candidate, RbnLibraryInfo* info) {
  link_map* map = nullptr;
  const bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map->l_name && *map->l_name;
  copy_text(info->path, sizeof info->path, known ? map->l_name : candidate);
}

// True where a candidate could not be opened though it is there: another library that it needs is not.
bool is_there(const char* candidate, const char* problem) {
  if (strchr(candidate, '/')) return access(candidate, F_OK) == 0;
  return strncmp(problem, candidate, strlen(candidate)) != 0;
}

bool try_candidate(const char* candidate, const std::vector<Symbol>& symbols,
                   const std::function<bool(RbnLibraryInfo*)>& fits, RbnLibraryInfo* info) {
  // Never closed: threads of such a library may still run, and its memory may still be in use.
  void* const library = dlopen(candidate, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char* const problem = dlerror();
    if (is_there(candidate, problem)) {
      copy_text(info->path, sizeof info->path, candidate);
      refuse(info, "it does not open: %s", problem);
    }
    return false;
  }
  tell_path(library, candidate, info);
  const char* missing = nullptr;
  for (const Symbol& symbol : symbols) {
    *symbol.address = dlsym(library, symbol.name);
    if (!*symbol.address && !missing) missing = symbol.name;
  }
  // A library of another version lacks functions, too: the version says more.
  if (!fits(info)) return false;
  return missing ? refuse(info, "it has no function %s", missing) : true;
}

}  // namespace

bool refuse(RbnLibraryInfo* info, const char* format, ...) {
  info->in_use = 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(info->problem, sizeof info->problem, format, arguments);
  va_end(arguments);
  return false;
}

bool open_library(const Candidates& candidates, const std::vector<Symbol>& symbols,
                  const std::function<bool(RbnLibraryInfo*)>& fits, RbnLibraryInfo* info) {
  *info = {};
  for (int32_t i = 0; i < candidates.count; ++i) {
    RbnLibraryInfo found = {};
    if (try_candidate(candidates.files[i], symbols, fits, &found)) {
      *info = found;
      info->in_use = 1;
      return true;
    }
    // The first that is there and will not do is worth telling.
    if (!info->path[0]) *info = found;
  }
  return false;
}

bool open_part(const char* file, RbnLibraryInfo* info) {
  const char* const name = strrchr(info->path, '/');
  const std::string beside = std::string(info->path, name ? name + 1 - info->path : 0) + file;
  const bool is_beside = name && access(beside.c_str(), F_OK) == 0;
  // Held open, so that the library's own search finds it by its name.
  if (dlopen(is_beside ? beside.c_str() : file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) return true;
  return refuse(info, "it needs %s, which does not open: %s", file, dlerror());
}

int32_t library_error(RbnContext* context, const char* what, const char* text, RbnError* error) {
  const cudaError_t device = cudaStreamQuery(context->stream);
  if (device != cudaSuccess && device != cudaErrorNotReady) return check(error, device, what);
  (void)cudaGetLastError();
  return fail(error, RBN_CUDA_ERROR, "%s: %s", what, text);
}

}  // namespace rbn
