// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the false cuBLAS and cuDNN share. They compute on the spot, on the simulator's memory, which is that of the
// host: so they fit the simulator unless it defers (RBN_SIMULATOR_DEFER), for want of its stream. Tests steer them by
// environment variables, which are read at each call:
//   RBN_FAKE_FAIL=cudnnCreate:1001   that function fails with that status; with ":once" behind it, at its next call
//   RBN_FAKE_VERSION=8               their major version
//   RBN_FAKE_LOG=FILE                a line a call of what is worth knowing
#ifndef RBN_TEST_LIBRARY_FAKE_H_
#define RBN_TEST_LIBRARY_FAKE_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RBN_FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace rbn_fake {

inline int version(int otherwise) {
  const char* const text = getenv("RBN_FAKE_VERSION");
  return text ? atoi(text) : otherwise;
}

// The status with which the function is to fail; 0: it is not.
inline int failing(const char* function) {
  const char* const text = getenv("RBN_FAKE_FAIL");
  const size_t length = strlen(function);
  if (!text || strncmp(text, function, length) != 0 || text[length] != ':') return 0;
  const int status = atoi(text + length + 1);
  if (strstr(text, ":once")) unsetenv("RBN_FAKE_FAIL");
  return status;
}

template <class... Values>
void log(const char* format, Values... values) {
  const char* const path = getenv("RBN_FAKE_LOG");
  FILE* const file = path ? fopen(path, "a") : nullptr;
  if (!file) return;
  fprintf(file, format, values...);
  fputc('\n', file);
  fclose(file);
}

inline bool aligned(const void* pointer, uintptr_t bytes) {
  return pointer && reinterpret_cast<uintptr_t>(pointer) % bytes == 0;
}

}  // namespace rbn_fake

#endif  // RBN_TEST_LIBRARY_FAKE_H_
