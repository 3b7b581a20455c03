// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// S = 1: every element has a gate of its own. Compiled once for each instruction set.
#ifndef RBN_CPU_KERNELS_SINGLE_H_
#define RBN_CPU_KERNELS_SINGLE_H_

#include "kernels_sums.h"

namespace rbn::cpu::RBN_CPU_ISA {

struct SingleColumn {
  Vec a_high, a_low, mean_high, mean_low, inv_std, gamma, beta, scale_weight, scale_bias;
};

template <class Width>
RBN_INLINE SingleColumn load_single(const SingleChannels& c, int64_t j, const Width& width) {
  return {
      load(c.a_high + j, width),   load(c.a_low + j, width),        load(c.mean_high + j, width),
      load(c.mean_low + j, width), load(c.inv_std + j, width),      load(c.gamma + j, width),
      load(c.beta + j, width),     load(c.scale_weight + j, width), load(c.scale_bias + j, width)};
}

RBN_INLINE Vec standardize(Vec x, const SingleColumn& c) {
  return single_standardize<Fused>(x, c.a_high, c.a_low, c.mean_high, c.mean_low, c.inv_std);
}

static void single_forward(const SingleForwardCall& call) {
  const Tile& tile = call.tile;
  for_columns(tile.columns, [&](int64_t j, const auto& width) {
    const SingleColumn c = load_single(call.channels, j, width);
    for (int64_t row = 0; row < tile.rows; ++row) {
      const int64_t at = row * tile.stride + j;
      const Vec x_s = standardize(load(call.x + at, width), c);
      const auto gate = single_gate(x_s, c.scale_weight, c.scale_bias);
      Vec y = single_forward_element(x_s, gate, c.gamma, c.beta);
      if (call.residual) y = y + load(call.residual + at, width);
      if (call.relu) {
        const Lanes passes = relu_passes(y);
        if (call.mask) store_bits(call.mask + row * tile.mask_stride, j, to_bits(passes), width);
        y = keep(passes, y);
      }
      store(call.y + at, y, width);
    }
  });
}

template <Gate kGate>
RBN_INLINE void single_sums_gated(const SingleSumsCall& call) {
  const Tile& tile = call.tile;
  struct Column {
    SingleColumn channel;
    Vec pivot;
  };
  sum_rows<FloatSums<kSingleSums>>(
      tile, {call.x, call.dy}, call.sums,
      [&](int64_t j, const auto& width) -> Column {
        return {load_single(call.channels, j, width), load(call.pivot + j, width)};
      },
      [&](int64_t row, int64_t j, const auto& width, const Column& column,
          FloatSums<kSingleSums>* sums) {
        const SingleColumn& c = column.channel;
        const Vec x = load(call.x + row * tile.stride + j, width);
        const Vec x_s = standardize(x, c);
        const auto gate = single_gate(x_s, c.scale_weight, c.scale_bias);
        const Vec G = gated<kGate>(
            load(call.dy + row * tile.stride + j, width), call.mask + row * tile.mask_stride, j,
            width, [&] { return single_forward_element(x_s, gate, c.gamma, c.beta); });
        const auto g = single_gradient(G, x_s, gate, c.gamma, c.scale_weight);
        const Vec d = x - column.pivot;
        Vec* const acc = sums->sum;
        acc[kSumG] = acc[kSumG] + G;
        acc[kSumGamma] = acc[kSumGamma] + g.gamma;
        acc[kSumScaleBias] = acc[kSumScaleBias] + g.scale_bias;
        acc[kSumScaleWeight] = acc[kSumScaleWeight] + g.scale_weight;
        acc[kSumGatedBeta] = acc[kSumGatedBeta] + g.gated_beta;
        acc[kSumUD] = multiply_add(g.u, d, acc[kSumUD]);
        acc[kSumD] = acc[kSumD] + d;
      });
}

static void single_sums(const SingleSumsCall& call) {
  switch (call.gate) {
    case Gate::kNone:
      return single_sums_gated<Gate::kNone>(call);
    case Gate::kMask:
      return single_sums_gated<Gate::kMask>(call);
    case Gate::kSign:
      return single_sums_gated<Gate::kSign>(call);
  }
}

template <Gate kGate>
RBN_INLINE void single_backward_gated(const SingleBackwardCall& call) {
  const Tile& tile = call.tile;
  for_columns(tile.columns, [&](int64_t j, const auto& width) {
    const SingleColumn c = load_single(call.channels, j, width);
    const Vec a_times_scale = load(call.channels.a_times_scale + j, width);
    const Vec mean_u = load(call.channels.mean_u + j, width);
    const Vec mean_u_x_s = load(call.channels.mean_u_x_s + j, width);
    for (int64_t row = 0; row < tile.rows; ++row) {
      const int64_t at = row * tile.stride + j;
      const Vec x_s = standardize(load(call.x + at, width), c);
      const auto gate = single_gate(x_s, c.scale_weight, c.scale_bias);
      const Vec G =
          gated<kGate>(load(call.dy + at, width), call.mask + row * tile.mask_stride, j, width,
                       [&] { return single_forward_element(x_s, gate, c.gamma, c.beta); });
      if (kGate == Gate::kMask && call.dresidual) store(call.dresidual + at, G, width);
      const Vec u = single_gradient(G, x_s, gate, c.gamma, c.scale_weight).u;
      const Vec dx = single_backward_element(u, x_s, a_times_scale, mean_u, mean_u_x_s);
      store(call.dx + at, dx, width);
    }
  });
}

static void single_backward(const SingleBackwardCall& call) {
  switch (call.gate) {
    case Gate::kNone:
      return single_backward_gated<Gate::kNone>(call);
    case Gate::kMask:
      return single_backward_gated<Gate::kMask>(call);
    case Gate::kSign:
      return single_backward_gated<Gate::kSign>(call);
  }
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_SINGLE_H_
