// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Convolution of images, and its gradients to the image and to the filter. All three are products
// with the matrix of patches, [pixels, taps · channels], which is read out of the image as the
// product goes on, unless a library does them (by_library.h):
//   y [pixels, O]        = patches of x · filter [taps · C, O]
//   dx [pixels, C]       = patches of dy, which go back through the strides, · filter [taps · O, C]
//   dfilter [taps · C, O] = patches of x, transposed, · dy [pixels, O]
// With a stride s the second multiplies s² times as many zeros as it has to.
#include "by_library.h"
#include "conv_shape.h"
#include "product.h"

namespace rbn {
namespace {

enum PatchesOf { kForward, kBackward, kTransposed };

// Where a patch is, or where in a patch a tap is, and the element's offset without either.
struct PatchPlace {
  int64_t offset;
  int32_t y, x;
};

// The matrix of patches: a line is a pixel, along it go taps and, within a tap, channels; for
// kTransposed the other way round. The pixels are of the image that the product makes (for
// kTransposed of dy).
template <PatchesOf kOf>
struct Patches {
  struct Axis {
    int32_t step, first, tap;  // coordinate in the image = pixel·step + first + tap number·tap
    uint32_t size;             // of the image
    uint32_t fraction;         // for kBackward: only each fraction-th coordinate is there
    Divider by_fraction;
    uint32_t pixels;
  };
  const float* data;
  ImageLayout layout;
  Axis height, width;
  Divider by_width, by_height, by_channels, by_taps;  // by_taps: those in a row of the filter
  uint32_t channels, taps;

  using Place = PatchPlace;

  __device__ __forceinline__ Place pixel(uint32_t i) const {
    const uint32_t row = by_width.quotient(i), batch = by_height.quotient(row);
    return {batch * layout.batch,
            static_cast<int32_t>(row - batch * height.pixels) * height.step + height.first,
            static_cast<int32_t>(i - row * width.pixels) * width.step + width.first};
  }

  __device__ __forceinline__ Place tap(uint32_t i) const {
    const uint32_t tap = by_channels.quotient(i), row = by_taps.quotient(tap);
    return {(i - tap * channels) * layout.channel, static_cast<int32_t>(row) * height.tap,
            static_cast<int32_t>(tap - row * taps) * width.tap};
  }

  __device__ __forceinline__ Place line(uint32_t i) const {
    return kOf == kTransposed ? tap(i) : pixel(i);
  }
  __device__ __forceinline__ Place along(uint32_t i) const {
    return kOf == kTransposed ? pixel(i) : tap(i);
  }

  // False where a coordinate is not in the image.
  static __device__ __forceinline__ bool find(const Axis& axis, int32_t at, uint32_t* coordinate) {
    *coordinate = static_cast<uint32_t>(at);
    if (kOf == kBackward) {
      if (at < 0) return false;
      *coordinate = axis.by_fraction.quotient(at);
      if (*coordinate * axis.fraction != static_cast<uint32_t>(at)) return false;
    }
    return *coordinate < axis.size;  // a negative one is large without its sign
  }

  __device__ __forceinline__ float load(const Place& a, const Place& b) const {
    uint32_t row, column;
    if (!find(height, a.y + b.y, &row) || !find(width, a.x + b.x, &column)) return 0;
    return data[a.offset + b.offset + row * layout.row + column * layout.column];
  }
};

template <PatchesOf kOf>
Patches<kOf> patches_of(const ConvShape& shape, const RbnTensor& image) {
  constexpr bool kBack = kOf == kBackward;
  const auto axis_of = [](const ConvShape::Axis& axis) {
    const int64_t fraction = kBack ? axis.stride : 1;
    const int64_t pixels = kBack ? axis.in : axis.out;
    return typename Patches<kOf>::Axis{static_cast<int32_t>(kBack ? 1 : axis.stride),
                                       static_cast<int32_t>(kBack ? axis.pad : -axis.pad),
                                       static_cast<int32_t>(kBack ? -axis.dilation : axis.dilation),
                                       static_cast<uint32_t>(kBack ? axis.out : axis.in),
                                       static_cast<uint32_t>(fraction),
                                       Divider::of(fraction),
                                       static_cast<uint32_t>(pixels)};
  };
  const auto divider = [](int64_t d) { return Divider::of(std::max<int64_t>(d, 1)); };
  Patches<kOf> patches = {};
  patches.data = static_cast<const float*>(image.data);
  patches.height = axis_of(shape.height);
  patches.width = axis_of(shape.width);
  const int64_t channels = kBack ? shape.out_channels : shape.in_channels;
  patches.layout =
      ImageLayout::of(patches.height.size, patches.width.size, channels, shape.channels_first);
  patches.by_width = divider(patches.width.pixels);
  patches.by_height = divider(patches.height.pixels);
  patches.by_channels = divider(channels);
  patches.by_taps = divider(shape.width.filter);
  patches.channels = static_cast<uint32_t>(channels);
  patches.taps = static_cast<uint32_t>(shape.width.filter);
  return patches;
}

// Images as a matrix: pixels go along the lines, one a channel.
Lines image_lines(int64_t pixels, int64_t all_pixels, int64_t channels, bool channels_first) {
  return channels_first ? Lines::of(pixels, channels * pixels, 1, pixels)
                        : Lines::of(all_pixels, 0, channels, 1);
}

// inputs: x, filter, then what ending.h says. attributes: what conv_shape.h says, then what
// ending.h says.
int32_t forward_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  if (call.input_count < 2 || call.attribute_count != kConvAttributes + kEndingAttributes)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected at least 2 inputs and %d attributes, received %d and %d",
                kConvAttributes + kEndingAttributes, call.input_count, call.attribute_count);
  const RbnTensor &x = call.inputs[0], &filter = call.inputs[1], &y = call.outputs[0];
  ConvShape shape = {};
  Ending ending = {};
  int32_t status = conv_shape(x, filter, y, false, call.attributes, &shape, error);
  if (status == RBN_OK) status = ending_of(call, shape.out_channels, &ending, error);
  if (status != RBN_OK) return status;
  status = convolve_by_library(context, ConvolutionKind::kForward, shape, x, filter, y, error);
  if (status == RBN_OK)
    return apply_ending(context, static_cast<float*>(y.data), element_count(y), shape.out_channels,
                        shape.channels_first ? shape.pixels_out() : 1, ending, error);
  if (status != kNotTaken) return status;
  const int64_t pixels = shape.batch * shape.pixels_out(), depth = shape.taps() * shape.in_channels;
  const StoredMatrix<float> weights = {floats(filter), Lines::of(depth, 0, shape.out_channels, 1)};
  return product<float>(
      context, patches_of<kForward>(shape, x), weights, Batches(), static_cast<float*>(y.data),
      image_lines(shape.pixels_out(), pixels, shape.out_channels, shape.channels_first), ending,
      {pixels, shape.out_channels, depth, 1, !shape.channels_first, false}, error);
}

// inputs: dy, filter. attributes: what conv_shape.h says.
int32_t input_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor &dy = call.inputs[0], &filter = call.inputs[1], &dx = call.outputs[0];
  ConvShape shape = {};
  int32_t status = conv_shape(dx, filter, dy, false, call.attributes, &shape, error);
  if (status != RBN_OK) return status;
  status = convolve_by_library(context, ConvolutionKind::kInput, shape, dx, filter, dy, error);
  if (status != kNotTaken) return status;
  const int64_t pixels = shape.batch * shape.pixels_in();
  // Along k go the taps and, within one, its out_channels.
  const StoredMatrix<float> weights = {
      floats(filter),
      Lines::of(shape.out_channels, shape.in_channels * shape.out_channels, 1, shape.out_channels)};
  return product<float>(
      context, patches_of<kBackward>(shape, dy), weights, Batches(), static_cast<float*>(dx.data),
      image_lines(shape.pixels_in(), pixels, shape.in_channels, shape.channels_first), Ending(),
      {pixels, shape.in_channels, shape.taps() * shape.out_channels, 1, !shape.channels_first,
       true},
      error);
}

// inputs: x, dy. attributes: what conv_shape.h says.
int32_t filter_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor &x = call.inputs[0], &dy = call.inputs[1], &filter = call.outputs[0];
  ConvShape shape = {};
  int32_t status = conv_shape(x, filter, dy, false, call.attributes, &shape, error);
  if (status != RBN_OK) return status;
  status = convolve_by_library(context, ConvolutionKind::kFilter, shape, x, filter, dy, error);
  if (status != kNotTaken) return status;
  const int64_t pixels = shape.batch * shape.pixels_out(), rows = shape.taps() * shape.in_channels;
  const StoredMatrix<float> gradient = {
      floats(dy),
      image_lines(shape.pixels_out(), pixels, shape.out_channels, shape.channels_first)};
  return product<float>(
      context, patches_of<kTransposed>(shape, x), gradient, Batches(),
      static_cast<float*>(filter.data), Lines::of(rows, 0, shape.out_channels, 1), Ending(),
      {rows, shape.out_channels, pixels, 1, shape.channels_first, shape.channels_first}, error);
}

constexpr Operation kOperations[] = {
    {"Conv2D", kAny, 1, kAny, false, forward_operation},
    {"Conv2DBackpropInput", 2, 1, kConvAttributes, false, input_operation},
    {"Conv2DBackpropFilter", 2, 1, kConvAttributes, false, filter_operation},
};

}  // namespace

OperationTable convolution_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
