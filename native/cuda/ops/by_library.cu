// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Products by NVIDIA's libraries: what by_library.h says, and what has to be done around them.
#include "by_library.h"

#include <initializer_list>

namespace rbn {
namespace {

// cuDNN's tensors, and indices of the kernel below, have fewer elements.
constexpr int64_t kMostElements = INT32_MAX;

// A tensor of its own in a workspace; kNotTaken where it does not fit.
int32_t temporary(Workspace* workspace, RbnTensor* tensor, RbnError* error) {
  const cudaError_t code = workspace->allocate(element_count(*tensor) * sizeof(float));
  if (code == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    return kNotTaken;
  }
  tensor->data = workspace->memory();
  return check(error, code, "workspace");
}

RbnTensor image_tensor(int64_t batch, int64_t height, int64_t width, int64_t channels, bool first) {
  RbnTensor t = {};
  t.dtype = RBN_TENSOR_FLOAT32;
  t.rank = 4;
  t.shape[0] = batch;
  t.shape[1] = first ? channels : height;
  t.shape[2] = first ? height : width;
  t.shape[3] = first ? width : channels;
  return t;
}

int32_t run_copy(RbnContext* context, const char* operation, const RbnTensor& from, RbnTensor* to,
                 std::initializer_list<int64_t> attributes, RbnError* error) {
  const std::vector<double> numbers(attributes.begin(), attributes.end());
  return find_operation(operation)->run(
      context, {&from, 1, to, 1, numbers.data(), static_cast<int32_t>(numbers.size())}, error);
}

// The filter [taps, C, O] as cuDNN has it: [O, taps, C], or [O, C, taps] with the channels first; or back.
int32_t transpose_filter(RbnContext* context, const ConvShape& shape, const RbnTensor& from, RbnTensor* to,
                         bool back, RbnError* error) {
  const int64_t taps = shape.taps(), in = shape.in_channels, out = shape.out_channels;
  const int64_t tap = shape.channels_first ? 1 : in, channel = shape.channels_first ? taps : 1;
  if (back)
    return run_copy(context, "CopyStrided", from, to,
                    {3, taps, in, out, 0, tap, channel, taps * in, 0, in * out, out, 1}, error);
  return run_copy(context, "CopyStrided", from, to,
                  {3, taps, in, out, 0, in * out, out, 1, 0, tap, channel, taps * in}, error);
}

// An axis as cuDNN can have it. `border`: zeros that stand before the image itself, which then is `axis->in` large;
// cuDNN adds none. False where the output has another size than a convolution's.
bool place_axis(const ConvShape::Axis& from, CudnnConvolution::Axis* axis, int64_t* border) {
  const int64_t reach = (from.filter - 1) * from.dilation + 1;
  const auto made = [&](int64_t in) { return in < reach ? 0 : (in - reach) / from.stride + 1; };
  *border = 0;
  int64_t in = from.in, pad = from.pad;
  if (made(in + 2 * pad) != from.out) {
    *border = pad;
    in = std::max((from.out - 1) * from.stride + reach, in + pad);
    pad = 0;
    if (made(in) != from.out) return false;
  }
  const auto number = [](int64_t n) { return static_cast<int>(n); };  // conv_shape.h holds them below 2^31
  *axis = {number(in),          number(from.out),      number(from.filter),
           number(from.stride), number(from.dilation), number(pad)};
  return true;
}

// The way through cuDNN: the filter transposed, the image inside of a border where it needs one.
class ByCudnn {
 public:
  ByCudnn(RbnContext* context, ConvolutionKind kind, const ConvShape& shape)
      : context_(context), kind_(kind), shape_(shape), filter_memory_(context), image_memory_(context) {}

  int32_t run(const RbnTensor& x, const RbnTensor& filter, const RbnTensor& y, RbnError* error) {
    CudnnConvolution convolution = {};
    if (!place(&convolution)) return kNotTaken;
    CudnnPlan* plan = nullptr;
    int32_t status = context_->cudnn->find(context_, convolution, &plan, error);
    RbnTensor own_filter = filter, image = x;
    if (status == RBN_OK) status = temporary(&filter_memory_, &own_filter, error);
    const bool bordered = convolution.height.in != shape_.height.in || convolution.width.in != shape_.width.in;
    if (bordered) {
      image = image_tensor(shape_.batch, convolution.height.in, convolution.width.in, shape_.in_channels,
                           shape_.channels_first);
      if (status == RBN_OK) status = temporary(&image_memory_, &image, error);
    }
    if (status == RBN_OK && bordered && kind_ != ConvolutionKind::kInput)
      status = run_copy(context_, "PadV2", x, &image,
                        {0, 0, shape_.channels_first ? 0 : top_, shape_.channels_first ? top_ : left_,
                         shape_.channels_first ? left_ : 0},
                        error);
    if (status == RBN_OK && kind_ != ConvolutionKind::kFilter)
      status = transpose_filter(context_, shape_, filter, &own_filter, false, error);
    if (status == RBN_OK)
      status = context_->cudnn->run(context_, *plan, static_cast<float*>(image.data),
                                    static_cast<float*>(own_filter.data), static_cast<float*>(y.data), error);
    RbnTensor result = kind_ == ConvolutionKind::kFilter ? filter : x;
    if (status == RBN_OK && kind_ == ConvolutionKind::kFilter)
      status = transpose_filter(context_, shape_, own_filter, &result, true, error);
    if (status == RBN_OK && bordered && kind_ == ConvolutionKind::kInput)
      status = take_inside(image, &result, error);
    return status;
  }

 private:
  bool place(CudnnConvolution* convolution) {
    convolution->kind = kind_;
    convolution->channels_first = shape_.channels_first;
    convolution->tf32 = context_->products == RBN_PRODUCTS_TF32;
    if (!place_axis(shape_.height, &convolution->height, &top_) ||
        !place_axis(shape_.width, &convolution->width, &left_))
      return false;
    // As floating-point numbers: the product of all sizes of an image may pass 2^63.
    const double images = static_cast<double>(shape_.batch), in = static_cast<double>(shape_.in_channels),
                 out = static_cast<double>(shape_.out_channels);
    const double most = std::max(
        {images * convolution->height.in * convolution->width.in * in, images * shape_.pixels_out() * out,
         shape_.taps() * in * out});
    convolution->batch = static_cast<int>(shape_.batch);
    convolution->in_channels = static_cast<int>(shape_.in_channels);
    convolution->out_channels = static_cast<int>(shape_.out_channels);
    return most <= kMostElements;
  }

  // The image without its border.
  int32_t take_inside(const RbnTensor& image, RbnTensor* result, RbnError* error) const {
    const auto strides = [&](int64_t height, int64_t width) {
      return ImageLayout::of(height, width, shape_.in_channels, shape_.channels_first);
    };
    const int rows = shape_.channels_first ? 2 : 1;
    const ImageLayout from = strides(image.shape[rows], image.shape[rows + 1]),
                      to = strides(shape_.height.in, shape_.width.in);
    return run_copy(context_, "CopyStrided", image, result,
                    {4, shape_.batch, shape_.height.in, shape_.width.in, shape_.in_channels,
                     top_ * from.row + left_ * from.column, from.batch, from.row, from.column, from.channel, 0,
                     to.batch, to.row, to.column, to.channel},
                    error);
  }

  RbnContext* const context_;
  const ConvolutionKind kind_;
  const ConvShape& shape_;
  Workspace filter_memory_, image_memory_;
  int64_t top_ = 0, left_ = 0;  // border before the image
};

// [pixels, in_channels], [in_channels, out_channels] and [pixels, out_channels].
MatrixProduct as_matrices(ConvolutionKind kind, const ConvShape& shape, float* x, float* filter, float* y) {
  const int64_t pixels = shape.batch * shape.pixels_in(), in = shape.in_channels, out = shape.out_channels;
  switch (kind) {
    case ConvolutionKind::kInput: return {y, filter, x, pixels, in, out, 1, false, true, 0, 0};
    case ConvolutionKind::kFilter: return {x, y, filter, in, out, pixels, 1, true, false, 0, 0};
    default: return {x, filter, y, pixels, out, in, 1, false, false, 0, 0};
  }
}

bool has_one_tap(const ConvShape::Axis& axis) {
  return axis.filter == 1 && axis.stride == 1 && axis.pad == 0 && axis.in == axis.out;
}

__global__ void __launch_bounds__(kElementThreads)
    rbn_ending_kernel(float* __restrict__ data, Ending ending, Divider by_inner, Divider by_channels,
                      uint32_t channels, uint32_t count) {
#pragma unroll
  for (int step = 0; step < kUnroll; ++step) {
    const uint32_t i = unit_index(step);
    if (i >= count) return;
    const uint32_t run = by_inner.quotient(i);
    data[i] = ending(data[i], run - by_channels.quotient(run) * channels);
  }
}

}  // namespace

int32_t multiply_by_library(RbnContext* context, const MatrixProduct& product, RbnError* error) {
  // As floating-point numbers: the product of all sizes may pass 2^63.
  const double matrices = static_cast<double>(product.batch), rows = static_cast<double>(product.rows),
               columns = static_cast<double>(product.columns), depth = static_cast<double>(product.depth);
  const double most = std::max({matrices * rows * columns, matrices * rows * depth, matrices * depth * columns});
  const double least = matrices * rows * columns * depth;
  if (!context->cublas || context->products == RBN_PRODUCTS_PLAIN || least == 0 || most > kMostElements)
    return kNotTaken;
  return context->cublas->multiply(context, product, error);
}

int32_t convolve_by_library(RbnContext* context, ConvolutionKind kind, const ConvShape& shape,
                            const RbnTensor& x, const RbnTensor& filter, const RbnTensor& y,
                            RbnError* error) {
  if (context->products == RBN_PRODUCTS_PLAIN || element_count(x) == 0 || element_count(filter) == 0 ||
      element_count(y) == 0)
    return kNotTaken;
  int32_t status = kNotTaken;
  if (!shape.channels_first && has_one_tap(shape.height) && has_one_tap(shape.width))
    status = multiply_by_library(
        context,
        as_matrices(kind, shape, static_cast<float*>(x.data), static_cast<float*>(filter.data),
                    static_cast<float*>(y.data)),
        error);
  if (status != kNotTaken || !context->cudnn) return status;
  return ByCudnn(context, kind, shape).run(x, filter, y, error);
}

int32_t apply_ending(RbnContext* context, float* data, int64_t count, int64_t channels, int64_t inner,
                     const Ending& ending, RbnError* error) {
  if (!ending.bias && ending.activation == kLinear) return RBN_OK;
  return check(error,
               launch(over(context, count), rbn_ending_kernel, data, ending, Divider::of(inner),
                      Divider::of(channels), static_cast<uint32_t>(channels), static_cast<uint32_t>(count)),
               "launch");
}

}  // namespace rbn
