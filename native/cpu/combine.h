// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the forward and the backward step between the passes share.
#ifndef RBN_CPU_COMBINE_H_
#define RBN_CPU_COMBINE_H_

#include "../rbn/algebra.h"
#include "kernels.h"

namespace rbn::cpu {

RBN_HOST_DEVICE ChannelParameters channel_parameters(const ChannelBlock& b, int64_t i) {
  return {b.gamma[i], b.beta[i], b.center_weight[i], b.scale_weight[i], b.scale_bias[i]};
}

// Channel c of a call becomes channel i of the block.
template <class Call>
void load_channel(const Call& call, int64_t c, int64_t i, ChannelBlock* block) {
  const ChannelParameters p = load_parameters(call.gamma, call.beta, call.center_weight,
                                              call.scale_weight, call.scale_bias, c);
  block->gamma[i] = p.gamma;
  block->beta[i] = p.beta;
  block->center_weight[i] = p.center_weight;
  block->scale_weight[i] = p.scale_weight;
  block->scale_bias[i] = p.scale_bias;
}

}  // namespace rbn::cpu

#endif  // RBN_CPU_COMBINE_H_
