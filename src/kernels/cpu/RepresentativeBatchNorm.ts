// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel for tfjs's `cpu` backend: native code on the backend's own arrays, without a copy;
// plain TypeScript where the addon is missing.
import {KernelConfig, KernelFunc, TensorInfo} from '@tensorflow/tfjs-core';

import {Activation, Layout, nativeAddon, settings} from '../../binding';
import {
  RepresentativeBatchNorm, RepresentativeBatchNormAttrs, RepresentativeBatchNormInputs, sizesOf,
} from '../../ops';
import {CpuBackend, floatsOf, optionalFloatsOf, output, outputFloats, outputMask, stateFloats} from './memory';
import {plainForward} from './plain_forward';

function representativeBatchNorm(call: Parameters<KernelFunc>[0]): TensorInfo[] {
  const {x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, residual} =
      call.inputs as unknown as RepresentativeBatchNormInputs;
  const {epsilon, axis, activation, training, keepState = true} = call.attrs as RepresentativeBatchNormAttrs;
  const backend = call.backend as CpuBackend;
  const sizes = sizesOf(x.shape, axis);
  const {instances, positions, channels, channelsLast} = sizes;

  const y = outputFloats(instances * positions * channels);
  const batchMean = training ? outputFloats(channels) : null;
  const batchVariance = training ? outputFloats(channels) : null;
  const state = keepState ? outputFloats(stateFloats(sizes)) : null;
  const mask = keepState && activation === 'relu' && residual !== undefined ? outputMask(sizes) : null;
  if (y.length > 0) {
    const forward = nativeAddon()?.cpuForward ?? plainForward;
    forward(
        settings().threads, instances, positions, channels,
        channelsLast ? Layout.ChannelsLast : Layout.ChannelsFirst, training,
        activation === 'relu' ? Activation.Relu : Activation.Linear, epsilon,
        floatsOf(backend, x), optionalFloatsOf(backend, residual), optionalFloatsOf(backend, gamma),
        optionalFloatsOf(backend, beta), floatsOf(backend, centerWeight), floatsOf(backend, scaleWeight),
        floatsOf(backend, scaleBias), optionalFloatsOf(backend, mean), optionalFloatsOf(backend, variance),
        y, batchMean, batchVariance, state, mask && new Uint8Array(mask.buffer, mask.byteOffset, mask.byteLength));
  }

  const outputs = [output(backend, x.shape, y)];
  if (batchMean !== null) outputs.push(output(backend, [channels], batchMean));
  if (batchVariance !== null) outputs.push(output(backend, [channels], batchVariance));
  if (state !== null) outputs.push(output(backend, [state.length], state));
  if (mask !== null) outputs.push(output(backend, [mask.length], mask));
  return outputs;
}

export const representativeBatchNormConfig: KernelConfig = {
  kernelName: RepresentativeBatchNorm,
  backendName: 'cpu',
  kernelFunc: representativeBatchNorm,
};
