// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel for tfjs-node's backend `tensorflow`: an op inside its TensorFlow, on TensorFlow's own
// buffers; where that can not be had, native code on copies.
import {KernelConfig, TensorInfo} from '@tensorflow/tfjs-core';

import {TensorflowFlag, tensorflowOps} from '../../binding';
import {RepresentativeBatchNormGrad} from '../../ops';
import {decodeBackward, KernelCall} from '../shared/decode';
import {backwardOnArrays} from '../shared/on_arrays';
import {CopyMemory, execute, flagsOf, present, TensorflowBackend} from './backend';

function representativeBatchNormGrad(kernelCall: KernelCall): TensorInfo[] {
  const backend = kernelCall.backend as unknown as TensorflowBackend;
  const call = decodeBackward(kernelCall);
  const {ops} = tensorflowOps(backend.binding);
  if (ops === null) return backwardOnArrays(call, new CopyMemory(backend));

  const {x, dy, centerWeight, scaleWeight, scaleBias, variance, state, gamma, beta, mean, mask} = call.inputs;
  const inputs = present(x, dy, centerWeight, scaleWeight, scaleBias, variance, state, gamma, beta, mean);
  const masks = present(mask);
  return execute(backend, {
    op: ops.backward,
    lists: {num_inputs: inputs.length, num_mask: masks.length},
    flags: flagsOf(call) | (mask === undefined ? 0 : TensorflowFlag.Mask),
    epsilon: call.epsilon,
    inputs: [...inputs, ...masks],
    outputs: 6 + masks.length,
  });
}

export const representativeBatchNormGradConfig: KernelConfig = {
  kernelName: RepresentativeBatchNormGrad,
  backendName: 'tensorflow',
  kernelFunc: representativeBatchNormGrad,
};
