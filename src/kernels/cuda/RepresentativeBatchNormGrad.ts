// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel on tensors in GPU memory.
import {TensorInfo} from '@tensorflow/tfjs-core';

import {Plan, translated} from '../../binding';
import {decodeBackward} from '../shared/decode';
import {CudaKernel} from './kernel';
import {NewTensors} from './new_tensors';

export const representativeBatchNormGrad: CudaKernel = (call) => {
  const {backend} = call;
  const {sizes, layout, training, activation, epsilon, inputs} = decodeBackward(call);
  const {dy, x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, state, mask} = inputs;
  const {instances, positions, channels} = sizes;
  const at = (info: TensorInfo | undefined) => info === undefined ? null : backend.address(info);
  return NewTensors.make(backend, (outputs) => {
    const dx = outputs.floats(x.shape);
    const dgamma = outputs.floats([channels]), dbeta = outputs.floats([channels]);
    const dcenterWeight = outputs.floats([channels]);
    const dscaleWeight = outputs.floats([channels]), dscaleBias = outputs.floats([channels]);
    const dresidual = mask === undefined ? null : outputs.floats(x.shape);
    translated(() => backend.context.backward(
        Plan.Auto, instances, positions, channels, layout, training, activation, epsilon,
        backend.address(dy), backend.address(x), at(gamma), at(beta), backend.address(centerWeight),
        backend.address(scaleWeight), backend.address(scaleBias), at(mean), backend.address(variance),
        backend.address(state), at(mask),
        dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias));
  });
};
