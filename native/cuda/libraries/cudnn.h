// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// cuDNN, for convolutions of images and their gradients. No type of its headers is seen outside of cudnn.cc.
#ifndef RBN_CUDA_LIBRARIES_CUDNN_H_
#define RBN_CUDA_LIBRARIES_CUDNN_H_

#include <memory>
#include <tuple>

#include "library.h"

namespace rbn {

enum class ConvolutionKind { kForward, kInput, kFilter };

// A convolution with the same padding before and behind the image. Images are [batch, height, width, channels],
// or with the channels before the height; the filter is [y's channels, height, width, x's channels], or likewise.
struct CudnnConvolution {
  struct Axis {
    int in, out, filter, stride, dilation, pad;
    auto tie() const { return std::tie(in, out, filter, stride, dilation, pad); }
  };
  ConvolutionKind kind;
  bool channels_first, tf32;
  int batch, in_channels, out_channels;
  Axis height, width;

  bool operator<(const CudnnConvolution& other) const {
    const auto tie = [](const CudnnConvolution& c) {
      return std::make_tuple(c.kind, c.channels_first, c.tf32, c.batch, c.in_channels, c.out_channels,
                             c.height.tie(), c.width.tie());
    };
    return tie(*this) < tie(other);
  }
};

// The algorithms for a convolution, fastest first as cuDNN guesses, and its descriptors.
struct CudnnPlan;

class Cudnn {
 public:
  virtual ~Cudnn() = default;
  // The plan for a convolution, which lives until the next call of `find`; kNotTaken where cuDNN has no algorithm
  // that will do, or finds no memory.
  virtual int32_t find(RbnContext* context, const CudnnConvolution& convolution, CudnnPlan** plan,
                       RbnError* error) = 0;
  // Writes y, x or the filter, as the convolution's kind says, from the two others. Asynchronous. kNotTaken where
  // cuDNN refuses all algorithms, or they find no memory.
  virtual int32_t run(RbnContext* context, const CudnnPlan& plan, float* x, float* filter, float* y,
                      RbnError* error) = 0;
};

// "libcudnn.so.9"; null: the engine was compiled without the headers.
const char* cudnn_file();
const char* cudnn_headers();

// As open_cublas.
std::unique_ptr<Cudnn> open_cudnn(RbnContext* context, const Candidates& candidates,
                                  RbnLibraryInfo* info);

}  // namespace rbn

#endif  // RBN_CUDA_LIBRARIES_CUDNN_H_
