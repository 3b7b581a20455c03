// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The passes that write y and dx, compiled once for each instruction set.
#ifndef RBN_CPU_KERNELS_APPLY_H_
#define RBN_CPU_KERNELS_APPLY_H_

#include "kernels_elements.h"

namespace rbn::cpu::RBN_CPU_ISA {

// Row by row, also channels last, where the coefficients are read again in every row: they come
// from the first-level cache, and a single stream through memory is worth more (1.3 times the speed
// on a large tensor).

template <bool kFirst, bool kResidual, bool kRelu, bool kStream>
RBN_INLINE void forward_row(const ForwardCall& call, int64_t row) {
  const Tile& tile = call.tile;
  for_columns(tile.columns, [&](int64_t j, const auto& width) {
    const Vec h = coefficient<kFirst>(call.h, row, j, width);
    const Vec A = coefficient<kFirst>(call.A, row, j, width);
    const Vec B = coefficient<kFirst>(call.B, row, j, width);
    const int64_t at = row * tile.stride + j;
    Vec y = forward_element(load(call.x + at, width), h, A, B);
    if constexpr (kResidual) y = y + load(call.residual + at, width);
    if constexpr (kRelu) {
      const Lanes passes = relu_passes(y);
      if (kResidual && call.mask) {
        store_bits(call.mask + row * tile.mask_stride, j, to_bits(passes), width);
      }
      y = keep(passes, y);
    }
    put<kStream>(call.y + at, y, width);
  });
}

template <bool kFirst, bool kResidual, bool kRelu, bool kStream>
void forward_tile(const ForwardCall& call) {
  for (int64_t row = 0; row < call.tile.rows; ++row) {
    forward_row<kFirst, kResidual, kRelu, kStream>(call, row);
  }
  if (kStream) stream_fence();
}

template <bool kFirst>
void forward_any(const ForwardCall& call) {
  const int choice = (call.residual ? 4 : 0) | (call.relu ? 2 : 0) | (call.stream ? 1 : 0);
  switch (choice) {
    case 0:
      return forward_tile<kFirst, false, false, false>(call);
    case 1:
      return forward_tile<kFirst, false, false, true>(call);
    case 2:
      return forward_tile<kFirst, false, true, false>(call);
    case 3:
      return forward_tile<kFirst, false, true, true>(call);
    case 4:
      return forward_tile<kFirst, true, false, false>(call);
    case 5:
      return forward_tile<kFirst, true, false, true>(call);
    case 6:
      return forward_tile<kFirst, true, true, false>(call);
    case 7:
      return forward_tile<kFirst, true, true, true>(call);
  }
}

template <bool kFirst, Gate kGate, bool kStream>
RBN_INLINE void backward_row(const BackwardCall& call, int64_t row) {
  const Tile& tile = call.tile;
  for_columns(tile.columns, [&](int64_t j, const auto& width) {
    const Vec h = coefficient<kFirst>(call.h, row, j, width);
    const Vec P = coefficient<kFirst>(call.P, row, j, width);
    const Vec Q = coefficient<kFirst>(call.Q, row, j, width);
    const Vec R = coefficient<kFirst>(call.R, row, j, width);
    Vec A(0.0f), B(0.0f);
    if constexpr (kGate == Gate::kSign) {
      A = coefficient<kFirst>(call.A, row, j, width);
      B = coefficient<kFirst>(call.B, row, j, width);
    }
    const int64_t at = row * tile.stride + j;
    const Vec x = load(call.x + at, width);
    const Vec G = gated<kGate>(load(call.dy + at, width), call.mask + row * tile.mask_stride, j,
                               width, [&] { return forward_element(x, h, A, B); });
    if (kGate == Gate::kMask && call.dresidual) put<kStream>(call.dresidual + at, G, width);
    put<kStream>(call.dx + at, backward_element(G, x, h, P, Q, R), width);
  });
}

template <bool kFirst, Gate kGate, bool kStream>
void backward_tile(const BackwardCall& call) {
  for (int64_t row = 0; row < call.tile.rows; ++row)
    backward_row<kFirst, kGate, kStream>(call, row);
  if (kStream) stream_fence();
}

template <bool kFirst, bool kStream>
void backward_gated(const BackwardCall& call) {
  switch (call.gate) {
    case Gate::kNone:
      return backward_tile<kFirst, Gate::kNone, kStream>(call);
    case Gate::kMask:
      return backward_tile<kFirst, Gate::kMask, kStream>(call);
    case Gate::kSign:
      return backward_tile<kFirst, Gate::kSign, kStream>(call);
  }
}

template <bool kFirst>
void backward_any(const BackwardCall& call) {
  return call.stream ? backward_gated<kFirst, true>(call) : backward_gated<kFirst, false>(call);
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_APPLY_H_
