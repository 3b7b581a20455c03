// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel for tfjs-node's backend `tensorflow`: an op inside its TensorFlow, on TensorFlow's own
// buffers; where that can not be had, native code on copies.
import {KernelConfig, TensorInfo} from '@tensorflow/tfjs-core';

import {TensorflowFlag, tensorflowOps} from '../../binding';
import {RepresentativeBatchNorm} from '../../ops';
import {decodeForward, KernelCall} from '../shared/decode';
import {forwardOnArrays} from '../shared/on_arrays';
import {CopyMemory, execute, flagsOf, present, TensorflowBackend} from './backend';

function representativeBatchNorm(kernelCall: KernelCall): TensorInfo[] {
  const backend = kernelCall.backend as unknown as TensorflowBackend;
  const call = decodeForward(kernelCall);
  const {ops} = tensorflowOps(backend.binding);
  if (ops === null) return forwardOnArrays(call, new CopyMemory(backend));

  const {x, centerWeight, scaleWeight, scaleBias, gamma, beta, residual, mean, variance} = call.inputs;
  const inputs = present(x, centerWeight, scaleWeight, scaleBias, gamma, beta, residual, mean, variance);
  const outputs = 1 + (call.training ? 2 : 0) + (call.hasState ? 1 : 0), masks = call.hasMask ? 1 : 0;
  return execute(backend, {
    op: ops.forward,
    lists: {num_inputs: inputs.length, num_outputs: outputs, num_mask: masks},
    flags: flagsOf(call) | (residual === undefined ? 0 : TensorflowFlag.Residual) | (call.hasState ? TensorflowFlag.State : 0),
    epsilon: call.epsilon,
    inputs,
    outputs: outputs + masks,
  });
}

export const representativeBatchNormConfig: KernelConfig = {
  kernelName: RepresentativeBatchNorm,
  backendName: 'tensorflow',
  kernelFunc: representativeBatchNorm,
};
