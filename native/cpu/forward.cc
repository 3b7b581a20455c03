// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward pass on host memory: a pass that sums, a step for each (n, c), a pass that writes y.
#include <algorithm>

#include "../rbn/algebra.h"
#include "combine.h"
#include "kernels.h"
#include "policy.h"
#include "pool.h"
#include "rbn_cpu.h"
#include "scratch.h"
#include "single.h"
#include "tiling.h"

namespace rbn::cpu {
namespace {

class Forward {
 public:
  Forward(const RbnForward& call, int threads)
      : call_(call),
        problem_(call.problem),
        tiling_(call.problem),
        kernels_(tiling_.first() ? cpu::kernels().first : cpu::kernels().last),
        threads_(threads_for(elements(), threads)) {}

  void run() {
    const int64_t N = problem_.instances, C = problem_.channels;
    Scratch scratch;
    const int64_t sums = N * tiling_.chunks() * 2 * C;
    const int64_t planes = call_.state ? 0 : 4 * N * C;
    scratch.reserve(Scratch::size_of<double>(sums) + Scratch::size_of<float>(planes));
    sums_ = scratch.take<double>(sums);
    h_ = call_.state ? call_.state : scratch.take<float>(planes);
    l_ = h_ + N * C;
    A_ = l_ + N * C;
    B_ = A_ + N * C;

    Team team(threads_);
    const int64_t group = instances_at_once(problem_, threads_, 1);
    for (int64_t from = 0; from < N; from += group) {
      const int64_t to = std::min(from + group, N);
      const int64_t items = tiling_.items(from, to);
      team.run(items, Order::kForward, [&](int64_t item) { sum(from, to, item); });
      const int64_t blocks = (C + kCombineChannels - 1) / kCombineChannels;
      team.run(blocks, Order::kForward, [&](int64_t block) {
        combine(from, to, block * kCombineChannels, std::min((block + 1) * kCombineChannels, C));
      });
      team.run(items, Order::kBackward, [&](int64_t item) { apply(from, to, item); });
    }
  }

 private:
  int64_t elements() const { return problem_.instances * problem_.positions * problem_.channels; }

  void sum(int64_t from, int64_t to, int64_t item) const {
    const float* const x = static_cast<const float*>(call_.x);
    tiling_.for_pieces(from, to, item, [&](const Piece& piece) {
      MomentsCall moments;
      moments.x = x + tiling_.element(piece);
      moments.pivot = x + tiling_.pivot(piece);
      if (!tiling_.first()) {
        moments.tile = {piece.end - piece.begin, piece.channels, problem_.channels,
                        tiling_.mask_row()};
        moments.sum = sums_ + tiling_.partial(piece.n, piece.chunk) + piece.c;
        moments.squares = moments.sum + problem_.channels;
        kernels_.moments(moments);
        return;
      }
      moments.tile = {1, piece.end - piece.begin, problem_.positions, tiling_.mask_row()};
      int64_t n = piece.n, c = piece.c;
      for (int64_t row = 0; row < piece.channels; ++row) {
        moments.sum = sums_ + tiling_.partial(n, piece.chunk) + c;
        moments.squares = moments.sum + problem_.channels;
        kernels_.moments(moments);
        moments.x += problem_.positions;
        moments.pivot += problem_.positions;
        if (++c == problem_.channels) c = 0, ++n;
      }
    });
  }

  // From the sums of the instances [from, to) to the coefficients of y, for channels [c0, c1).
  void combine(int64_t from, int64_t to, int64_t c0, int64_t c1) const {
    const int64_t C = problem_.channels, S = problem_.positions;
    const float* const x = static_cast<const float*>(call_.x);
    const Kernels& kernels = cpu::kernels();
    const int64_t count = c1 - c0;
    double means[kCombineChannels] = {}, variances[kCombineChannels] = {};
    // k_n takes the place of the sum over the first chunk.
    for (int64_t n = from; n < to; ++n) {
      double* const sum = sums_ + tiling_.partial(n, 0) + c0;
      double pivot[kCombineChannels];
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t k = 1; k < tiling_.chunks(); ++k) {
          sum[i] += sum[i + 2 * C * k];
          sum[i + C] += sum[i + 2 * C * k + C];
        }
        pivot[i] = x[n * S * C + (tiling_.first() ? (c0 + i) * S : c0 + i)];
      }
      kernels.combine_moments(
          {count, static_cast<double>(S), pivot, sum, sum + C, means, variances});
    }
    const double N = static_cast<double>(problem_.instances);
    double deviations[kCombineChannels] = {};
    if (problem_.training) {
      for (int64_t i = 0; i < count; ++i) means[i] /= N;
      for (int64_t n = from; n < to; ++n) {
        const double* const k = sums_ + tiling_.partial(n, 0) + c0;
        for (int64_t i = 0; i < count; ++i) {
          const double deviation = k[i] - means[i];
          deviations[i] += deviation * deviation;
        }
      }
    }
    ChannelBlock channels;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t c = c0 + i;
      load_channel(call_, c, i, &channels);
      float variance;
      if (problem_.training) {
        channels.mean[i] = batch_mean(channels.center_weight[i], means[i]);
        variance = static_cast<float>(
            batch_variance(channels.center_weight[i], variances[i], deviations[i], N));
        call_.mean[c] = static_cast<float>(channels.mean[i]);
        call_.variance[c] = variance;
      } else {
        channels.mean[i] = call_.given_mean[c];
        variance = call_.given_variance[c];
      }
      channels.inv_std[i] = inverse_std(variance, problem_.epsilon);
    }
    for (int64_t n = from; n < to; ++n) {
      const int64_t at = n * C + c0;
      kernels.combine_forward({count, &channels, sums_ + tiling_.partial(n, 0) + c0, h_ + at,
                               l_ + at, A_ + at, B_ + at});
    }
  }

  void apply(int64_t from, int64_t to, int64_t item) const {
    const bool relu = problem_.activation == RBN_RELU;
    float* const y = static_cast<float*>(call_.y);
    const bool stream =
        streams(y, elements(), tiling_.first() ? problem_.positions : problem_.channels);
    tiling_.for_pieces(from, to, item, [&](const Piece& piece) {
      const int64_t at = tiling_.element(piece), coefficient = tiling_.coefficient(piece);
      const int64_t length = piece.end - piece.begin;
      ForwardCall forward;
      forward.tile = tiling_.first()
                         ? Tile{piece.channels, length, problem_.positions, tiling_.mask_row()}
                         : Tile{length, piece.channels, problem_.channels, tiling_.mask_row()};
      forward.relu = relu;
      forward.stream = stream;
      forward.x = static_cast<const float*>(call_.x) + at;
      forward.residual = call_.residual ? static_cast<const float*>(call_.residual) + at : nullptr;
      forward.y = y + at;
      forward.mask = call_.mask ? call_.mask + tiling_.mask(piece) : nullptr;
      forward.h = h_ + coefficient;
      forward.A = A_ + coefficient;
      forward.B = B_ + coefficient;
      kernels_.forward(forward);
    });
  }

  const RbnForward& call_;
  const RbnProblem& problem_;
  const Tiling tiling_;
  const LayoutKernels& kernels_;
  const int threads_;
  double* sums_ = nullptr;                                           // [N, chunks, 2, C]
  float *h_ = nullptr, *l_ = nullptr, *A_ = nullptr, *B_ = nullptr;  // [N, C]
};

}  // namespace

void forward(const RbnForward& call, int threads) {
  const RbnProblem& p = call.problem;
  if (p.positions == 1) return forward_single(call, threads);
  if (p.instances * p.positions * p.channels == 0) return;  // nothing to write
  Forward(call, threads).run();
}

}  // namespace rbn::cpu
