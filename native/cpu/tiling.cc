// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The sizes behind Tiling.
#include "tiling.h"

#include <algorithm>

#include "kernels.h"

namespace rbn::cpu {
namespace {

// Elements of an item: some microseconds of work, many times the price of handing it to a thread,
// and small enough that 14×14×256 at N = 8 still feeds 12 threads.
constexpr int64_t kItemElements = 32 * 1024;

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t multiple) { return ceil_divide(a, multiple) * multiple; }

}  // namespace

Tiling::Tiling(const RbnProblem& problem)
    : first_(problem.layout == RBN_CHANNELS_FIRST),
      N_(problem.instances),
      S_(std::max<int64_t>(problem.positions, 1)),  // an empty problem has no items, but sizes
      C_(std::max<int64_t>(problem.channels, 1)),
      mask_row_(rbn_mask_row_bytes(&problem)) {
  slabs_ = first_ ? 1 : ceil_divide(C_, kMaxTileChannels);
  slab_ = first_ ? 1 : round_up(ceil_divide(C_, slabs_), 16);
  const int64_t target = std::max<int64_t>(kItemElements / slab_, 8);
  // Equal chunks. A multiple of 64 positions keeps the rows of channels first aligned and their
  // mask bits in bytes of their own; a multiple of 16 fills the row blocks of channels last.
  length_ = round_up(ceil_divide(S_, ceil_divide(S_, target)), first_ ? 64 : 16);
  chunks_ = ceil_divide(S_, length_);
  units_ = chunks_ > 1 ? 1 : std::max<int64_t>(target / S_, 1);
}

int64_t Tiling::items(int64_t from, int64_t to) const {
  return ceil_divide((to - from) * (first_ ? C_ : 1), units_) * chunks_ * slabs_;
}

}  // namespace rbn::cpu
