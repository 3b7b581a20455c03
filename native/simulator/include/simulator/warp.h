// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Shuffles, votes and __syncwarp. Every lane that the mask names must come to the same call.
#ifndef RBN_SIMULATOR_WARP_H_
#define RBN_SIMULATOR_WARP_H_

#include "thread.h"

namespace rbn {
namespace simulator {

enum class WarpOperation { kSync, kBallot, kShuffle, kShuffleUp, kShuffleDown, kShuffleXor };

// What a lane brings to a warp operation.
struct WarpArgument {
  WarpOperation operation;
  unsigned mask;
  uint64_t value;  // the predicate, or the bits of the value to shuffle
  unsigned lane;   // source lane, delta or lane mask of a shuffle
  unsigned width;  // of a shuffle
};

// Returns the bits of the shuffled value, or the ballot.
uint64_t warp_meet(const WarpArgument& argument, Site site);

template <class T>
inline T shuffle(WarpOperation operation, unsigned mask, T value, unsigned lane, int width, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffle of a type that has neither 4 nor 8 bytes");
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const uint64_t bits =
      warp_meet({operation, mask, bit_cast<Bits>(value), lane, static_cast<unsigned>(width)}, site);
  return bit_cast<T>(static_cast<Bits>(bits));
}

}  // namespace simulator
}  // namespace rbn

template <class T>
inline T __shfl_sync(unsigned mask, T value, int lane, int width = warpSize,
                     rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::shuffle(rbn::simulator::WarpOperation::kShuffle, mask, value, lane, width, site);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                        rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::shuffle(rbn::simulator::WarpOperation::kShuffleUp, mask, value, delta, width, site);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                          rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::shuffle(rbn::simulator::WarpOperation::kShuffleDown, mask, value, delta, width,
                                 site);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize,
                         rbn::simulator::Site site = rbn::simulator::here()) {
  return rbn::simulator::shuffle(rbn::simulator::WarpOperation::kShuffleXor, mask, value, lane_mask, width,
                                 site);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, rbn::simulator::Site site = rbn::simulator::here()) {
  rbn::simulator::warp_meet({rbn::simulator::WarpOperation::kSync, mask, 0, 0, warpSize}, site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              rbn::simulator::Site site = rbn::simulator::here()) {
  return static_cast<unsigned>(rbn::simulator::warp_meet(
      {rbn::simulator::WarpOperation::kBallot, mask, static_cast<uint64_t>(predicate != 0), 0, warpSize},
      site));
}
inline int __any_sync(unsigned mask, int predicate, rbn::simulator::Site site = rbn::simulator::here()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, rbn::simulator::Site site = rbn::simulator::here()) {
  return __ballot_sync(mask, predicate, site) == mask;
}
// CUDA promises no more than that the caller is in it: nobody may rely on the others.
inline unsigned __activemask() {
  const rbn::simulator::ThreadIndices& i = *rbn::simulator::self;
  return 1u << ((i.thread.x + i.block_dim.x * (i.thread.y + i.block_dim.y * i.thread.z)) % warpSize);
}

#endif  // RBN_SIMULATOR_WARP_H_
