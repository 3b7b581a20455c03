// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How a kernel walks over elements: units of 1 to 16 bytes, indices of 31 bits with divisions by
// multiplication, and views, which give the place of a unit in two tensors. A view of fewer
// dimensions and wider units is found on the host. Included by .cu files only.
#ifndef RBN_CUDA_OPS_VIEW_H_
#define RBN_CUDA_OPS_VIEW_H_

#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "../runtime/launch.h"
#include "operation.h"

namespace rbn {

// Units that one launch walks over: an index has 31 bits. More take several launches; few on the
// simulator, where nobody could test that otherwise.
#ifdef RBN_SIMULATOR
constexpr int64_t kLaunchUnits = 1 << 14;
#else
constexpr int64_t kLaunchUnits = INT32_MAX;
#endif

// Units a thread: as many loads are under way at once, which keeps the memory of large GPUs busy.
constexpr int kUnroll = 4;
constexpr int kBlockUnits = kUnroll * kElementThreads;

// The unit number `step` of this thread; a warp's lie side by side.
__device__ __forceinline__ uint32_t unit_index(int step) {
  return blockIdx.x * kBlockUnits + step * kElementThreads + threadIdx.x;
}

// n / d by a multiplication, for n < 2^31 and d from 1 to 2^31 - 1.
struct Divider {
  uint32_t magic, shift;

  // shift = ⌈log2 d⌉ and magic = ⌊2^32·(2^shift − d)/d⌋ + 1, so that n/d = (n·(magic + 2^32) >> 32)
  // >> shift.
  static Divider of(int64_t d) {
    uint32_t shift = 0;
    while ((int64_t{1} << shift) < d) ++shift;
    const uint64_t rest = (uint64_t{1} << shift) - static_cast<uint64_t>(d);
    return {static_cast<uint32_t>((rest << 32) / static_cast<uint64_t>(d) + 1), shift};
  }

  __host__ __device__ __forceinline__ uint32_t quotient(uint32_t n) const {
    return (static_cast<uint32_t>((static_cast<uint64_t>(n) * magic) >> 32) + n) >> shift;
  }
};

// One thread a unit, unrolled.
inline LaunchConfig over(RbnContext* context, int64_t units) {
  LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>((units + kBlockUnits - 1) / kBlockUnits));
  config.block = dim3(kElementThreads);
  config.stream = context->stream;
  return config;
}

// A part of a grid of N dimensions with at most kLaunchUnits points.
template <int N>
struct Box {
  int64_t first[N];
  Divider by[N];
  uint32_t size[N];

  // The coordinates of point `index`.
  __device__ __forceinline__ void locate(uint32_t index, int64_t (&at)[N]) const {
#pragma unroll
    for (int d = N - 1; d >= 0; --d) {
      const uint32_t rest = d > 0 ? by[d].quotient(index) : 0;
      at[d] = first[d] + (index - rest * size[d]);
      index = rest;
    }
  }
};

// Calls f(box, its units) for boxes that cover all of `sizes`, until one fails.
template <int N, class F>
int32_t for_each_box(const int64_t (&sizes)[N], F&& f) {
  int64_t step[N], room = kLaunchUnits;
  for (int d = N - 1; d >= 0; --d) {
    if (sizes[d] == 0) return RBN_OK;
    step[d] = std::min(sizes[d], room);
    room /= step[d];
  }
  Box<N> box = {};
  while (true) {
    int64_t units = 1;
    for (int d = 0; d < N; ++d) {
      const int64_t size = std::min(step[d], sizes[d] - box.first[d]);
      box.size[d] = static_cast<uint32_t>(size);
      box.by[d] = Divider::of(size);
      units *= size;
    }
    const int32_t status = f(box, units);
    if (status != RBN_OK) return status;
    int d = N - 1;
    for (; d >= 0; --d) {
      box.first[d] += step[d];
      if (box.first[d] < sizes[d]) break;
      box.first[d] = 0;
    }
    if (d < 0) return RBN_OK;
  }
}

// A dimension of a view, on the host.
struct Extent {
  int64_t size;
  int64_t src, dst;  // strides
  // The source along this dimension are `inside` units from coordinate `low` of the destination on.
  int64_t low, inside;
};

// A copy as the host plans it: strides and offsets in elements, later in units.
struct Plan {
  std::vector<Extent> extents;  // by falling stride of the destination; none: one unit
  int64_t src = 0, dst = 0;     // offsets
  int bytes;                    // a unit
};

inline int64_t unit_count(const Plan& plan) {
  int64_t count = 1;
  for (const Extent& e : plan.extents) count *= e.size;
  return count;
}

// Twice the ranks of a tensor: Tile splits each dimension in two.
constexpr int kViewRank = 2 * RBN_MAX_RANK;

// A plan as a kernel takes it; at most kLaunchUnits units.
struct View {
  struct Dimension {
    int64_t src, dst, low, inside;
    Divider by;
    uint32_t size, zero;
  } dimensions[kViewRank];
  int64_t rank;
};

inline View view_of(const Plan& plan) {
  View view = {};
  view.rank = static_cast<int64_t>(plan.extents.size());
  for (int64_t i = 0; i < view.rank; ++i) {
    const Extent& e = plan.extents[i];
    view.dimensions[i] = {
        e.src, e.dst, e.low, e.inside, Divider::of(e.size), static_cast<uint32_t>(e.size), 0};
  }
  return view;
}

// Dimensions without a window that lie in both tensors as one become one; those of one unit go.
inline void collapse(Plan* plan) {
  const auto plain = [](const Extent& e) { return e.low == 0 && e.inside == e.size; };
  std::vector<Extent> merged;
  for (const Extent& e : plan->extents) {
    if (e.size == 1 && plain(e)) continue;
    if (!merged.empty() && plain(e) && merged.back().dst == e.dst * e.size &&
        merged.back().src == e.src * e.size) {
      Extent& outer = merged.back();
      outer = {outer.size * e.size, e.src, e.dst, outer.low * e.size, outer.inside * e.size};
    } else {
      merged.push_back(e);
    }
  }
  plan->extents = merged;
}

// Makes units of up to 16 bytes of elements that lie side by side in both tensors. `may_cut`: a
// window along the last dimension can be counted in units, too.
inline void widen(Plan* plan, const void* src, const void* dst, bool may_cut) {
  if (plan->extents.empty()) return;
  Extent& last = plan->extents.back();
  if (last.src != 1 || last.dst != 1) return;
  if (!may_cut && (last.low != 0 || last.inside != last.size)) return;
  const auto fits = [&](int64_t wide) {
    const int64_t k = wide / plan->bytes;
    if (reinterpret_cast<uintptr_t>(src) % wide != 0 ||
        reinterpret_cast<uintptr_t>(dst) % wide != 0)
      return false;
    if (plan->src % k != 0 || plan->dst % k != 0) return false;
    if (last.size % k != 0 || last.low % k != 0 || last.inside % k != 0) return false;
    return std::all_of(plan->extents.begin(), plan->extents.end() - 1,
                       [k](const Extent& e) { return e.src % k == 0 && e.dst % k == 0; });
  };
  for (const int wide : {16, 8, 4}) {
    if (wide <= plan->bytes || !fits(wide)) continue;
    const int64_t k = wide / plan->bytes;
    plan->bytes = wide;
    plan->src /= k, plan->dst /= k;
    last.size /= k, last.low /= k, last.inside /= k;
    for (size_t i = 0; i + 1 < plan->extents.size(); ++i)
      plan->extents[i].src /= k, plan->extents[i].dst /= k;
    if (last.size == 1 && last.low == 0 && last.inside == 1) plan->extents.pop_back();
    return;
  }
}

// Calls `f` with a null pointer of a type of `bytes` bytes: 1, 4, 8 or 16.
template <class F>
int32_t dispatch_unit(int bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(static_cast<uint8_t*>(nullptr));
    case 4:
      return f(static_cast<uint32_t*>(nullptr));
    case 8:
      return f(static_cast<uint2*>(nullptr));
    default:
      return f(static_cast<uint4*>(nullptr));
  }
}

// The widest unit that makes whole numbers of `slice` elements; `slice` becomes a number of units.
inline int widest(int bytes, int64_t* slice, std::initializer_list<const void*> pointers) {
  for (const int wide : {16, 8, 4}) {
    if (wide <= bytes || *slice % (wide / bytes) != 0) continue;
    if (!std::all_of(pointers.begin(), pointers.end(),
                     [wide](const void* p) { return reinterpret_cast<uintptr_t>(p) % wide == 0; }))
      continue;
    *slice /= wide / bytes;
    return wide;
  }
  return bytes;
}

// `value` as an element of `dtype`, as often as 16 bytes take it.
inline uint4 splat(int32_t dtype, double value) {
  uint32_t word;
  if (dtype == RBN_TENSOR_FLOAT32) {
    const float f = static_cast<float>(value);
    memcpy(&word, &f, 4);
  } else if (dtype == RBN_TENSOR_INT32) {
    word = static_cast<uint32_t>(static_cast<int32_t>(value));
  } else {
    word = static_cast<uint8_t>(value) * 0x01010101u;
  }
  return make_uint4(word, word, word, word);
}

// The first unit of type T of a splat.
template <class T>
T unit_of(const uint4& splat) {
  T unit;
  memcpy(&unit, &splat, sizeof unit);
  return unit;
}

// A whole number from `least` to `most` in an attribute.
inline bool whole(double attribute, int64_t least, int64_t most, int64_t* value) {
  if (!(attribute >= static_cast<double>(least) && attribute <= static_cast<double>(most)))
    return false;
  *value = static_cast<int64_t>(attribute);
  return static_cast<double>(*value) == attribute;
}

inline int32_t check_same_type(const RbnTensor& a, const RbnTensor& b, RbnError* error) {
  if (a.dtype == b.dtype) return RBN_OK;
  return fail(error, RBN_INVALID_ARGUMENT, "expected tensors of one dtype, received %d and %d",
              a.dtype, b.dtype);
}

}  // namespace rbn

#endif  // RBN_CUDA_OPS_VIEW_H_
