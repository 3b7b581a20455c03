// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Elements from one place to another: a strided copy, which is transpose, slice, concat, tile,
// reverse and more, and paddings. The host makes the view simple (fewer dimensions, wider units),
// then takes a plain copy, tiles in shared memory where both sides are contiguous along different
// dimensions, or one thread a unit in the order of the destination.
#include "view.h"

namespace rbn {
namespace {

// What lies outside of a window.
enum Outside { kNothing, kConstant, kMirror };

// Where kUnroll units lie: indices to offsets from the view's begin. `inside` is only written for
// kConstant. `around`: a mirrored coordinate left of the window is around − c, see
// mirror_operation.
template <int kOutside>
__device__ __forceinline__ void locate(const View& view, uint32_t (&index)[kUnroll], int64_t around,
                                       int64_t (&src)[kUnroll], int64_t (&dst)[kUnroll],
                                       bool (&inside)[kUnroll]) {
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) src[k] = 0, dst[k] = 0, inside[k] = true;
  for (int d = static_cast<int>(view.rank) - 1; d >= 0; --d) {
    const View::Dimension& dimension = view.dimensions[d];
#pragma unroll
    for (int k = 0; k < kUnroll; ++k) {
      const uint32_t rest = dimension.by.quotient(index[k]);
      int64_t at = index[k] - rest * dimension.size;
      index[k] = rest;
      dst[k] += at * dimension.dst;
      if (kOutside != kNothing) at -= dimension.low;
      if (kOutside == kConstant && (at < 0 || at >= dimension.inside)) inside[k] = false;
      if (kOutside == kMirror) {
        if (at < 0)
          at = -around - at;
        else if (at >= dimension.inside)
          at = 2 * (dimension.inside - 1) + around - at;
      }
      src[k] += at * dimension.src;
    }
  }
}

template <class T, int kOutside>
__global__ void rbn_copy_kernel(const T* __restrict__ src, T* __restrict__ dst,
                                const __grid_constant__ View view, uint32_t units, int64_t around,
                                T constant) {
  uint32_t index[kUnroll];
  int64_t from[kUnroll], to[kUnroll];
  bool inside[kUnroll];
  T value[kUnroll];
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) index[k] = unit_index(k);
  locate<kOutside>(view, index, around, from, to, inside);
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    value[k] = constant;
    if (unit_index(k) < units && inside[k]) value[k] = src[from[k]];
  }
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    if (unit_index(k) < units) dst[to[k]] = value[k];
  }
}

// Dimension a is contiguous in the source, b in the destination.
struct Tiling {
  int64_t src_b, dst_a;  // the other strides
  int64_t a, b;          // sizes
  Divider by_a, by_b;    // by the number of tiles
  uint32_t tiles_a, tiles_b;
  uint32_t log_a, log_b;  // of a tile's sides
};
constexpr int kTileUnits = kBlockUnits;
constexpr int kTileShared = kTileUnits + kTileUnits / 2;  // 512 rows of 2 + 1 are the most

// A block a tile. A row of the tile in shared memory is one unit longer than the tile, so that a
// column's units are in different banks.
template <class T>
__global__ void rbn_transpose_kernel(const T* __restrict__ src, T* __restrict__ dst,
                                     const __grid_constant__ View view,
                                     const __grid_constant__ Tiling tiling) {
  RBN_SHARED(T, tile, kTileShared);
  const uint32_t rest = tiling.by_b.quotient(blockIdx.x);
  const int64_t b0 = static_cast<int64_t>(blockIdx.x - rest * tiling.tiles_b) << tiling.log_b;
  const uint32_t outer = tiling.by_a.quotient(rest);
  const int64_t a0 = static_cast<int64_t>(rest - outer * tiling.tiles_a) << tiling.log_a;
  int64_t from = a0 + b0 * tiling.src_b, to = a0 * tiling.dst_a + b0;
  uint32_t index = outer;
  for (int d = static_cast<int>(view.rank) - 1; d >= 0; --d) {
    const View::Dimension& dimension = view.dimensions[d];
    const uint32_t left = dimension.by.quotient(index);
    const int64_t at = index - left * dimension.size;
    index = left;
    from += at * dimension.src;
    to += at * dimension.dst;
  }
  const uint32_t side_a = 1u << tiling.log_a, side_b = 1u << tiling.log_b;
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const uint32_t e = k * kElementThreads + threadIdx.x;
    const uint32_t a = e & (side_a - 1), b = e >> tiling.log_a;
    if (b < side_b && a0 + a < tiling.a && b0 + b < tiling.b)
      tile[b * (side_a + 1) + a] = src[from + a + b * tiling.src_b];
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < kUnroll; ++k) {
    const uint32_t e = k * kElementThreads + threadIdx.x;
    const uint32_t b = e & (side_b - 1), a = e >> tiling.log_b;
    if (a < side_a && a0 + a < tiling.a && b0 + b < tiling.b)
      dst[to + a * tiling.dst_a + b] = tile[b * (side_a + 1) + a];
  }
}

// The sides of a tile are powers of two that cover a short dimension and share out kTileUnits
// between both. False where a matrix is too small to fill a block; the caches serve such well.
bool sides(int64_t a, int64_t b, uint32_t* log_a, uint32_t* log_b) {
  const auto covering = [](int64_t size, int64_t most) {
    uint32_t log = 1;
    while ((int64_t{1} << log) < std::min(size, most)) ++log;
    return log;
  };
  *log_a = covering(a, 32);
  *log_b = covering(b, kTileUnits >> *log_a);
  *log_a = covering(a, kTileUnits >> *log_b);
  return (1 << (*log_a + *log_b)) >= kTileUnits / 2;
}

struct Copy {
  Plan plan;
  const char* src;
  char* dst;
  uint4 constant;  // a splat
  int64_t around;
};

int32_t launch_transpose(RbnContext* context, const Copy& copy, size_t a, RbnError* error,
                         bool* done) {
  Plan outer = copy.plan;
  const Extent inner_a = outer.extents[a], inner_b = outer.extents.back();
  Tiling tiling = {};
  if (!sides(inner_a.size, inner_b.size, &tiling.log_a, &tiling.log_b)) return RBN_OK;
  *done = true;
  outer.extents.pop_back();
  outer.extents.erase(outer.extents.begin() + a);
  const auto tiles = [](int64_t size, uint32_t log) {
    return static_cast<uint32_t>((size + (1 << log) - 1) >> log);
  };
  tiling.src_b = inner_b.src, tiling.dst_a = inner_a.dst;
  tiling.a = inner_a.size, tiling.b = inner_b.size;
  tiling.tiles_a = tiles(tiling.a, tiling.log_a), tiling.tiles_b = tiles(tiling.b, tiling.log_b);
  tiling.by_a = Divider::of(tiling.tiles_a), tiling.by_b = Divider::of(tiling.tiles_b);
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(unit_count(outer) * tiling.tiles_a * tiling.tiles_b));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return dispatch_unit(outer.bytes, [&](auto* unit) {
    using T = std::remove_pointer_t<decltype(unit)>;
    return check(
        error,
        launch(config, rbn_transpose_kernel<T>, reinterpret_cast<const T*>(copy.src) + outer.src,
               reinterpret_cast<T*>(copy.dst) + outer.dst, view_of(outer), tiling),
        "launch");
  });
}

template <int kOutside>
int32_t launch_copy(RbnContext* context, const Copy& copy, RbnError* error) {
  const Plan& plan = copy.plan;
  const int64_t units = unit_count(plan);
  if (units > kLaunchUnits) {
    size_t longest = 0;
    for (size_t i = 1; i < plan.extents.size(); ++i)
      if (plan.extents[i].size > plan.extents[longest].size) longest = i;
    Copy first = copy, second = copy;
    Extent& begin = first.plan.extents[longest];
    Extent& end = second.plan.extents[longest];
    begin.size /= 2;
    end.size -= begin.size;
    second.plan.dst += begin.size * end.dst;
    if (kOutside == kNothing)
      second.plan.src += begin.size * end.src;
    else
      end.low -= begin.size;
    const int32_t status = launch_copy<kOutside>(context, first, error);
    return status == RBN_OK ? launch_copy<kOutside>(context, second, error) : status;
  }
  if (kOutside == kNothing && plan.extents.size() >= 2) {
    const Extent& b = plan.extents.back();
    bool done = false;
    for (size_t a = 0; a + 1 < plan.extents.size() && b.dst == 1 && b.src != 0 && b.src != 1; ++a) {
      if (plan.extents[a].src != 1) continue;
      const int32_t status = launch_transpose(context, copy, a, error, &done);
      if (done) return status;
    }
  }
  const LaunchConfig config = over(context, units);
  return dispatch_unit(plan.bytes, [&](auto* unit) {
    using T = std::remove_pointer_t<decltype(unit)>;
    return check(error,
                 launch(config, rbn_copy_kernel<T, kOutside>,
                        reinterpret_cast<const T*>(copy.src) + plan.src,
                        reinterpret_cast<T*>(copy.dst) + plan.dst, view_of(plan),
                        static_cast<uint32_t>(units), copy.around, unit_of<T>(copy.constant)),
                 "launch");
  });
}

// All addresses of one side are from 0 to count − 1. Strides of dimensions of one element do not
// matter.
int32_t check_inside(const char* side, const Plan& plan, int64_t offset, int64_t Extent::* stride,
                     int64_t count, RbnError* error) {
  int64_t least = offset, most = offset;
  bool overflow = false;
  for (const Extent& e : plan.extents) {
    int64_t way;
    overflow |= __builtin_mul_overflow(e.size - 1, e.*stride, &way);
    overflow |= __builtin_add_overflow(way < 0 ? least : most, way, way < 0 ? &least : &most);
  }
  if (!overflow && least >= 0 && most < count) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT,
              "%s: expected addresses from 0 to %lld, received %lld to %lld", side,
              static_cast<long long>(count - 1), static_cast<long long>(least),
              static_cast<long long>(most));
}

// attributes: rank, sizes…, offset and strides… of the source, offset and strides… of the
// destination, in elements. Strides of the destination are positive and let no element be written
// twice; elements that the view does not reach stay as they are.
int32_t strided_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  int32_t status = check_same_type(x, out, error);
  if (status != RBN_OK) return status;
  int64_t rank;
  if (call.attribute_count < 1 || !whole(call.attributes[0], 0, kViewRank, &rank) ||
      call.attribute_count != 3 + 3 * rank)
    return fail(error, RBN_INVALID_ARGUMENT,
                "attributes: expected a rank of at most %d and 2 + 3·rank numbers", kViewRank);
  const double* const sizes = call.attributes + 1;
  const double* const src = sizes + rank;  // the offset, then the strides
  const double* const dst = src + 1 + rank;
  constexpr int64_t kMost = int64_t{1} << 53;
  Plan plan;
  plan.bytes = static_cast<int>(type_bytes(x.dtype));
  bool valid = whole(src[0], 0, kMost, &plan.src) && whole(dst[0], 0, kMost, &plan.dst),
       empty = false;
  for (int64_t i = 0; i < rank && valid; ++i) {
    Extent e = {};
    valid = whole(sizes[i], 0, kMost, &e.size) && whole(src[1 + i], -kMost, kMost, &e.src) &&
            whole(dst[1 + i], 0, kMost, &e.dst);
    e.inside = e.size;
    empty |= e.size == 0;
    if (e.size > 1) plan.extents.push_back(e);
  }
  if (!valid)
    return fail(error, RBN_INVALID_ARGUMENT,
                "attributes: expected whole numbers, only strides of the source negative");
  if (empty) return RBN_OK;
  status = check_inside("source", plan, plan.src, &Extent::src, element_count(x), error);
  if (status == RBN_OK)
    status = check_inside("destination", plan, plan.dst, &Extent::dst, element_count(out), error);
  if (status != RBN_OK) return status;
  std::sort(plan.extents.begin(), plan.extents.end(),
            [](const Extent& a, const Extent& b) { return a.dst > b.dst; });
  int64_t reach = 0;  // the farthest element of the dimensions within
  for (auto e = plan.extents.rbegin(); e != plan.extents.rend(); ++e) {
    if (e->dst <= reach)
      return fail(error, RBN_INVALID_ARGUMENT,
                  "destination: expected strides that write no element twice");
    reach += (e->size - 1) * e->dst;
  }

  collapse(&plan);
  const bool contiguous =
      plan.extents.empty() ||
      (plan.extents.size() == 1 && plan.extents[0].src == 1 && plan.extents[0].dst == 1);
  const auto* const from = static_cast<const char*>(x.data);
  auto* const to = static_cast<char*>(out.data);
  if (contiguous)
    return check(
        error,
        cudaMemcpyAsync(to + plan.dst * plan.bytes, from + plan.src * plan.bytes,
                        unit_count(plan) * plan.bytes, cudaMemcpyDeviceToDevice, context->stream),
        "cudaMemcpyAsync");
  widen(&plan, from, to, false);
  return launch_copy<kNothing>(context, {plan, from, to, {}, 0}, error);
}

// The view of a padding: output[c] = x[c − before]. attributes from `first` on: what comes before x
// along each dimension; the shapes say what comes after.
int32_t plan_padding(const RbnCall& call, int32_t first, Plan* plan, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  const int32_t status = check_same_type(x, out, error);
  if (status != RBN_OK) return status;
  if (out.rank != x.rank || call.attribute_count != first + x.rank)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected an output of rank %d and %d attributes, received %d and %d", x.rank,
                first + x.rank, out.rank, call.attribute_count);
  plan->bytes = static_cast<int>(type_bytes(x.dtype));
  int64_t src = 1, dst = 1;
  for (int32_t d = x.rank - 1; d >= 0; --d) {
    Extent e = {out.shape[d], src, dst, 0, x.shape[d]};
    if (x.shape[d] > out.shape[d] ||
        !whole(call.attributes[first + d], 0, out.shape[d] - x.shape[d], &e.low))
      return fail(error, RBN_INVALID_ARGUMENT,
                  "paddings: dimension %d: expected x within the output", d);
    plan->extents.insert(plan->extents.begin(), e);
    src *= x.shape[d], dst *= out.shape[d];
  }
  return RBN_OK;
}

// attributes: the constant, what comes before along each dimension.
int32_t pad_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  if (call.attribute_count < 1)
    return fail(error, RBN_INVALID_ARGUMENT, "attributes: expected a constant");
  Plan plan;
  const int32_t status = plan_padding(call, 1, &plan, error);
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& out = call.outputs[0];
  if (status != RBN_OK || element_count(out) == 0) return status;
  if (element_count(x) == 0)
    return check(error, fill(context, out.data, out.dtype, element_count(out), call.attributes[0]),
                 "launch");
  collapse(&plan);
  widen(&plan, x.data, out.data, true);
  return launch_copy<kConstant>(
      context,
      {plan, static_cast<const char*>(x.data), static_cast<char*>(out.data),
       splat(out.dtype, call.attributes[0]), 0},
      error);
}

// attributes: 1 where the border itself is repeated (symmetric), 0 where not (reflect); what comes
// before along each dimension.
int32_t mirror_operation(RbnContext* context, const RbnCall& call, RbnError* error) {
  int64_t symmetric;
  if (call.attribute_count < 1 || !whole(call.attributes[0], 0, 1, &symmetric))
    return fail(error, RBN_INVALID_ARGUMENT, "attributes: expected 0 or 1 first");
  Plan plan;
  const int32_t status = plan_padding(call, 1, &plan, error);
  if (status != RBN_OK || element_count(call.outputs[0]) == 0) return status;
  for (const Extent& e : plan.extents) {
    const int64_t most = e.inside - 1 + symmetric;
    if (e.inside == 0 || e.low > most || e.size - e.inside - e.low > most)
      return fail(error, RBN_INVALID_ARGUMENT, "paddings: expected at most %lld on each side",
                  static_cast<long long>(most));
  }
  // A mirrored dimension counts whole elements, so nothing is merged into it.
  widen(&plan, call.inputs[0].data, call.outputs[0].data, false);
  return launch_copy<kMirror>(context,
                              {plan,
                               static_cast<const char*>(call.inputs[0].data),
                               static_cast<char*>(call.outputs[0].data),
                               {},
                               symmetric},
                              error);
}

constexpr Operation kOperations[] = {
    {"CopyStrided", 1, 1, kAny, false, strided_operation},
    {"PadV2", 1, 1, kAny, false, pad_operation},
    {"MirrorPad", 1, 1, kAny, false, mirror_operation},
};

}  // namespace

OperationTable copy_operations() { return {kOperations, sizeof kOperations / sizeof *kOperations}; }

}  // namespace rbn
