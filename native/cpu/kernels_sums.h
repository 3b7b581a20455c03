// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The passes that sum over positions, compiled once for each instruction set. Channels last, a lane is a
// channel and sums run down the rows; channels first, all lanes belong to one channel and are added up at
// the end, in a fixed order.
#ifndef RBN_CPU_KERNELS_SUMS_H_
#define RBN_CPU_KERNELS_SUMS_H_

#include "kernels_elements.h"

namespace rbn::cpu::RBN_CPU_ISA {

// float32 sums run over so many terms a lane, in four shorter sums, and then are added to a double: what rounding
// takes from a mean is 1e-8 standard deviations. mean_s(x_s) can be small where instances resemble each other,
// and the gradient of scaleWeight is proportional to it.
constexpr int64_t kGroupTerms = 4;
constexpr int64_t kBlockTerms = 4 * kGroupTerms;

// Adds the `count` ≤ kBlockTerms terms that term(i, acc) gives to kSums vectors.
template <int kSums, class Term>
RBN_INLINE void sum_block(int64_t count, Vec* sums, const Term& term) {
  Vec group[4][kSums];
  for (int g = 0; g < 4; ++g) {
    for (int k = 0; k < kSums; ++k) group[g][k] = Vec(0.0f);
    for (int64_t i = 0; i < kGroupTerms; ++i) {
      if (g * kGroupTerms + i < count) term(g * kGroupTerms + i, group[g]);
    }
  }
  for (int k = 0; k < kSums; ++k) sums[k] = (group[0][k] + group[1][k]) + (group[2][k] + group[3][k]);
}

// Channels last: column(j, width) gives what the rows of a vector of columns share; step(row, j, width,
// column, acc) adds one row to kSums vectors.
template <int kSums, class Column, class Step>
RBN_INLINE void sum_rows(const Tile& tile, double* const* out, const Column& column, const Step& step) {
  for (int k = 0; k < kSums; ++k) {
    for (int64_t j = 0; j < tile.columns; ++j) out[k][j] = 0;
  }
  const auto block = [&](int64_t row, int64_t j, const auto& width, int64_t count) {
    const auto shared = column(j, width);
    Vec sums[kSums];
    sum_block<kSums>(count, sums, [&](int64_t i, Vec* acc) { step(row + i, j, width, shared, acc); });
    for (int k = 0; k < kSums; ++k) add_to(out[k] + j, sums[k], width);
  };
  int64_t row = 0;
  for (; row + kBlockTerms <= tile.rows; row += kBlockTerms) {
    for_columns(tile.columns, [&](int64_t j, const auto& width) { block(row, j, width, kBlockTerms); });
  }
  if (row < tile.rows) {
    for_columns(tile.columns, [&](int64_t j, const auto& width) { block(row, j, width, tile.rows - row); });
  }
}

// Terms a lane that channels first adds up in float32: what rounding takes is divided by the lanes.
constexpr int64_t kFloatTerms = 64;

// Channels first: step(column, width, acc) adds one vector of a row to kSums vectors. Four vectors at a time
// hide the latency of an addition.
template <int kSums, class Step>
RBN_INLINE void sum_row(int64_t columns, double* const* out, const Step& step) {
  constexpr int kLanes = 4;
  for (int k = 0; k < kSums; ++k) *out[k] = 0;
  for (int64_t begin = 0; begin < columns; begin += kFloatTerms * kLanes * kWidth) {
    const int64_t limit = begin + kFloatTerms * kLanes * kWidth;
    const int64_t end = limit < columns ? limit : columns;
    Vec acc[kLanes][kSums];
    for (int i = 0; i < kLanes; ++i) {
      for (int k = 0; k < kSums; ++k) acc[i][k] = Vec(0.0f);
    }
    int64_t j = begin;
    for (; j + kLanes * kWidth <= end; j += kLanes * kWidth) {
      for (int i = 0; i < kLanes; ++i) step(j + i * kWidth, Full{}, acc[i]);
    }
    for (; j + kWidth <= end; j += kWidth) step(j, Full{}, acc[0]);
    if (j < end) step(j, Part(end - j), acc[1]);
    for (int k = 0; k < kSums; ++k) {
      *out[k] += sum_lanes((acc[0][k] + acc[1][k]) + (acc[2][k] + acc[3][k]));
    }
  }
}

// Lanes outside the row are dropped: they would count as terms of the sum.
RBN_INLINE Vec inside(Vec v, Full) { return v; }
RBN_INLINE Vec inside(Vec v, const Part& part) { return keep(lanes(part), v); }

static void moments_last(const MomentsCall& call) {
  const int64_t stride = call.tile.stride;
  double* const out[] = {call.sum, call.squares};
  sum_rows<2>(
      call.tile, out, [&](int64_t j, const auto& width) { return load(call.pivot + j, width); },
      [&](int64_t row, int64_t j, const auto& width, Vec pivot, Vec* acc) {
        const Vec d = load(call.x + row * stride + j, width) - pivot;
        acc[0] = acc[0] + d;
        acc[1] = multiply_add(d, d, acc[1]);
      });
}

static void moments_first(const MomentsCall& call) {
  const Vec pivot(*call.pivot);
  double* const out[] = {call.sum, call.squares};
  sum_row<2>(call.tile.columns, out, [&](int64_t j, const auto& width, Vec* acc) {
    const Vec d = inside(load(call.x + j, width) - pivot, width);
    acc[0] = acc[0] + d;
    acc[1] = multiply_add(d, d, acc[1]);
  });
}

template <Gate kGate>
RBN_INLINE void gradient_sums_last_gated(const GradientSumsCall& call) {
  const Tile& tile = call.tile;
  struct Column {
    Vec h, A, B;
  };
  double* const out[] = {call.D, call.T};
  sum_rows<2>(
      tile, out,
      [&](int64_t j, const auto& width) -> Column {
        if constexpr (kGate != Gate::kSign) return {load(call.h + j, width), Vec(0.0f), Vec(0.0f)};
        return {load(call.h + j, width), load(call.A + j, width), load(call.B + j, width)};
      },
      [&](int64_t row, int64_t j, const auto& width, const Column& c, Vec* acc) {
        const Vec x = load(call.x + row * tile.stride + j, width);
        const Vec G = gated<kGate>(load(call.dy + row * tile.stride + j, width),
                                   call.mask + row * tile.mask_stride, j, width,
                                   [&] { return forward_element(x, c.h, c.A, c.B); });
        acc[0] = acc[0] + G;
        acc[1] = multiply_add(G, x - c.h, acc[1]);
      });
}

template <Gate kGate>
RBN_INLINE void gradient_sums_first_gated(const GradientSumsCall& call) {
  const Vec h(*call.h);
  const Vec A(kGate == Gate::kSign ? *call.A : 0.0f), B(kGate == Gate::kSign ? *call.B : 0.0f);
  double* const out[] = {call.D, call.T};
  sum_row<2>(call.tile.columns, out, [&](int64_t j, const auto& width, Vec* acc) {
    const Vec x = load(call.x + j, width);
    const Vec G = gated<kGate>(load(call.dy + j, width), call.mask, j, width,
                               [&] { return forward_element(x, h, A, B); });
    acc[0] = acc[0] + G;
    acc[1] = multiply_add(G, inside(x - h, width), acc[1]);
  });
}

static void gradient_sums_last(const GradientSumsCall& call) {
  switch (call.gate) {
    case Gate::kNone: return gradient_sums_last_gated<Gate::kNone>(call);
    case Gate::kMask: return gradient_sums_last_gated<Gate::kMask>(call);
    case Gate::kSign: return gradient_sums_last_gated<Gate::kSign>(call);
  }
}

static void gradient_sums_first(const GradientSumsCall& call) {
  switch (call.gate) {
    case Gate::kNone: return gradient_sums_first_gated<Gate::kNone>(call);
    case Gate::kMask: return gradient_sums_first_gated<Gate::kMask>(call);
    case Gate::kSign: return gradient_sums_first_gated<Gate::kSign>(call);
  }
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_SUMS_H_
