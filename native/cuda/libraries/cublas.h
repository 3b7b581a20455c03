// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// cuBLAS, for products of matrices. No type of its headers is seen outside of cublas.cc.
#ifndef RBN_CUDA_LIBRARIES_CUBLAS_H_
#define RBN_CUDA_LIBRARIES_CUBLAS_H_

#include <memory>

#include "library.h"

namespace rbn {

// out[i] = a[i]·b[i] for each of `batch` matrices, row-major and without gaps; out[i] is [rows, columns].
struct MatrixProduct {
  const float* a;  // [rows, depth], or [depth, rows] where transposed
  const float* b;  // [depth, columns], or [columns, depth]
  float* out;
  int64_t rows, columns, depth, batch;
  bool a_transposed, b_transposed;
  int64_t a_step, b_step;  // elements from one matrix to the next; 0: one for all
};

class Cublas {
 public:
  virtual ~Cublas() = default;
  // Asynchronous. kNotTaken where cuBLAS refuses a part of it or finds no memory; what is in `out` then is to be
  // overwritten.
  virtual int32_t multiply(RbnContext* context, const MatrixProduct& product, RbnError* error) = 0;
};

// The file that the system's loader knows, "libcublas.so.13"; null: the engine was compiled without the headers.
const char* cublas_file();
// The folder of the headers that the engine was compiled with.
const char* cublas_headers();

// For a context whose device is current; without one (null) only looks. Null with `info` saying why where there is
// none.
std::unique_ptr<Cublas> open_cublas(RbnContext* context, const Candidates& candidates,
                                    RbnLibraryInfo* info);

}  // namespace rbn

#endif  // RBN_CUDA_LIBRARIES_CUBLAS_H_
