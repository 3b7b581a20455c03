// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Warp operations: the lanes that a mask names come to one place, and the last one hands out the results.
#include <string>

#include "grid.h"

namespace rbn {
namespace simulator {

uint64_t Grid::warp_meet(const WarpArgument& argument, Site site) {
  Thread& me = *thread_;
  Block& block = *me.block;
  const unsigned warp = me.index / 32;
  const unsigned mask = argument.mask;
  Thread* const lanes = block.threads + warp * 32;
  if (!(mask >> me.lane() & 1)) fail(cudaErrorLaunchFailure, "is not in the mask that it gives at " + text(site));
  if (argument.width == 0 || argument.width > 32 || (argument.width & (argument.width - 1)) != 0) {
    fail(cudaErrorLaunchFailure, "shuffles with a width that is no power of two up to 32 at " + text(site));
  }
  SharedMemory::WarpSync* sync = nullptr;
  const void* sync_place = nullptr;
  if (argument.operation == WarpOperation::kSync) {
    for (auto& candidate : block.shared->warp_syncs[warp]) {
      sync = &candidate;
      if (sync->mask == 0) sync->mask = mask;
      if (sync->mask == mask) break;
    }
    sync_place = &sync->sync.place[sync->phase & 1];
    release(sync_place);
  }

  me.argument = argument;
  me.site = site;
  me.state = State::kWarp;
  unsigned& waiting = block.waiting[warp];
  waiting |= 1u << me.lane();
  if ((waiting & mask) == mask) {
    for (unsigned i = 0; i < 32; i++) {
      if (!(mask >> i & 1)) continue;
      const WarpArgument& other = lanes[i].argument;
      if (other.mask != mask || other.operation != argument.operation || other.width != argument.width ||
          lanes[i].site.line != site.line) {
        fail(cudaErrorLaunchFailure, "comes to " + text(site) + ", but lane " + std::to_string(i) +
                                         " of its mask to " + text(lanes[i].site) +
                                         ", or with another mask or width");
      }
    }
    waiting &= ~mask;
    turns_ = 0;
    if (sync) sync->phase++;
    for (unsigned i = 0; i < 32; i++) {
      if (!(mask >> i & 1)) continue;
      lanes[i].result = warp_result(lanes, i);
      make_ready(&lanes[i]);
    }
  }
  me.fiber->leave();
  if (sync_place) acquire(sync_place);
  return me.result;
}

uint64_t Grid::warp_result(const Thread* lanes, unsigned lane) const {
  const WarpArgument& a = lanes[lane].argument;
  if (a.operation == WarpOperation::kSync) return 0;
  if (a.operation == WarpOperation::kBallot) {
    uint64_t ballot = 0;
    for (unsigned i = 0; i < 32; i++) {
      if ((a.mask >> i & 1) && lanes[i].argument.value) ballot |= 1ull << i;
    }
    return ballot;
  }
  const unsigned first = lane & ~(a.width - 1);  // of the segment of `width` lanes
  unsigned source = lane;  // stays where the source would lie outside the segment
  switch (a.operation) {
    case WarpOperation::kShuffle: source = first + (a.lane & (a.width - 1)); break;
    case WarpOperation::kShuffleUp:
      if (lane - first >= a.lane) source = lane - a.lane;
      break;
    case WarpOperation::kShuffleDown:
      if (a.lane < first + a.width - lane) source = lane + a.lane;
      break;
    default:
      // As a GPU: an earlier segment may be read, a later one not.
      if ((lane ^ a.lane) < first + a.width) source = lane ^ a.lane;
  }
  if (!(a.mask >> source & 1)) return kGarbage | static_cast<uint64_t>(kGarbage) << 32;  // not in the mask
  return lanes[source].argument.value;
}

}  // namespace simulator
}  // namespace rbn
