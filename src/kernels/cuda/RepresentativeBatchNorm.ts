// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel on tensors in GPU memory.
import {TensorInfo} from '@tensorflow/tfjs-core';

import {Plan, translated} from '../../binding';
import {decodeForward, maskInts, stateFloats} from '../shared/decode';
import {CudaKernel} from './kernel';
import {NewTensors} from './new_tensors';

export const representativeBatchNorm: CudaKernel = (call) => {
  const {backend} = call;
  const {sizes, layout, training, activation, epsilon, hasState, hasMask, inputs} = decodeForward(call);
  const {x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, residual} = inputs;
  const {instances, positions, channels} = sizes;
  const at = (info: TensorInfo | undefined) => info === undefined ? null : backend.address(info);
  return NewTensors.make(backend, (outputs) => {
    const y = outputs.floats(x.shape);
    const batchMean = training ? outputs.floats([channels]) : null;
    const batchVariance = training ? outputs.floats([channels]) : null;
    const state = hasState ? outputs.floats([stateFloats(sizes)]) : null;
    const mask = hasMask ? outputs.ints([maskInts(sizes)]) : null;
    translated(() => backend.context.forward(
        Plan.Auto, instances, positions, channels, layout, training, activation, epsilon,
        backend.address(x), at(residual), at(gamma), at(beta), backend.address(centerWeight),
        backend.address(scaleWeight), backend.address(scaleBias), at(mean), at(variance),
        y, batchMean, batchVariance, state, mask));
  });
};
