// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The C ABI's functions for NVIDIA's libraries.
#include "cublas.h"
#include "cudnn.h"

#include "../runtime/abi.h"
#include "../runtime/guard.h"

namespace rbn {

const char* library_file(int32_t library) {
  return library == RBN_CUBLAS ? cublas_file() : library == RBN_CUDNN ? cudnn_file() : nullptr;
}

const char* library_headers(int32_t library) {
  return library == RBN_CUBLAS ? cublas_headers() : library == RBN_CUDNN ? cudnn_headers() : nullptr;
}

int32_t library_open(RbnContext* context, int32_t library, const char* const* candidates, int32_t count,
                     RbnLibraryInfo* info, RbnError* error) {
  if (!info) return no_output("info", error);
  *info = {};
  if (count < 0 || (count > 0 && !candidates))
    return fail(error, RBN_INVALID_ARGUMENT, "candidates: expected an array of %d, received null", count);
  if (library != RBN_CUBLAS && library != RBN_CUDNN)
    return fail(error, RBN_INVALID_ARGUMENT, "library: expected 0 or 1, received %d", library);
  const Candidates files = {candidates, count};
  const auto open = [&]() -> int32_t {
    if (library == RBN_CUBLAS) {
      auto opened = open_cublas(context, files, info);
      if (context) context->cublas = std::move(opened);
    } else {
      auto opened = open_cudnn(context, files, info);
      if (context) context->cudnn = std::move(opened);
    }
    return RBN_OK;
  };
  return context ? on_device(context, error, open) : guarded(error, open);
}

int32_t set_products(RbnContext* context, int32_t products, RbnError* error) {
  return on_device(context, error, [&]() -> int32_t {
    if (products < RBN_PRODUCTS_EXACT || products > RBN_PRODUCTS_PLAIN)
      return fail(error, RBN_INVALID_ARGUMENT, "products: expected 0 to 2, received %d", products);
    context->products = products;
    return RBN_OK;
  });
}

}  // namespace rbn
