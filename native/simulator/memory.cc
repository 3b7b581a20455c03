// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Device memory and the checks of kernel arguments.
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitizer.h"

namespace rbn {
namespace simulator {
namespace {

// cudaMalloc aligns to 256 bytes. A redzone as large catches a vector access past the end, and a row of
// 64 floats.
constexpr size_t kAlignment = 256;
constexpr size_t kRedzone = 256;
constexpr size_t kQuarantine = size_t{64} << 20;
constexpr size_t kChunk = size_t{16} << 20;

size_t raw_bytes(size_t bytes) {
  return (bytes + 2 * kRedzone + kAlignment - 1) / kAlignment * kAlignment;
}

std::string hex(const void* p) {
  char buffer[32];
  snprintf(buffer, sizeof(buffer), "%p", p);
  return buffer;
}

// Whether a word that need not be an address may be one: in the part of the address space where Linux puts
// stacks, libraries and what is mapped (sizes, and pairs of small integers, are far below).
bool is_user_address(uintptr_t word) { return word >> 46 != 0 && word >> 48 == 0; }

bool is_mapped(uintptr_t word) {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return msync(reinterpret_cast<void*>(word / page * page), page, MS_ASYNC) == 0;
}

}  // namespace

// Not from malloc, whose heap may lie where small integers and floats look like addresses (around 1 GB in a
// program that is not position-independent): those are arguments of kernels, too.
Chunk::Chunk(size_t size) : bytes(size) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  begin = p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

Chunk::~Chunk() {
  if (begin) munmap(begin, bytes);
}

Allocation::~Allocation() {
  if (!raw) return;
  unpoison(raw, raw_bytes(bytes));
  acquire(&sync);
}

Allocation* Memory::allocate(size_t bytes) {
  if (bytes > kDeviceMemory - live_bytes_) return nullptr;
  const size_t raw = raw_bytes(bytes);
  auto a = std::make_unique<Allocation>();
  if (raw > kChunk / 4) {
    a->chunk = std::make_shared<Chunk>(raw);
  } else {
    if (!chunk_ || chunk_->bytes - chunk_->used < raw) chunk_ = std::make_shared<Chunk>(kChunk);
    a->chunk = chunk_;
  }
  if (!a->chunk->begin) {
    chunk_.reset();
    return nullptr;
  }
  a->raw = a->chunk->begin + a->chunk->used;
  a->chunk->used += raw;
  a->begin = a->raw + kRedzone;
  a->bytes = bytes;
  fill_garbage(a->raw, raw_bytes(bytes));
  poison(a->raw, raw_bytes(bytes));
  unpoison(a->begin, bytes);
  live_bytes_ += bytes;
  live_count_++;
  Allocation* const result = a.get();
  all_[reinterpret_cast<uintptr_t>(a->begin)] = std::move(a);
  return result;
}

Allocation* Memory::find(const void* p) const {
  auto next = all_.upper_bound(reinterpret_cast<uintptr_t>(p));
  if (next == all_.begin()) return nullptr;
  Allocation* const a = std::prev(next)->second.get();
  return static_cast<const char*>(p) <= a->begin + a->bytes ? a : nullptr;
}

Allocation* Memory::find_begin(const void* p) const {
  const auto found = all_.find(reinterpret_cast<uintptr_t>(p));
  return found == all_.end() || found->second->freed ? nullptr : found->second.get();
}

bool Memory::holds(const void* p, size_t bytes) const {
  const Allocation* a = find(p);
  return a && !a->freed && bytes <= static_cast<size_t>(a->begin + a->bytes - static_cast<const char*>(p));
}

void Memory::mark_freed(Allocation& a) {
  a.freed = true;
  live_bytes_ -= a.bytes;
  live_count_--;
}

void Memory::bury(Allocation& a) {
  fill_garbage(a.begin, a.bytes);
  poison(a.begin, a.bytes);
  release(&a.sync);
  quarantine_.push_back(&a);
  quarantine_bytes_ += raw_bytes(a.bytes);
  while (quarantine_bytes_ > kQuarantine) {
    Allocation* const oldest = quarantine_.front();
    quarantine_.pop_front();
    quarantine_bytes_ -= raw_bytes(oldest->bytes);
    all_.erase(reinterpret_cast<uintptr_t>(oldest->begin));
  }
}

std::string Memory::check_redzones(const Allocation& a) const {
  if (under_asan()) return "";
  char expected[kRedzone];
  fill_garbage(expected, kRedzone);
  // The garbage goes on from raw in whole words, so it is the same at `bytes` modulo 4.
  auto* const raw = static_cast<volatile char*>(a.raw);
  const size_t end = kRedzone + a.bytes;
  for (size_t i = 0; i < kRedzone; i++) {
    if (raw[i] != expected[i % 4]) {
      return "wrote " + std::to_string(kRedzone - i) + " bytes before device memory " + hex(a.begin) + " of " +
             std::to_string(a.bytes) + " bytes";
    }
    if (end + i < raw_bytes(a.bytes) && raw[end + i] != expected[(end + i) % 4]) {
      return "wrote " + std::to_string(i + 1) + " bytes past the end of device memory " + hex(a.begin) +
             " of " + std::to_string(a.bytes) + " bytes";
    }
  }
  return "";
}

std::string Memory::check_argument(const Argument& argument, size_t index,
                                   std::vector<const char*>* used) const {
  const std::string name = "kernel argument " + std::to_string(index + 1);
  for (size_t at = 0; at + sizeof(uintptr_t) <= argument.bytes; at += sizeof(uintptr_t)) {
    uintptr_t word;
    memcpy(&word, static_cast<const char*>(argument.data) + at, sizeof(word));
    const void* const p = reinterpret_cast<const void*>(word);
    // In a struct a word may be anything: only those far up can be addresses.
    if (!p || (!argument.is_pointer && !is_user_address(word))) continue;
    const std::string place = argument.is_pointer ? name : name + ", byte " + std::to_string(at);
    const Allocation* const a = find(p);
    if (a && a->freed) return place + ": points into device memory that is freed, " + hex(p);
    if (a) {
      used->push_back(a->begin);
    } else if (argument.is_pointer || is_mapped(word)) {
      return place + ": expected null or a pointer into device memory, received " + hex(p);
    }
  }
  return "";
}

}  // namespace simulator
}  // namespace rbn
