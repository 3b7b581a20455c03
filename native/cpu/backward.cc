// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The backward pass on host memory: a pass that sums, a step for each (n, c), a pass that writes
// dx.
#include <algorithm>

#include "../rbn/algebra.h"
#include "combine.h"
#include "gate.h"
#include "kernels.h"
#include "policy.h"
#include "pool.h"
#include "rbn_cpu.h"
#include "scratch.h"
#include "single.h"
#include "tiling.h"

namespace rbn::cpu {
namespace {

class Backward {
 public:
  Backward(const RbnBackward& call, int threads)
      : call_(call),
        problem_(call.problem),
        tiling_(call.problem),
        kernels_(tiling_.first() ? cpu::kernels().first : cpu::kernels().last),
        gate_(gate_of(call)),
        threads_(threads_for(elements(), threads)) {}

  void run() {
    const int64_t N = problem_.instances, C = problem_.channels;
    const int64_t blocks = (C + kCombineChannels - 1) / kCombineChannels;
    Scratch scratch;
    const int64_t sums = N * tiling_.chunks() * 2 * C;
    scratch.reserve(Scratch::size_of<double>(sums) + Scratch::size_of<float>(3 * N * C) +
                    Scratch::size_of<GradientTotals>(blocks));
    sums_ = scratch.take<double>(sums);
    P_ = scratch.take<float>(3 * N * C);
    Q_ = P_ + N * C;
    R_ = Q_ + N * C;
    totals_ = scratch.take<GradientTotals>(blocks);
    std::fill(totals_, totals_ + blocks, GradientTotals{});

    Team team(threads_);
    const int64_t group = instances_at_once(problem_, threads_, 2);
    for (int64_t from = 0; from < N; from += group) {
      const int64_t to = std::min(from + group, N);
      const int64_t items = tiling_.items(from, to);
      team.run(items, Order::kForward, [&](int64_t item) { sum(from, to, item); });
      team.run(blocks, Order::kForward, [&](int64_t block) {
        combine(from, to, block * kCombineChannels, std::min((block + 1) * kCombineChannels, C));
      });
      team.run(items, Order::kBackward, [&](int64_t item) { apply(from, to, item); });
    }
    for (int64_t c = 0; c < C; ++c) {
      const GradientTotals& total = totals_[c / kCombineChannels];
      const int64_t i = c % kCombineChannels;
      if (call_.dgamma) call_.dgamma[c] = static_cast<float>(total.gamma[i]);
      if (call_.dbeta) call_.dbeta[c] = static_cast<float>(total.beta[i]);
      call_.dcenter_weight[c] = static_cast<float>(total.center_weight[i]);
      call_.dscale_weight[c] = static_cast<float>(total.scale_weight[i]);
      call_.dscale_bias[c] = static_cast<float>(total.scale_bias[i]);
    }
  }

 private:
  int64_t elements() const { return problem_.instances * problem_.positions * problem_.channels; }
  const float* h() const { return call_.state; }
  const float* l() const { return call_.state + problem_.instances * problem_.channels; }
  const float* A() const { return call_.state + 2 * problem_.instances * problem_.channels; }
  const float* B() const { return call_.state + 3 * problem_.instances * problem_.channels; }

  void sum(int64_t from, int64_t to, int64_t item) const {
    tiling_.for_pieces(from, to, item, [&](const Piece& piece) {
      const int64_t at = tiling_.element(piece), coefficient = tiling_.coefficient(piece);
      GradientSumsCall sums;
      sums.gate = gate_;
      sums.dy = static_cast<const float*>(call_.dy) + at;
      sums.x = static_cast<const float*>(call_.x) + at;
      sums.mask = call_.mask ? call_.mask + tiling_.mask(piece) : nullptr;
      sums.h = h() + coefficient;
      sums.A = A() + coefficient;
      sums.B = B() + coefficient;
      if (!tiling_.first()) {
        sums.tile = {piece.end - piece.begin, piece.channels, problem_.channels,
                     tiling_.mask_row()};
        sums.D = sums_ + tiling_.partial(piece.n, piece.chunk) + piece.c;
        sums.T = sums.D + problem_.channels;
        kernels_.gradient_sums(sums);
        return;
      }
      sums.tile = {1, piece.end - piece.begin, problem_.positions, tiling_.mask_row()};
      int64_t n = piece.n, c = piece.c;
      for (int64_t row = 0; row < piece.channels; ++row) {
        sums.D = sums_ + tiling_.partial(n, piece.chunk) + c;
        sums.T = sums.D + problem_.channels;
        kernels_.gradient_sums(sums);
        sums.dy += problem_.positions;
        sums.x += problem_.positions;
        if (sums.mask) sums.mask += tiling_.mask_row();
        ++sums.h, ++sums.A, ++sums.B;
        if (++c == problem_.channels) c = 0, ++n;
      }
    });
  }

  // From the sums of the instances [from, to) to the coefficients of dx, for channels [c0, c1). In
  // training these are all instances; otherwise dx needs no sum over instances, and the groups come
  // one after another.
  void combine(int64_t from, int64_t to, int64_t c0, int64_t c1) const {
    const int64_t N = problem_.instances, C = problem_.channels;
    const double S = static_cast<double>(problem_.positions);
    const bool training = problem_.training != 0;
    const Kernels& kernels = cpu::kernels();
    const int64_t count = c1 - c0;
    GradientTotals& totals = totals_[c0 / kCombineChannels];

    ChannelBlock channels;
    for (double& k_mean : channels.k_mean) k_mean = 0;  // given statistics: dw_m is about 0
    if (training) {
      for (int64_t n = from; n < to; ++n) {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t at = n * C + c0 + i;
          channels.k_mean[i] += static_cast<double>(h()[at]) + static_cast<double>(l()[at]);
        }
      }
      for (int64_t i = 0; i < count; ++i) channels.k_mean[i] /= static_cast<double>(N);
    }
    for (int64_t i = 0; i < count; ++i) {
      load_channel(call_, c0 + i, i, &channels);
      channels.inv_std[i] = inverse_std(call_.variance[c0 + i], problem_.epsilon);
      channels.mean[i] = training ? batch_mean(channels.center_weight[i], channels.k_mean[i])
                                  : static_cast<double>(call_.mean[c0 + i]);
    }

    // The second loop needs H, q and g again: they take the places of D, T and P.
    for (int64_t n = from; n < to; ++n) {
      double* const D = sums_ + tiling_.partial(n, 0) + c0;
      double* const T = D + C;
      for (int64_t k = 1; k < tiling_.chunks(); ++k) {
        for (int64_t i = 0; i < count; ++i) {
          D[i] += D[i + 2 * C * k];
          T[i] += T[i + 2 * C * k];
        }
      }
      const int64_t at = n * C + c0;
      kernels.combine_gradients({count, &channels, h() + at, l() + at, D, T, P_ + at, &totals});
    }

    for (int64_t i = 0; i < count; ++i) {
      const InstanceGradient sum = {totals.beta[i],         totals.gamma[i],
                                    totals.scale_bias[i],   totals.scale_weight[i],
                                    totals.gated_beta[i],   0.0};
      const BatchGradient batch =
          batch_gradient(channel_parameters(channels, i), sum, channels.inv_std[i],
                         problem_.epsilon, static_cast<double>(N) * S, training);
      channels.scale[i] = batch.scale;
      channels.m1[i] = batch.m1;
      channels.m2[i] = batch.m2;
    }
    for (int64_t n = from; n < to; ++n) {
      const double* const H = sums_ + tiling_.partial(n, 0) + c0;
      const int64_t at = n * C + c0;
      kernels.combine_backward({count, S, &channels, h() + at, l() + at, H, H + C, P_ + at,
                                Q_ + at, R_ + at, &totals});
    }
  }

  void apply(int64_t from, int64_t to, int64_t item) const {
    float* const dx = static_cast<float*>(call_.dx);
    float* const dresidual = static_cast<float*>(call_.dresidual);
    const int64_t row = tiling_.first() ? problem_.positions : problem_.channels;
    const bool stream =
        streams(dx, elements(), row) && (!dresidual || streams(dresidual, elements(), row));
    tiling_.for_pieces(from, to, item, [&](const Piece& piece) {
      const int64_t at = tiling_.element(piece), coefficient = tiling_.coefficient(piece);
      const int64_t length = piece.end - piece.begin;
      BackwardCall backward;
      backward.tile = tiling_.first()
                          ? Tile{piece.channels, length, problem_.positions, tiling_.mask_row()}
                          : Tile{length, piece.channels, problem_.channels, tiling_.mask_row()};
      backward.gate = gate_;
      backward.stream = stream;
      backward.dy = static_cast<const float*>(call_.dy) + at;
      backward.x = static_cast<const float*>(call_.x) + at;
      backward.mask = call_.mask ? call_.mask + tiling_.mask(piece) : nullptr;
      backward.dx = dx + at;
      backward.dresidual = dresidual ? dresidual + at : nullptr;
      backward.h = h() + coefficient;
      backward.A = A() + coefficient;
      backward.B = B() + coefficient;
      backward.P = P_ + coefficient;
      backward.Q = Q_ + coefficient;
      backward.R = R_ + coefficient;
      kernels_.backward(backward);
    });
  }

  const RbnBackward& call_;
  const RbnProblem& problem_;
  const Tiling tiling_;
  const LayoutKernels& kernels_;
  const Gate gate_;
  const int threads_;
  double* sums_ = nullptr;                            // [N, chunks, 2, C]
  float *P_ = nullptr, *Q_ = nullptr, *R_ = nullptr;  // [N, C]
  GradientTotals* totals_ = nullptr;                  // a block of channels each
};

}  // namespace

void backward(const RbnBackward& call, int threads) {
  const RbnProblem& p = call.problem;
  if (p.positions == 1) return backward_single(call, threads);
  if (p.instances * p.positions * p.channels == 0) return zero_parameter_gradients(call);
  Backward(call, threads).run();
}

}  // namespace rbn::cpu
