// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel for tfjs-node's backend `tensorflow`: an op inside its TensorFlow, on TensorFlow's own
// buffers; where that can not be had, native code on copies.
import {KernelConfig, TensorInfo} from '@tensorflow/tfjs-core';

import {Activation, Layout, tensorflowOps} from '../../binding';
import {RepresentativeBatchNorm} from '../../ops';
import {decodeForward, KernelCall} from '../shared/decode';
import {forwardOnArrays} from '../shared/on_arrays';
import {CopyMemory, execute, TensorflowBackend} from './backend';

function representativeBatchNorm(kernelCall: KernelCall): TensorInfo[] {
  const backend = kernelCall.backend as unknown as TensorflowBackend;
  const call = decodeForward(kernelCall);
  const {ops} = tensorflowOps(backend.binding);
  if (ops === null) return forwardOnArrays(call, new CopyMemory(backend));

  const {x, centerWeight, scaleWeight, scaleBias, gamma, beta, residual, mean, variance} = call.inputs;
  const statistics = call.training ? 2 : 0, state = call.hasState ? 1 : 0, mask = call.hasMask ? 1 : 0;
  const attributes = {
    relu: call.activation === Activation.Relu,
    channels_first: call.layout === Layout.ChannelsFirst,
    num_gamma: gamma === undefined ? 0 : 1,
    num_beta: beta === undefined ? 0 : 1,
    num_residual: residual === undefined ? 0 : 1,
    num_given: 2 - statistics,
    num_statistics: statistics,
    num_state: state,
    num_mask: mask,
  };
  return execute(backend, ops.forward, attributes, call.epsilon,
      [x, centerWeight, scaleWeight, scaleBias, gamma, beta, residual, mean, variance], 1 + statistics + state + mask);
}

export const representativeBatchNormConfig: KernelConfig = {
  kernelName: RepresentativeBatchNorm,
  backendName: 'tensorflow',
  kernelFunc: representativeBatchNorm,
};
