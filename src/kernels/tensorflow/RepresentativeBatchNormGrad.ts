// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel for tfjs-node's backend `tensorflow`: an op inside its TensorFlow, on TensorFlow's own
// buffers; where that can not be had, native code on copies.
import {KernelConfig, TensorInfo} from '@tensorflow/tfjs-core';

import {Activation, Layout, tensorflowOps} from '../../binding';
import {RepresentativeBatchNormGrad} from '../../ops';
import {decodeBackward, KernelCall} from '../shared/decode';
import {backwardOnArrays} from '../shared/on_arrays';
import {CopyMemory, execute, TensorflowBackend} from './backend';

function representativeBatchNormGrad(kernelCall: KernelCall): TensorInfo[] {
  const backend = kernelCall.backend as unknown as TensorflowBackend;
  const call = decodeBackward(kernelCall);
  const {ops} = tensorflowOps(backend.binding);
  if (ops === null) return backwardOnArrays(call, new CopyMemory(backend));

  const {dy, x, centerWeight, scaleWeight, scaleBias, variance, state, gamma, beta, mean, mask} = call.inputs;
  const masks = mask === undefined ? 0 : 1;
  const attributes = {
    relu: call.activation === Activation.Relu,
    channels_first: call.layout === Layout.ChannelsFirst,
    num_gamma: gamma === undefined ? 0 : 1,
    num_beta: beta === undefined ? 0 : 1,
    num_mean: call.training ? 0 : 1,
    num_mask: masks,
  };
  return execute(backend, ops.backward, attributes, call.epsilon,
      [dy, x, centerWeight, scaleWeight, scaleBias, variance, state, gamma, beta, mean, mask], 6 + masks);
}

export const representativeBatchNormGradConfig: KernelConfig = {
  kernelName: RepresentativeBatchNormGrad,
  backendName: 'tensorflow',
  kernelFunc: representativeBatchNormGrad,
};
