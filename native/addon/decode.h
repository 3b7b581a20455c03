// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Decodes JavaScript arguments of RBN calls, position by position, into the structs of
// native/rbn/problem.h. It checks all that memory safety needs: kinds, lengths, sizes whose product
// overflows. A failed check throws TypeError or RangeError that names the argument; TypeScript has
// checked before and gives the kinder message.
#ifndef RBN_ADDON_DECODE_H_
#define RBN_ADDON_DECODE_H_

#include <napi.h>

#include <string>

#include "../rbn/problem.h"

namespace rbn::addon {

// Arguments taken one after the other; each reader moves on by one.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  int64_t Size(const char* name);                // 0 to 2^53
  int32_t Enum(const char* name, int32_t last);  // 0 to last
  int32_t Bool(const char* name);
  double Positive(const char* name);             // finite and > 0
  std::string Text(const char* name);
  // The next argument itself; undefined past the last one.
  Napi::Value Next() { return info_[next_++]; }
  Napi::Value Peek() const { return info_[next_]; }
  bool AtEnd() const { return next_ >= info_.Length(); }
  Napi::Env Env() const { return info_.Env(); }

 private:
  const Napi::CallbackInfo& info_;
  size_t next_ = 0;
};

[[noreturn]] void ThrowType(Napi::Env env, const std::string& message);
[[noreturn]] void ThrowRange(Napi::Env env, const std::string& message);

// Reads one array argument as a pointer. Two sorts of memory: typed arrays of the host, buffers of the
// engine; both check that it holds at least `bytes`.
class MemoryReader {
 public:
  virtual ~MemoryReader() = default;
  virtual void* Floats(Arguments& args, const char* name, int64_t count, bool optional) const = 0;
  virtual uint8_t* Bytes(Arguments& args, const char* name, int64_t count, bool optional) const = 0;
  // Whether the calibration's parameters may be left out.
  virtual bool TakesPlain() const { return false; }
};

// Float32Array and Uint8Array.
class HostMemoryReader : public MemoryReader {
 public:
  void* Floats(Arguments& args, const char* name, int64_t count, bool optional) const override;
  uint8_t* Bytes(Arguments& args, const char* name, int64_t count, bool optional) const override;
};

// The sizes and options that every call begins with.
RbnProblem DecodeProblem(Arguments& args);
RbnForward DecodeForward(Arguments& args, const MemoryReader& memory);
RbnBackward DecodeBackward(Arguments& args, const MemoryReader& memory);

}  // namespace rbn::addon

#endif  // RBN_ADDON_DECODE_H_
