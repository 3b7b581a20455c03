// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel for tfjs's `cpu` backend: native code on the backend's own arrays, without a copy;
// plain TypeScript where the addon is missing.
import {KernelConfig, KernelFunc, TensorInfo} from '@tensorflow/tfjs-core';

import {Activation, Layout, nativeAddon, settings} from '../../binding';
import {
  RepresentativeBatchNormAttrs, RepresentativeBatchNormGrad, RepresentativeBatchNormGradInputs, sizesOf,
} from '../../ops';
import {bytesOf, CpuBackend, floatsOf, optionalFloatsOf, output, outputFloats} from './memory';
import {plainBackward} from './plain_backward';

function representativeBatchNormGrad(call: Parameters<KernelFunc>[0]): TensorInfo[] {
  const {dy, x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, state, mask} =
      call.inputs as unknown as RepresentativeBatchNormGradInputs;
  const {epsilon, axis, activation, training} = call.attrs as RepresentativeBatchNormAttrs;
  const backend = call.backend as CpuBackend;
  const {instances, positions, channels, channelsLast} = sizesOf(x.shape, axis);
  const elements = instances * positions * channels;

  const dx = outputFloats(elements);
  const dresidual = mask === undefined ? null : outputFloats(elements);
  // dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias. New arrays: zero, as an empty batch needs them.
  const parameters = Array.from({length: 5}, () => new Float32Array(channels));
  if (elements > 0) {
    const [dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias] = parameters;
    const backward = nativeAddon()?.cpuBackward ?? plainBackward;
    backward(
        settings().threads, instances, positions, channels,
        channelsLast ? Layout.ChannelsLast : Layout.ChannelsFirst, training,
        activation === 'relu' ? Activation.Relu : Activation.Linear, epsilon,
        floatsOf(backend, dy), floatsOf(backend, x), optionalFloatsOf(backend, gamma),
        optionalFloatsOf(backend, beta), floatsOf(backend, centerWeight), floatsOf(backend, scaleWeight),
        floatsOf(backend, scaleBias), optionalFloatsOf(backend, mean), floatsOf(backend, variance),
        floatsOf(backend, state), bytesOf(backend, mask),
        dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias);
  }

  const outputs = [output(backend, x.shape, dx)];
  for (const gradient of parameters) outputs.push(output(backend, [channels], gradient));
  if (dresidual !== null) outputs.push(output(backend, x.shape, dresidual));
  return outputs;
}

export const representativeBatchNormGradConfig: KernelConfig = {
  kernelName: RepresentativeBatchNormGrad,
  backendName: 'cpu',
  kernelFunc: representativeBatchNormGrad,
};
