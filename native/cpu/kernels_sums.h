// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The passes that sum over positions, compiled once for each instruction set. Channels last, a lane
// is a channel and sums run down the rows; channels first, all lanes belong to one channel and are
// added up at the end, in a fixed order.
#ifndef RBN_CPU_KERNELS_SUMS_H_
#define RBN_CPU_KERNELS_SUMS_H_

#include "kernels_elements.h"

namespace rbn::cpu::RBN_CPU_ISA {

// Sums in float32, but only over so many terms a lane; then they are added to a double.
template <int kSums>
struct FloatSums {
  Vec sum[kSums];
  RBN_MEMBER FloatSums() {
    for (Vec& s : sum) s = Vec(0.0f);
  }
  RBN_MEMBER FloatSums operator+(const FloatSums& other) const {
    FloatSums result;
    for (int k = 0; k < kSums; ++k) result.sum[k] = sum[k] + other.sum[k];
    return result;
  }
  RBN_MEMBER Wide wide(int k) const { return widen(sum[k]); }
  static constexpr int kCount = kSums;
};

// Σ x in double from the first term on: mean_s(x_s) is small where instances resemble each other,
// and the gradients of scaleWeight and centerWeight are proportional to it. Σ d², d = x − pivot, in
// float32.
struct MomentSums {
  Wide x;
  Vec squares;
  // Spelt out: GCC does not apply the target pragma to constructors that it makes itself.
  RBN_MEMBER MomentSums() : x(widen(Vec(0.0f))), squares(0.0f) {}
  RBN_MEMBER MomentSums operator+(const MomentSums& other) const {
    MomentSums result;
    result.x = x + other.x;
    result.squares = squares + other.squares;
    return result;
  }
  RBN_MEMBER void add(Vec term, Vec d) {
    x = x + widen(term);
    squares = multiply_add(d, d, squares);
  }
  RBN_MEMBER Wide wide(int k) const { return k == 0 ? x : widen(squares); }
  static constexpr int kCount = 2;
};

constexpr int64_t kGroupTerms = 4;
constexpr int64_t kBlockTerms =
    4 * kGroupTerms;  // four independent sums hide the latency of an addition

// Sums of `count` ≤ kBlockTerms terms; term(i, sums) adds one.
template <class Sums, class Term>
RBN_INLINE Sums sum_block(int64_t count, const Term& term) {
  Sums group[4];
  for (int g = 0; g < 4; ++g) {
    for (int64_t i = 0; i < kGroupTerms; ++i) {
      if (g * kGroupTerms + i < count) term(g * kGroupTerms + i, &group[g]);
    }
  }
  return (group[0] + group[1]) + (group[2] + group[3]);
}

// Channels last: column(j, width) gives what the rows of a vector of columns share; step(row, j,
// width, column, sums) adds one row. The arrays that step reads are asked for a block of rows ahead
// and in the order of their addresses: the rows of a block are read side by side, which the
// hardware takes for many short streams and follows late (a quarter of the time on a large tensor).
template <class Sums, int kInputs, class Column, class Step>
RBN_INLINE void sum_rows(const Tile& tile, const float* const (&inputs)[kInputs],
                         double* const* out, const Column& column, const Step& step) {
  for (int k = 0; k < Sums::kCount; ++k) {
    for (int64_t j = 0; j < tile.columns; ++j) out[k][j] = 0;
  }
  const auto block = [&](int64_t row, int64_t j, const auto& width, int64_t count) {
    const auto shared = column(j, width);
    const int64_t next = (row + kBlockTerms) * tile.stride + j * kBlockTerms;
    const Sums sums = sum_block<Sums>(count, [&](int64_t i, Sums* group) {
      for (const float* input : inputs) prefetch(input, next + i * kWidth);
      step(row + i, j, width, shared, group);
    });
    for (int k = 0; k < Sums::kCount; ++k) add_to(out[k] + j, sums.wide(k), width);
  };
  int64_t row = 0;
  for (; row + kBlockTerms <= tile.rows; row += kBlockTerms) {
    for_columns(tile.columns,
                [&](int64_t j, const auto& width) { block(row, j, width, kBlockTerms); });
  }
  if (row < tile.rows) {
    for_columns(tile.columns,
                [&](int64_t j, const auto& width) { block(row, j, width, tile.rows - row); });
  }
}

// Channels first: step(column, width, sums) adds one vector of a row. float32 sums run over 64
// terms a lane.
template <class Sums, class Step>
RBN_INLINE void sum_row(int64_t columns, double* const* out, const Step& step) {
  constexpr int kGroups = 4;
  constexpr int64_t kBlock = 64 * kGroups * kWidth;
  for (int k = 0; k < Sums::kCount; ++k) *out[k] = 0;
  for (int64_t begin = 0; begin < columns; begin += kBlock) {
    const int64_t end = begin + kBlock < columns ? begin + kBlock : columns;
    Sums group[kGroups];
    int64_t j = begin;
    for (; j + kGroups * kWidth <= end; j += kGroups * kWidth) {
      for (int g = 0; g < kGroups; ++g) step(j + g * kWidth, Full{}, &group[g]);
    }
    for (; j + kWidth <= end; j += kWidth) step(j, Full{}, &group[0]);
    if (j < end) step(j, Part(end - j), &group[1]);
    const Sums sums = (group[0] + group[1]) + (group[2] + group[3]);
    for (int k = 0; k < Sums::kCount; ++k) *out[k] += sum_lanes(sums.wide(k));
  }
}

// Lanes outside the row are dropped: they would count as terms of the sum.
RBN_INLINE Vec inside(Vec v, Full) { return v; }
RBN_INLINE Vec inside(Vec v, const Part& part) { return keep(lanes(part), v); }

static void moments_last(const MomentsCall& call) {
  const int64_t stride = call.tile.stride;
  double* const out[] = {call.sum, call.squares};
  sum_rows<MomentSums>(
      call.tile, {call.x}, out,
      [&](int64_t j, const auto& width) { return load(call.pivot + j, width); },
      [&](int64_t row, int64_t j, const auto& width, Vec pivot, MomentSums* sums) {
        const Vec x = load(call.x + row * stride + j, width);
        sums->add(x, x - pivot);
      });
}

static void moments_first(const MomentsCall& call) {
  const Vec pivot(*call.pivot);
  double* const out[] = {call.sum, call.squares};
  sum_row<MomentSums>(call.tile.columns, out, [&](int64_t j, const auto& width, MomentSums* sums) {
    const Vec x = load(call.x + j, width);  // 0 outside the row
    sums->add(x, inside(x - pivot, width));
  });
}

template <Gate kGate>
RBN_INLINE void gradient_sums_last_gated(const GradientSumsCall& call) {
  const Tile& tile = call.tile;
  struct Column {
    Vec h, A, B;
  };
  double* const out[] = {call.D, call.T};
  sum_rows<FloatSums<2>>(
      tile, {call.x, call.dy}, out,
      [&](int64_t j, const auto& width) -> Column {
        if constexpr (kGate != Gate::kSign) return {load(call.h + j, width), Vec(0.0f), Vec(0.0f)};
        return {load(call.h + j, width), load(call.A + j, width), load(call.B + j, width)};
      },
      [&](int64_t row, int64_t j, const auto& width, const Column& c, FloatSums<2>* sums) {
        const Vec x = load(call.x + row * tile.stride + j, width);
        const Vec G = gated<kGate>(load(call.dy + row * tile.stride + j, width),
                                   call.mask + row * tile.mask_stride, j, width,
                                   [&] { return forward_element(x, c.h, c.A, c.B); });
        sums->sum[0] = sums->sum[0] + G;
        sums->sum[1] = multiply_add(G, x - c.h, sums->sum[1]);
      });
}

template <Gate kGate>
RBN_INLINE void gradient_sums_first_gated(const GradientSumsCall& call) {
  const Vec h(*call.h);
  const Vec A(kGate == Gate::kSign ? *call.A : 0.0f), B(kGate == Gate::kSign ? *call.B : 0.0f);
  double* const out[] = {call.D, call.T};
  sum_row<FloatSums<2>>(call.tile.columns, out,
                        [&](int64_t j, const auto& width, FloatSums<2>* sums) {
                          const Vec x = load(call.x + j, width);
                          const Vec G = gated<kGate>(load(call.dy + j, width), call.mask, j, width,
                                                     [&] { return forward_element(x, h, A, B); });
                          sums->sum[0] = sums->sum[0] + G;
                          sums->sum[1] = multiply_add(G, inside(x - h, width), sums->sum[1]);
                        });
}

static void gradient_sums_last(const GradientSumsCall& call) {
  switch (call.gate) {
    case Gate::kNone:
      return gradient_sums_last_gated<Gate::kNone>(call);
    case Gate::kMask:
      return gradient_sums_last_gated<Gate::kMask>(call);
    case Gate::kSign:
      return gradient_sums_last_gated<Gate::kSign>(call);
  }
}

static void gradient_sums_first(const GradientSumsCall& call) {
  switch (call.gate) {
    case Gate::kNone:
      return gradient_sums_first_gated<Gate::kNone>(call);
    case Gate::kMask:
      return gradient_sums_first_gated<Gate::kMask>(call);
    case Gate::kSign:
      return gradient_sums_first_gated<Gate::kSign>(call);
  }
}

}  // namespace rbn::cpu::RBN_CPU_ISA

#endif  // RBN_CPU_KERNELS_SUMS_H_
