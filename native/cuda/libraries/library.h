// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Opening NVIDIA's libraries at run time: the first candidate that is of the major version whose headers the
// engine was compiled with, and that has all functions. Nothing is linked.
#ifndef RBN_CUDA_LIBRARIES_LIBRARY_H_
#define RBN_CUDA_LIBRARIES_LIBRARY_H_

#include <functional>
#include <vector>

#include "../engine.h"

namespace rbn {

// What a library's function returns for a call that the plain kernels are to do, all of it. No RbnStatus.
constexpr int32_t kNotTaken = -1;

// Paths, or names for the system's loader, in the order in which they are tried.
struct Candidates {
  const char* const* files;
  int32_t count;
};

// A function's name, and where its address goes.
struct Symbol {
  const char* name;
  void** address;
};

// Fills the symbols' addresses. `fits` tells the version in `info`, or says in `problem` why the library will not
// do; it is called where the symbols that it needs may be missing (null). Returns info->in_use.
bool open_library(const Candidates& candidates, const std::vector<Symbol>& symbols,
                  const std::function<bool(RbnLibraryInfo* info)>& fits, RbnLibraryInfo* info);

// Says why a library is not in use after all; false.
bool refuse(RbnLibraryInfo* info, const char* format, ...) __attribute__((format(printf, 2, 3)));

// Opens a part of the library that is at info->path, which the library itself would open at its first call and end the
// process without: the file beside it, else where the system's loader looks. False with `problem` where it does not
// open.
bool open_part(const char* file, RbnLibraryInfo* info);

// The error of a library's call, which `what` and `text` tell; that of the device where it is lost.
int32_t library_error(RbnContext* context, const char* what, const char* text, RbnError* error);

}  // namespace rbn

#endif  // RBN_CUDA_LIBRARIES_LIBRARY_H_
