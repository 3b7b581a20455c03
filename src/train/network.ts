// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The small residual network that `train` teaches to read images. It is built twice, alike but for the class of
// its normalization layers; with one seed every other weight starts from the same values in both.
import * as tfl from '@tensorflow/tfjs-layers';
import {representativeBatchNormalization} from '../layers';
import type {ImageSize} from './images';

export const NORMS = ['rbn', 'bn'] as const;
export type Norm = typeof NORMS[number];

export const NORM_TITLES: Record<Norm, string> = {
  rbn: 'Representative Batch Normalization', bn: 'Batch Normalization (tf.layers)',
};

/** Blocks of the network: channels as multiples of the width, and the stride of the first convolution. */
const BLOCKS = [{channels: 1, stride: 1}, {channels: 2, stride: 2}, {channels: 4, stride: 2}];

// Moving statistics remember about ten steps. With 0.99, the default, a sixth of their initial values would be
// left after the 180 steps of the default training.
const MOMENTUM = 0.9;

export function buildNetwork(norm: Norm, size: ImageSize, width: number, seed: number): tfl.LayersModel {
  let layers = 0;
  // Far apart, so that layers of neighbouring seeds never share a seed.
  const initializer = () => tfl.initializers.heNormal({seed: seed * 1000 + ++layers});
  const conv = (x: tfl.SymbolicTensor, filters: number, kernelSize: number, strides: number) =>
    tfl.layers.conv2d({filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer: initializer()})
      .apply(x) as tfl.SymbolicTensor;
  const normalize = (x: tfl.SymbolicTensor) =>
    (norm === 'rbn' ? representativeBatchNormalization({momentum: MOMENTUM})
                    : tfl.layers.batchNormalization({momentum: MOMENTUM})).apply(x) as tfl.SymbolicTensor;
  const relu = (x: tfl.SymbolicTensor) => tfl.layers.reLU().apply(x) as tfl.SymbolicTensor;

  const input = tfl.input({shape: [size.height, size.width, 1]});
  let x = relu(normalize(conv(input, width, 3, 1)));
  for (const {channels, stride} of BLOCKS) {
    const filters = channels * width;
    const first = relu(normalize(conv(x, filters, 3, stride)));
    const second = normalize(conv(first, filters, 3, 1));
    const shortcut = stride === 1 ? x : normalize(conv(x, filters, 1, stride));
    x = relu(tfl.layers.add().apply([second, shortcut]) as tfl.SymbolicTensor);
  }
  x = tfl.layers.globalAveragePooling2d({}).apply(x) as tfl.SymbolicTensor;
  const output = tfl.layers.dense({units: size.classes, activation: 'softmax', kernelInitializer: initializer()}).apply(x);
  return tfl.model({inputs: input, outputs: output as tfl.SymbolicTensor, name: `residual_${norm}`});
}

/** The normalization layers of a network that buildNetwork built. */
export function normLayers(model: tfl.LayersModel): tfl.layers.Layer[] {
  const names = ['BatchNormalization', 'RepresentativeBatchNormalization'];
  return model.layers.filter(layer => names.includes(layer.getClassName()));
}

/** Trainable values. */
export function parameterCount(model: tfl.LayersModel): number {
  return model.trainableWeights.reduce((sum, w) => sum + w.shape.reduce<number>((a, b) => a * (b ?? 1), 1), 0);
}
