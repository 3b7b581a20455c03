// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which products go to NVIDIA's libraries; the one place where that is chosen. With the library missing, or by
// RBN_PRODUCTS_PLAIN, and for all that is not named here, the plain kernels do it.
//   matrices of float32, at most one batch dimension                 cuBLAS
//   convolutions of 1 × 1, stride 1, no padding, channels last       cuBLAS: pixels times channels
//   other convolutions and their gradients                           cuDNN, with the filter transposed, and the
//       image with its border of zeros where the padding is not the same on both sides (SAME with a stride)
//   depthwise convolutions, pooling                                  always plain: they wait for memory
// Anything that is empty, or of 2^31 elements, is plain; so is what finds no memory for a library's workspace, what a
// library itself finds none for, even after our pool gave back what it held unused, and what a library refuses before a
// launch: not supported, an invalid value, another architecture. Included by .cu files only.
#ifndef RBN_CUDA_OPS_BY_LIBRARY_H_
#define RBN_CUDA_OPS_BY_LIBRARY_H_

#include "../libraries/cublas.h"
#include "../libraries/cudnn.h"
#include "conv_shape.h"
#include "ending.h"

namespace rbn {

// kNotTaken: it is still to be done. Neither applies an ending.
int32_t multiply_by_library(RbnContext* context, const MatrixProduct& product, RbnError* error);

// Of x, filter and y (as in conv_shape.h) writes the one that `kind` makes of the two others.
int32_t convolve_by_library(RbnContext* context, ConvolutionKind kind, const ConvShape& shape,
                            const RbnTensor& x, const RbnTensor& filter, const RbnTensor& y,
                            RbnError* error);

// Bias and activation in place, on `count` < 2^31 elements; a channel's run of elements is `inner` long.
int32_t apply_ending(RbnContext* context, float* data, int64_t count, int64_t channels, int64_t inner,
                     const Ending& ending, RbnError* error);

}  // namespace rbn

#endif  // RBN_CUDA_OPS_BY_LIBRARY_H_
