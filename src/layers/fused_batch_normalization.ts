// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tf.layers.batchNormalization in training calls tf.moments and tf.batchNorm, eight kernels forward and more back, then
// six for its moving statistics. On the backend `cuda` it is one kernel each way. tfjs-layers has no place for
// another form of a layer, so the class's `call` is wrapped; what the kernel does not know goes the layer's own way.
import {engine, getBackend, Tensor, tidy} from '@tensorflow/tfjs-core';
import {layers, LayerVariable} from '@tensorflow/tfjs-layers';

import {BatchNormTraining, BatchNormTrainingAttrs} from '../ops';

type Call = layers.Layer['call'];

/** What tfjs-layers 4.22's layer has inside. */
interface Inside {
  axis: number | number[]; // a list of one where the model comes from Keras
  momentum: number;
  epsilon: number;
  gamma?: LayerVariable | null;
  beta?: LayerVariable | null;
  movingMean: LayerVariable;
  movingVariance: LayerVariable;
}

/** The channels' axis of a call in training that the kernel knows; -1 for any other. */
function knownAxis({axis: given, epsilon, gamma, beta, movingMean, movingVariance}: Inside, x: Tensor): number {
  const {rank, shape, dtype, size} = x, axis = Number(given) < 0 ? Number(given) + rank : Number(given);
  // Derivatives of derivatives need kernels that have gradients themselves.
  if (engine().state.gradientDepth > 1 || rank < 2 || rank > 4 || axis !== 1 && axis !== rank - 1) return -1;
  if (dtype !== 'float32' || !(Math.fround(epsilon) > 0) || !(size >= 2 * shape[axis]!) || size === 0) return -1;
  for (const weight of [gamma, beta, movingMean, movingVariance]) if (weight?.dtype !== 'float32') return -1;
  return axis;
}

function train({momentum, epsilon, gamma, beta, movingMean, movingVariance}: Inside, x: Tensor, axis: number): Tensor {
  return tidy(() => {
    const attrs: BatchNormTrainingAttrs = {axis, epsilon, momentum, keepState: engine().isTapeOn()};
    const [y, mean, variance] = engine().runKernel<Tensor[]>(BatchNormTraining, {
      x, gamma: gamma!.read(), beta: beta!.read(), movingMean: movingMean.read(), movingVariance: movingVariance.read(),
    }, attrs) as [Tensor, Tensor, Tensor];
    movingMean.write(mean);
    movingVariance.write(variance);
    return y;
  });
}

/** Wraps the class's `call`. `isOn` is asked at each call on the backend `cuda`. Once a process. */
export function fuseBatchNormalization(isOn: () => boolean): void {
  // The class itself is not exported. A name, so that it takes none from the names of the user's layers.
  const prototype = Object.getPrototypeOf(layers.batchNormalization({name: 'prototype'})) as {call: Call};
  const {call} = prototype;
  prototype.call = function(this: layers.Layer, inputs, kwargs) {
    const x = Array.isArray(inputs) && inputs.length === 1 ? inputs[0] : inputs, inside = this as unknown as Inside;
    if (kwargs?.training && x instanceof Tensor && getBackend() === 'cuda' && isOn()) {
      const axis = knownAxis(inside, x);
      if (axis >= 0) return train(inside, x, axis);
    }
    return call.call(this, inputs, kwargs);
  };
}
