// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The order of launches of each plan, and the memory between them.
#include "operator.h"

#include <math.h>

#include <initializer_list>
#include <string>

#include "../runtime/status.h"
#include "kernels.h"
#include "plan.h"

namespace rbn {
namespace {

bool aligned(std::initializer_list<const void*> pointers) {
  for (const void* p : pointers) {
    if (reinterpret_cast<uintptr_t>(p) % 16 != 0) return false;
  }
  return true;
}

// Pieces of one allocation, each on 256 bytes as cudaMalloc's are.
class Layout {
 public:
  template <class T>
  void add(T** pointer, int64_t count) {
    offsets_[pieces_] = bytes_;
    targets_[pieces_++] = reinterpret_cast<void**>(pointer);
    bytes_ += static_cast<size_t>(round_up(count * static_cast<int64_t>(sizeof(T)), 256));
  }
  cudaError_t allocate(Workspace* workspace) {
    const cudaError_t code = workspace->allocate(bytes_);
    if (code != cudaSuccess) return code;
    for (int i = 0; i < pieces_; ++i)
      *targets_[i] = static_cast<char*>(workspace->memory()) + offsets_[i];
    return cudaSuccess;
  }

 private:
  size_t bytes_ = 0;
  int pieces_ = 0;
  void** targets_[8];
  size_t offsets_[8];
};

int32_t missing(RbnError* error, const char* name) {
  return fail(error, RBN_INVALID_ARGUMENT, "%s: expected a device pointer, received null", name);
}

struct Required {
  const void* pointer;
  const char* name;
};

int32_t check_pointers(std::initializer_list<Required> all, RbnError* error) {
  for (const Required& r : all) {
    if (!r.pointer) return missing(error, r.name);
  }
  return RBN_OK;
}

// All three of the calibration, or none: plain batch normalization.
int32_t check_calibration(std::initializer_list<Required> all, RbnError* error) {
  for (const Required& r : all) {
    if (r.pointer) return check_pointers(all, error);
  }
  return RBN_OK;
}

// 0 and 1 only; the rest of a plan's launches are kernels that assume at least one element.
bool is_empty(const RbnProblem& p) {
  return p.instances == 0 || p.positions == 0 || p.channels == 0;
}

int32_t check_plan(const RbnContext& context, const RbnProblem& p, bool backward, int32_t* plan,
                   RbnError* error) {
  if (!plan_fits(p, backward, *plan, context.shared_bytes)) {
    return fail(error, RBN_INVALID_ARGUMENT, "plan: %d does not fit this problem on this device",
                *plan);
  }
  if (*plan == RBN_PLAN_AUTO) *plan = choose_plan(p, backward, context.shared_bytes);
  return RBN_OK;
}

// Blocks of a launch are numbered in gridDim.x.
int32_t check_grid(int64_t blocks, RbnError* error) {
  if (blocks <= kMaxGrid) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT,
              "shape: expected at most %lld blocks of work, received %lld",
              static_cast<long long>(kMaxGrid), static_cast<long long>(blocks));
}

// S > 1: elements of a row, which is the fastest axis of x.
int64_t row_of(const RbnProblem& p) {
  return p.layout == RBN_CHANNELS_LAST ? p.channels : p.positions;
}

bool writes_mask(const RbnForward& call) {
  return call.mask && call.residual && call.problem.activation == RBN_RELU;
}

// How the two passes cut the problem: tiles where channels are last, else rows, staged or not.
struct TwoPassGeometry {
  bool last, staged;
  int width;
  Tiles tiles, write_tiles;
  Rows rows;

  int64_t chunks() const { return last ? tiles.chunks : rows.chunks; }
  int64_t grid() const {
    if (!last) return rows.grid();
    return tiles.grid() > write_tiles.grid() ? tiles.grid() : write_tiles.grid();
  }
};

TwoPassGeometry make_geometry(const RbnProblem& p, bool all_aligned, bool masks) {
  TwoPassGeometry g = {};
  g.last = p.layout == RBN_CHANNELS_LAST;
  g.width = vector_width(p.dtype, row_of(p), all_aligned);
  if (g.last) {
    g.tiles = make_tiles(p.instances, p.positions, p.channels, g.width);
    g.write_tiles = make_tiles(p.instances, p.positions, p.channels, g.width, masks);
    return g;
  }
  const int64_t rows = p.instances * p.channels;
  g.rows = make_rows(rows, p.positions, p.channels, g.width);
  if (g.width == 1 && all_aligned) {
    const Rows staged = make_staged_rows(rows, p.positions, p.channels, p.dtype);
    g.staged = staged_bytes(staged, p.dtype) <= kStagedBytes;
    if (g.staged) g.rows = staged;
  }
  return g;
}

// A step of a plan: the first failure is kept, later steps are not run.
class Steps {
 public:
  explicit Steps(const char* operation) : operation_(operation) {}
  template <class F>
  Steps& then(const char* name, F&& step) {
    if (code_ == cudaSuccess) {
      code_ = step();
      name_ = name;
    }
    return *this;
  }
  int32_t finish(RbnError* error) const {
    return check(error, code_, (std::string(operation_) + ": " + name_).c_str());
  }

 private:
  const char* operation_;
  const char* name_ = "";
  cudaError_t code_ = cudaSuccess;
};

int32_t forward_two_pass(RbnContext* context, const RbnForward& call, RbnError* error) {
  const RbnProblem& p = call.problem;
  const TwoPassGeometry g =
      make_geometry(p, aligned({call.x, call.residual, call.y, call.state}), writes_mask(call));
  const int32_t status = check_grid(g.grid(), error);
  if (status != RBN_OK) return status;
  const int64_t plane = p.instances * p.channels;
  PartialSums sums = {nullptr, nullptr, g.chunks()};
  float* state = call.state;
  Workspace workspace(context);
  Layout layout;
  layout.add(&sums.first, plane * sums.chunks);
  layout.add(&sums.second, plane * sums.chunks);
  if (!state) layout.add(&state, 4 * plane);
  const cudaStream_t stream = context->stream;
  return Steps("forward")
      .then("memory for partial sums", [&] { return layout.allocate(&workspace); })
      .then("sums",
            [&] {
              if (g.last) return rbn_forward_sums_last(call, g.tiles, g.width, sums, stream);
              return g.staged ? rbn_forward_sums_staged(call, g.rows, sums, stream)
                              : rbn_forward_sums_first(call, g.rows, g.width, sums, stream);
            })
      .then("finalize", [&] { return rbn_forward_finalize(call, sums, state, stream); })
      .then("write",
            [&] {
              if (g.last)
                return rbn_forward_write_last(call, g.write_tiles, g.width, state, stream);
              return g.staged ? rbn_forward_write_staged(call, g.rows, state, stream)
                              : rbn_forward_write_first(call, g.rows, g.width, state, stream);
            })
      .finish(error);
}

int32_t forward_once(RbnContext* context, const RbnForward& call, RbnError* error) {
  const RbnProblem& p = call.problem;
  const int width =
      vector_width(p.dtype, row_of(p), aligned({call.x, call.residual, call.y, call.state}));
  if (p.layout == RBN_CHANNELS_LAST) {
    const OnceTiles tiles = make_once_tiles(p, width);
    const int32_t status = check_grid(tiles.grid(), error);
    if (status != RBN_OK) return status;
    return check(error, rbn_forward_once_last(call, tiles, width, context->stream),
                 "forward: once");
  }
  const Rows rows = make_once_rows(p, width);
  const int32_t status = check_grid(rows.grid(), error);
  if (status != RBN_OK) return status;
  return check(error,
               rbn_forward_once_first(call, rows, width, once_rows_bytes(rows, p), context->stream),
               "forward: once");
}

int32_t forward_single(RbnContext* context, const RbnForward& call, RbnError* error) {
  const RbnProblem& p = call.problem;
  const int width = vector_width(p.dtype, p.channels, aligned({call.x, call.residual, call.y}));
  const Tiles tiles = make_tiles(1, p.instances, p.channels, width);
  const Tiles write_tiles = make_tiles(1, p.instances, p.channels, width, writes_mask(call));
  for (const Tiles& t : {tiles, write_tiles}) {
    const int32_t status = check_grid(t.grid(), error);
    if (status != RBN_OK) return status;
  }
  PartialSums sums = {nullptr, nullptr, tiles.chunks};
  float* center = call.state;
  Workspace workspace(context);
  Layout layout;
  if (p.training) {
    layout.add(&sums.first, tiles.chunks * p.channels);
    layout.add(&sums.second, tiles.chunks * p.channels);
  }
  if (!center) layout.add(&center, 2 * p.channels);
  const cudaStream_t stream = context->stream;
  return Steps("forward")
      .then("memory for partial sums", [&] { return layout.allocate(&workspace); })
      .then("sums",
            [&] {
              return p.training ? rbn_forward_sums_last(call, tiles, width, sums, stream)
                                : cudaSuccess;
            })
      .then("finalize", [&] { return rbn_forward_finalize_single(call, sums, center, stream); })
      .then("write",
            [&] { return rbn_forward_write_single(call, write_tiles, width, center, stream); })
      .finish(error);
}

int32_t backward_two_pass(RbnContext* context, const RbnBackward& call, RbnError* error) {
  const RbnProblem& p = call.problem;
  const TwoPassGeometry g =
      make_geometry(p, aligned({call.dy, call.x, call.dx, call.dresidual, call.state}), false);
  const int32_t status = check_grid(g.grid(), error);
  if (status != RBN_OK) return status;
  const int64_t plane = p.instances * p.channels;
  PartialSums partial = {nullptr, nullptr, g.chunks()};
  BackwardPlanes planes = {};
  double* sums = nullptr;
  Workspace workspace(context);
  Layout layout;
  layout.add(&partial.first, plane * partial.chunks);
  layout.add(&partial.second, plane * partial.chunks);
  layout.add(&sums, 2 * plane);
  layout.add(&planes.P, plane);
  layout.add(&planes.Q, p.channels);
  layout.add(&planes.R, plane);
  const cudaStream_t stream = context->stream;
  return Steps("backward")
      .then("memory for partial sums", [&] { return layout.allocate(&workspace); })
      .then("sums",
            [&] {
              if (g.last) return rbn_backward_sums_last(call, g.tiles, g.width, partial, stream);
              return g.staged ? rbn_backward_sums_staged(call, g.rows, partial, stream)
                              : rbn_backward_sums_first(call, g.rows, g.width, partial, stream);
            })
      .then("finalize", [&] { return rbn_backward_finalize(call, partial, sums, planes, stream); })
      .then("write",
            [&] {
              if (g.last) return rbn_backward_write_last(call, g.tiles, g.width, planes, stream);
              return g.staged ? rbn_backward_write_staged(call, g.rows, planes, stream)
                              : rbn_backward_write_first(call, g.rows, g.width, planes, stream);
            })
      .finish(error);
}

int32_t backward_single(RbnContext* context, const RbnBackward& call, RbnError* error) {
  const RbnProblem& p = call.problem;
  const int width =
      vector_width(p.dtype, p.channels, aligned({call.dy, call.x, call.dx, call.dresidual}));
  const Tiles sum_tiles = make_tiles(1, p.instances, p.channels, 1);
  const Tiles tiles = make_tiles(1, p.instances, p.channels, width);
  for (const Tiles& t : {sum_tiles, tiles}) {
    const int32_t status = check_grid(t.grid(), error);
    if (status != RBN_OK) return status;
  }
  float* partial = nullptr;
  float* coefficients = nullptr;
  Workspace workspace(context);
  Layout layout;
  layout.add(&partial, kSingleSums * sum_tiles.chunks * p.channels);
  layout.add(&coefficients, 3 * p.channels);
  const cudaStream_t stream = context->stream;
  return Steps("backward")
      .then("memory for partial sums", [&] { return layout.allocate(&workspace); })
      .then("sums", [&] { return rbn_backward_sums_single(call, sum_tiles, partial, stream); })
      .then("finalize",
            [&] {
              return rbn_backward_finalize_single(call, partial, sum_tiles.chunks, coefficients,
                                                  stream);
            })
      .then("write",
            [&] { return rbn_backward_write_single(call, tiles, width, coefficients, stream); })
      .finish(error);
}

}  // namespace

int32_t check_problem(const RbnProblem& p, RbnError* error) {
  const struct {
    int64_t value;
    const char* name;
  } sizes[] = {{p.instances, "instances"}, {p.positions, "positions"}, {p.channels, "channels"}};
  for (const auto& size : sizes) {
    if (size.value < 0) {
      return fail(error, RBN_INVALID_ARGUMENT, "%s: expected at least 0, received %lld", size.name,
                  static_cast<long long>(size.value));
    }
  }
  const struct {
    int32_t value;
    const char* name;
  } choices[] = {{p.layout, "layout"},
                 {p.dtype, "dtype"},
                 {p.training, "training"},
                 {p.activation, "activation"}};
  for (const auto& choice : choices) {
    if (choice.value != 0 && choice.value != 1) {
      return fail(error, RBN_INVALID_ARGUMENT, "%s: expected 0 or 1, received %d", choice.name,
                  choice.value);
    }
  }
  if (!(p.epsilon > 0.0 && p.epsilon < HUGE_VAL)) {
    return fail(error, RBN_INVALID_ARGUMENT, "epsilon: expected a number above 0, received %g",
                p.epsilon);
  }
  // 64 bytes a channel of an instance cover the state and all temporary planes, 16 an element the
  // tensor and partial sums; instances or channels of 0 must not hide that the others overflow.
  int64_t planes, elements, bytes;
  const int64_t instances = p.instances > 0 ? p.instances : 1;
  const int64_t channels = p.channels > 0 ? p.channels : 1;
  if (__builtin_mul_overflow(instances, channels, &planes) ||
      __builtin_mul_overflow(planes, static_cast<int64_t>(64), &bytes) ||
      __builtin_mul_overflow(planes, p.positions, &elements) ||
      __builtin_mul_overflow(elements, static_cast<int64_t>(16), &bytes)) {
    return fail(
        error, RBN_INVALID_ARGUMENT,
        "shape: expected a size in bytes below 2^63, received %lld instances, %lld positions, "
        "%lld channels",
        static_cast<long long>(p.instances), static_cast<long long>(p.positions),
        static_cast<long long>(p.channels));
  }
  if (p.training && (p.channels == 0 || p.instances * p.positions < 2)) {
    return fail(error, RBN_INVALID_ARGUMENT,
                "shape: expected channels and at least 2 values in each in training, received %lld "
                "channels "
                "of %lld values",
                static_cast<long long>(p.channels),
                static_cast<long long>(p.instances * p.positions));
  }
  return RBN_OK;
}

int32_t forward(RbnContext* context, const RbnForward& call, int32_t plan, RbnError* error) {
  const RbnProblem& p = call.problem;
  int32_t status = check_problem(p, error);
  if (status == RBN_OK) status = check_plan(*context, p, false, &plan, error);
  if (status != RBN_OK || is_empty(p)) return status;
  status = check_pointers({{call.x, "x"},
                           {call.y, "y"},
                           {p.training ? call.mean : call.given_mean, "mean"},
                           {p.training ? call.variance : call.given_variance, "variance"}},
                          error);
  if (status == RBN_OK) status = check_calibration({{call.center_weight, "centerWeight"},
                                                   {call.scale_weight, "scaleWeight"},
                                                   {call.scale_bias, "scaleBias"}},
                                                  error);
  if (status != RBN_OK) return status;
  if (p.activation == RBN_RELU && call.residual && call.state && !call.mask)
    return missing(error, "mask");
  switch (plan) {
    case RBN_PLAN_SINGLE: return forward_single(context, call, error);
    case RBN_PLAN_FROZEN_ONCE: return forward_once(context, call, error);
    default: return forward_two_pass(context, call, error);
  }
}

int32_t backward(RbnContext* context, const RbnBackward& call, int32_t plan, RbnError* error) {
  const RbnProblem& p = call.problem;
  int32_t status = check_problem(p, error);
  if (status == RBN_OK) status = check_plan(*context, p, true, &plan, error);
  if (status != RBN_OK || p.channels == 0) return status;
  status = check_calibration({{call.dcenter_weight, "dcenterWeight"},
                              {call.dscale_weight, "dscaleWeight"},
                              {call.dscale_bias, "dscaleBias"}},
                             error);
  if (status != RBN_OK) return status;
  if (is_empty(p)) {
    for (float* gradient :
         {call.dgamma, call.dbeta, call.dcenter_weight, call.dscale_weight, call.dscale_bias}) {
      if (!gradient || status != RBN_OK) continue;
      const size_t bytes = static_cast<size_t>(p.channels) * sizeof(float);
      status = check(error, cudaMemsetAsync(gradient, 0, bytes, context->stream),
                     "backward: zero gradients");
    }
    return status;
  }
  status = check_pointers({{call.dy, "dy"},
                           {call.x, "x"},
                           {p.training ? call.variance : call.mean, "mean"},
                           {call.variance, "variance"},
                           {call.state, "state"},
                           {call.dx, "dx"}},
                          error);
  if (status == RBN_OK) status = check_calibration({{call.center_weight, "centerWeight"},
                                                   {call.scale_weight, "scaleWeight"},
                                                   {call.scale_bias, "scaleBias"}},
                                                  error);
  if (status != RBN_OK) return status;
  if (call.mask && p.activation != RBN_RELU) {
    return fail(error, RBN_INVALID_ARGUMENT,
                "mask: expected null without an activation, received one");
  }
  if (call.dresidual && !call.mask) return missing(error, "mask");
  return plan == RBN_PLAN_SINGLE ? backward_single(context, call, error)
                                 : backward_two_pass(context, call, error);
}

}  // namespace rbn
