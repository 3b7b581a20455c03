// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The sizes of a convolution of images, out of a call's tensors and attributes. Included by .cu
// files only.
#ifndef RBN_CUDA_OPS_CONV_SHAPE_H_
#define RBN_CUDA_OPS_CONV_SHAPE_H_

#include "elementwise.h"
#include "view.h"

namespace rbn {

// y[n, i, j, o] = Σ x[n, i·stride + a·dilation − pad, …, c]·filter[a, b, c, o], along height and
// width alike.
struct ConvShape {
  struct Axis {
    int64_t in, out, filter;
    int64_t stride, dilation, pad;  // pad: before the image
  };
  int64_t batch, in_channels, out_channels;
  Axis height, width;
  bool channels_first;

  int64_t taps() const { return height.filter * width.filter; }
  int64_t pixels_in() const { return height.in * width.in; }  // of one image
  int64_t pixels_out() const { return height.out * width.out; }
};

constexpr int kConvAttributes = 7;

// attributes: 1 where channels come before pixels, strides, dilations, padding on the top and on
// the left. The filter is [height, width, channels of x, channels of y]; of a depthwise convolution
// its last two give one size, the channels of y. Numbers of places are below 2^31, so are
// coordinates within the padded image.
inline int32_t conv_shape(const RbnTensor& x, const RbnTensor& filter, const RbnTensor& y,
                          bool depthwise, const double* attributes, ConvShape* shape,
                          RbnError* error) {
  for (const RbnTensor* t : {&x, &filter, &y}) {
    if (t->rank != 4 || t->dtype != RBN_TENSOR_FLOAT32)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "expected tensors of float32 and rank 4, received dtype %d, rank %d", t->dtype,
                  t->rank);
  }
  int64_t number[kConvAttributes];
  for (int i = 0; i < kConvAttributes; ++i) {
    const bool positive = i >= 1 && i <= 4;
    if (!whole(attributes[i], positive ? 1 : 0, i == 0 ? 1 : 1 << 20, &number[i]))
      return fail(error, RBN_INVALID_ARGUMENT,
                  "attribute %d: expected a whole number from %d to %d, received %g", i,
                  positive ? 1 : 0, i == 0 ? 1 : 1 << 20, attributes[i]);
  }
  const bool first = number[0] == 1;
  const int h = first ? 2 : 1, w = h + 1, c = first ? 1 : 3;
  *shape = {};
  shape->channels_first = first;
  shape->batch = x.shape[0];
  shape->in_channels = x.shape[c];
  shape->out_channels = y.shape[c];
  shape->height = {x.shape[h], y.shape[h], filter.shape[0], number[1], number[3], number[5]};
  shape->width = {x.shape[w], y.shape[w], filter.shape[1], number[2], number[4], number[6]};
  const int64_t made = depthwise ? filter.shape[2] * filter.shape[3] : filter.shape[3];
  if (y.shape[0] != shape->batch || filter.shape[2] != shape->in_channels ||
      made != shape->out_channels)
    return fail(error, RBN_INVALID_ARGUMENT,
                "filter: expected to lead from %lld to %lld channels, received [%lld, %lld], or y "
                "has not the batch "
                "of x",
                static_cast<long long>(shape->in_channels),
                static_cast<long long>(shape->out_channels),
                static_cast<long long>(filter.shape[2]), static_cast<long long>(filter.shape[3]));
  for (const ConvShape::Axis& axis : {shape->height, shape->width}) {
    constexpr int64_t kMost = 1 << 29;
    if (axis.in > kMost || axis.out > kMost || axis.filter > kMost ||
        axis.out * axis.stride > kMost || axis.filter * axis.dilation > kMost)
      return fail(error, RBN_INVALID_ARGUMENT, "expected coordinates of at most %lld",
                  static_cast<long long>(kMost));
  }
  // A dimension of 0 hides from the check of a tensor's size how large the others are.
  const double in = static_cast<double>(shape->pixels_in()),
               out = static_cast<double>(shape->pixels_out());
  const double taps = static_cast<double>(shape->taps());
  const double from = static_cast<double>(shape->in_channels),
               to = static_cast<double>(shape->out_channels);
  const double images = static_cast<double>(shape->batch);
  for (const double count :
       {images * in, images * out, in * from, out * to, taps * from * to, taps * from, taps * to}) {
    if (count > 1e15)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "expected images and filters of at most 1e15 elements");
  }
  return RBN_OK;
}

inline const float* floats(const RbnTensor& t) { return static_cast<const float*>(t.data); }

// Strides of an image's elements.
struct ImageLayout {
  int64_t batch, row, column, channel;

  static ImageLayout of(int64_t height, int64_t width, int64_t channels, bool channels_first) {
    const int64_t all = height * width * channels;
    if (channels_first) return {all, width, 1, height * width};
    return {all, width * channels, channels, 1};
  }
};

}  // namespace rbn

#endif  // RBN_CUDA_OPS_CONV_SHAPE_H_
