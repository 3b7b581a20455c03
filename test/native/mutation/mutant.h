// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// All mutants in one build: scripts/mutate.mjs wraps each place that it can break into one of these
// functions, and the environment variable RBN_MUTANT says which one is broken in this process.
// Included before every source file of the mutated engine (g++ -include).
#ifndef RBN_TEST_MUTANT_H_
#define RBN_TEST_MUTANT_H_

#include <cstdlib>

namespace rbn_mutation {

inline const int active = [] {
  const char* text = std::getenv("RBN_MUTANT");
  return text == nullptr ? -1 : std::atoi(text);
}();

inline bool is(int id) { return active == id; }

// A term of a sum: gone.
template <class T>
inline T zero(int id, T value) {
  return is(id) ? T{} : value;
}

// A factor: gone.
template <class T>
inline T one(int id, T value) {
  return is(id) ? T(1) : value;
}

// What is added up so far: forgotten.
template <class T>
inline T& forget(int id, T& sum) {
  if (is(id)) sum = T{};
  return sum;
}

// A condition that no longer holds anything back.
template <class T>
inline bool always(int id, const T& condition) {
  return is(id) || static_cast<bool>(condition);
}
template <class T>
inline bool never(int id, const T& condition) {
  return !is(id) && static_cast<bool>(condition);
}

// A bound that lets one more pass: of < and <=, of > and >=.
template <class T>
inline T more(int id, T bound) {
  return is(id) ? static_cast<T>(bound + 1) : bound;
}
template <class T>
inline T less(int id, T bound) {
  return is(id) ? static_cast<T>(bound - 1) : bound;
}

}  // namespace rbn_mutation

#endif  // RBN_TEST_MUTANT_H_
