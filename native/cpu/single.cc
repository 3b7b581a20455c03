// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// S = 1: every instance is its own mean, so x_s and its gate are elementwise and the only sums are
// those of the batch. x is one table of N rows, cut as if it were one instance of N positions.
#include "single.h"

#include <algorithm>

#include "../rbn/algebra.h"
#include "gate.h"
#include "kernels.h"
#include "policy.h"
#include "pool.h"
#include "rbn_cpu.h"
#include "scratch.h"
#include "tiling.h"

namespace rbn::cpu {
namespace {

RbnProblem table_of(RbnProblem problem) {
  problem.positions = problem.instances;
  problem.instances = 1;
  problem.layout = RBN_CHANNELS_LAST;
  return problem;
}

// One array a member of SingleChannels. Those of the parameters are the caller's own, but for gamma
// and beta that were left out.
class Channels {
 public:
  static constexpr int kPlanes = 11;
  static int64_t bytes(int64_t C) { return Scratch::size_of<float>(kPlanes * C); }

  template <class Call>
  Channels(const Call& call, Scratch* scratch) {
    const int64_t C = call.problem.channels;
    planes_ = scratch->take<float>(kPlanes * C);
    plane_ = C;
    if (!call.gamma) std::fill(plane(5), plane(5) + C, 1.0f);
    if (!call.beta) std::fill(plane(6), plane(6) + C, 0.0f);
    std::fill(plane(10), plane(10) + C, 0.0f);
    view_ = {plane(0),
             plane(1),
             plane(2),
             plane(3),
             plane(4),
             call.gamma ? call.gamma : plane(5),
             call.beta ? call.beta : plane(6),
             call.scale_weight,
             call.scale_bias,
             plane(7),
             plane(8),
             plane(9)};
  }

  SingleCoefficients set(int64_t c, double center_weight, double mean, double inv_std) {
    const SingleCoefficients k = single_coefficients(center_weight, mean, inv_std);
    plane(0)[c] = k.a_high;
    plane(1)[c] = k.a_low;
    plane(2)[c] = k.mean_high;
    plane(3)[c] = k.mean_low;
    plane(4)[c] = k.inv_std;
    return k;
  }

  void set_backward(int64_t c, const SingleBackwardCoefficients& k) {
    plane(7)[c] = k.a_times_scale;
    plane(8)[c] = k.mean_u;
    plane(9)[c] = k.mean_u_x_s;
  }

  const float* zeros() const { return planes_ + 10 * plane_; }  // [C]

  // From channel c on.
  SingleChannels at(int64_t c) const {
    SingleChannels v = view_;
    for (const float** p :
         {&v.a_high, &v.a_low, &v.mean_high, &v.mean_low, &v.inv_std, &v.gamma, &v.beta,
          &v.scale_weight, &v.scale_bias, &v.a_times_scale, &v.mean_u, &v.mean_u_x_s}) {
      *p += c;
    }
    return v;
  }

 private:
  float* plane(int i) { return planes_ + i * plane_; }

  float* planes_;
  int64_t plane_;
  SingleChannels view_;
};

Tile tile_of(const Piece& piece, int64_t C, const Tiling& tiling) {
  return {piece.end - piece.begin, piece.channels, C, tiling.mask_row()};
}

// Channels that one item of the step between the passes takes: little work a channel here.
constexpr int64_t kBlock = 512;

template <class Body>
void for_channels(Team* team, int64_t C, const Body& body) {
  team->run((C + kBlock - 1) / kBlock, Order::kForward, [&](int64_t block) {
    for (int64_t c = block * kBlock; c < std::min((block + 1) * kBlock, C); ++c) body(c);
  });
}

}  // namespace

void forward_single(const RbnForward& call, int threads) {
  const RbnProblem& problem = call.problem;
  const int64_t N = problem.instances, C = problem.channels;
  const float* const x = static_cast<const float*>(call.x);
  const Tiling tiling(table_of(problem));
  const int64_t items = N > 0 ? tiling.items(0, 1) : 0;
  const int64_t sums_count = problem.training ? tiling.chunks() * 2 * C : 0;
  Scratch scratch;
  scratch.reserve(Channels::bytes(C) + Scratch::size_of<double>(sums_count));
  Channels channels(call, &scratch);
  double* const sums = scratch.take<double>(sums_count);  // [chunks, 2, C]
  const Kernels& kernels = cpu::kernels();
  Team team(threads_for(N * C, threads));

  if (problem.training) {
    team.run(items, Order::kForward, [&](int64_t item) {
      tiling.for_pieces(0, 1, item, [&](const Piece& piece) {
        double* const sum = sums + tiling.partial(0, piece.chunk) + piece.c;
        kernels.last.moments(
            {tile_of(piece, C, tiling), x + tiling.element(piece), x + piece.c, sum, sum + C});
      });
    });
  }
  for_channels(&team, C, [&](int64_t c) {
    double mean;
    float variance;
    if (problem.training) {
      double sum = 0, squares = 0;
      for (int64_t k = 0; k < tiling.chunks(); ++k) {
        sum += sums[tiling.partial(0, k) + c];
        squares += sums[tiling.partial(0, k) + c + C];
      }
      const double pivot = x[c], count = static_cast<double>(N);
      const InstanceMoments k = instance_moments(pivot, sum - count * pivot, squares, count);
      mean = batch_mean(call.center_weight[c], k.mean);
      // An instance's own variance is 0; k_n varies as x does.
      variance = static_cast<float>(batch_variance(call.center_weight[c], 0.0, k.variance, 1.0));
      call.mean[c] = static_cast<float>(mean);
      call.variance[c] = variance;
    } else {
      mean = call.given_mean[c];
      variance = call.given_variance[c];
    }
    const SingleCoefficients k =
        channels.set(c, call.center_weight[c], mean, inverse_std(variance, problem.epsilon));
    if (call.state) {
      call.state[c] = k.mean_high;
      call.state[C + c] = k.mean_low;
    }
  });
  team.run(items, Order::kBackward, [&](int64_t item) {
    tiling.for_pieces(0, 1, item, [&](const Piece& piece) {
      const int64_t at = tiling.element(piece);
      kernels.single_forward(
          {tile_of(piece, C, tiling), problem.activation == RBN_RELU, x + at,
           call.residual ? static_cast<const float*>(call.residual) + at : nullptr,
           static_cast<float*>(call.y) + at, call.mask ? call.mask + tiling.mask(piece) : nullptr,
           channels.at(piece.c)});
    });
  });
}

void backward_single(const RbnBackward& call, int threads) {
  const RbnProblem& problem = call.problem;
  const int64_t N = problem.instances, C = problem.channels;
  if (N * C == 0) return zero_parameter_gradients(call);
  const float* const x = static_cast<const float*>(call.x);
  const float* const dy = static_cast<const float*>(call.dy);
  const Tiling tiling(table_of(problem));
  const int64_t items = tiling.items(0, 1);
  const int64_t sums_count = tiling.chunks() * kSingleSums * C;
  const Gate gate = gate_of(call);
  Scratch scratch;
  scratch.reserve(Channels::bytes(C) + Scratch::size_of<double>(sums_count));
  Channels channels(call, &scratch);
  double* const sums = scratch.take<double>(sums_count);  // [chunks, kSingleSums, C]
  const Kernels& kernels = cpu::kernels();
  Team team(threads_for(N * C, threads));

  // dw_m needs Σ u·(k_n − k̄) in training and Σ u·k_n otherwise, where a pivot would have to be
  // added again.
  const float* const pivot = problem.training ? x : channels.zeros();

  for_channels(&team, C, [&](int64_t c) {
    const double mean = static_cast<double>(call.state[c]) + static_cast<double>(call.state[C + c]);
    channels.set(c, call.center_weight[c], mean, inverse_std(call.variance[c], problem.epsilon));
  });
  team.run(items, Order::kForward, [&](int64_t item) {
    tiling.for_pieces(0, 1, item, [&](const Piece& piece) {
      const int64_t at = tiling.element(piece);
      SingleSumsCall sum = {tile_of(piece, C, tiling),
                            gate,
                            dy + at,
                            x + at,
                            call.mask ? call.mask + tiling.mask(piece) : nullptr,
                            pivot + piece.c,
                            channels.at(piece.c),
                            {}};
      for (int k = 0; k < kSingleSums; ++k) {
        sum.sums[k] = sums + (piece.chunk * kSingleSums + k) * C + piece.c;
      }
      kernels.single_sums(sum);
    });
  });
  for_channels(&team, C, [&](int64_t c) {
    double total[kSingleSums] = {};
    for (int64_t chunk = 0; chunk < tiling.chunks(); ++chunk) {
      for (int k = 0; k < kSingleSums; ++k) total[k] += sums[(chunk * kSingleSums + k) * C + c];
    }
    const ChannelParameters parameters = load_parameters(call.gamma, call.beta, call.center_weight,
                                                         call.scale_weight, call.scale_bias, c);
    const double inv_std = inverse_std(call.variance[c], problem.epsilon),
                 count = static_cast<double>(N);
    InstanceGradient gradient = {};
    gradient.beta = total[kSumG];
    gradient.gamma = total[kSumGamma];
    gradient.scale_bias = total[kSumScaleBias];
    gradient.scale_weight = total[kSumScaleWeight];
    gradient.gated_beta = total[kSumGatedBeta];
    const BatchGradient batch = batch_gradient(parameters, gradient, inv_std, problem.epsilon,
                                               count, problem.training != 0);
    const double sum_u = sum_of_standardized_gradients(parameters, gradient);
    call.dcenter_weight[c] = static_cast<float>(
        problem.training ? single_center_gradient(problem.epsilon, inv_std,
                                                  total[kSumUD] - total[kSumD] / count * sum_u)
                         : inv_std * total[kSumUD]);
    if (call.dgamma) call.dgamma[c] = static_cast<float>(gradient.gamma);
    if (call.dbeta) call.dbeta[c] = static_cast<float>(gradient.beta);
    call.dscale_weight[c] = static_cast<float>(gradient.scale_weight);
    call.dscale_bias[c] = static_cast<float>(gradient.scale_bias);
    channels.set_backward(c, single_backward_coefficients(parameters.center_weight, batch));
  });
  team.run(items, Order::kBackward, [&](int64_t item) {
    tiling.for_pieces(0, 1, item, [&](const Piece& piece) {
      const int64_t at = tiling.element(piece);
      kernels.single_backward({tile_of(piece, C, tiling), gate, dy + at, x + at,
                               call.mask ? call.mask + tiling.mask(piece) : nullptr,
                               static_cast<float*>(call.dx) + at,
                               call.dresidual ? static_cast<float*>(call.dresidual) + at : nullptr,
                               channels.at(piece.c)});
    });
  });
}

}  // namespace rbn::cpu
