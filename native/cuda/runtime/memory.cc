// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The C ABI's functions for device memory.
#include <stdio.h>

#include "abi.h"
#include "guard.h"

namespace rbn {

int32_t allocate(RbnContext* context, uint64_t bytes, void** pointer, RbnError* error) {
  if (!pointer) return no_output("pointer", error);
  *pointer = nullptr;
  return on_device(context, error, [&]() -> int32_t {
    const uint64_t size = bytes > 0 ? bytes : 1;
    context->allocations.reserve(context->allocations.size() + 1);
    const cudaError_t code = context->allocate(size, pointer);
    if (code == cudaErrorMemoryAllocation && context->limit > 0) {
      (void)cudaGetLastError();
      return fail(error, RBN_OUT_OF_MEMORY,
                  "allocating %llu bytes: %llu are in use and the limit is %llu",
                  static_cast<unsigned long long>(bytes),
                  static_cast<unsigned long long>(context->used),
                  static_cast<unsigned long long>(context->limit));
    }
    char operation[96];
    snprintf(operation, sizeof operation, "allocating %llu bytes (%llu in use)",
             static_cast<unsigned long long>(bytes),
             static_cast<unsigned long long>(context->used));
    const int32_t status = check(error, code, operation);
    if (status != RBN_OK) return status;
    try {
      context->allocations.emplace(*pointer, size);
    } catch (...) {
      (void)context->release(*pointer, size);
      *pointer = nullptr;
      throw;  // guarded() knows lack of host memory
    }
    return RBN_OK;
  });
}

int32_t release(RbnContext* context, void* pointer, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    const auto found = context->allocations.find(pointer);
    if (found == context->allocations.end()) {
      return fail(error, RBN_INVALID_ARGUMENT,
                  "release: expected a pointer that allocate gave and that is not released");
    }
    const uint64_t bytes = found->second;
    context->allocations.erase(found);
    return check(error, context->release(pointer, bytes), "releasing device memory");
  });
}

int32_t allocated_bytes(RbnContext* context, const void* pointer, uint64_t* bytes) {
  if (!context || !bytes) return RBN_INVALID_ARGUMENT;
  const auto found = context->allocations.find(pointer);
  *bytes = found == context->allocations.end() ? 0 : found->second;
  return *bytes > 0 ? RBN_OK : RBN_INVALID_ARGUMENT;
}

int32_t memory(RbnContext* context, RbnMemory* memory, RbnError* error) {
  if (!memory) return no_output("memory", error);
  *memory = {};
  return on_device(context, error, [&]() -> int32_t {
    memory->used = context->used;
    memory->peak = context->peak;
    memory->limit = context->limit;
    memory->allocations = context->allocations.size();
    return check(error,
                 cudaMemPoolGetAttribute(context->pool, cudaMemPoolAttrReservedMemCurrent,
                                         &memory->reserved),
                 "cudaMemPoolGetAttribute");
  });
}

int32_t set_memory_limit(RbnContext* context, uint64_t bytes, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    context->limit = bytes;
    return RBN_OK;
  });
}

int32_t fail_allocation(RbnContext* context, uint64_t k, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    context->failing = k;
    return RBN_OK;
  });
}

}  // namespace rbn
