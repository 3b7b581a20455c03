// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// ResNets of tf.layers (He et al., 2015: version 1.5, whose stride stands in the 3×3 convolution), with weights that
// cost no time to make.
import * as tfl from '@tensorflow/tfjs-layers';

export interface ResnetOptions {
  /** Bottleneck blocks of each stage. */
  blocks: readonly number[];
  /** Of the first stage's 3×3 convolutions. */
  filters: number;
  inputShape: [number, number, number];
  classes: number;
  kernelInitializer: Parameters<typeof tfl.layers.dense>[0]['kernelInitializer'];
}

export const RESNET_50: ResnetOptions =
    {blocks: [3, 4, 6, 3], filters: 64, inputShape: [224, 224, 3], classes: 1000, kernelInitializer: 'zeros'};

export function resnet({blocks, filters, inputShape, classes, kernelInitializer}: ResnetOptions): tfl.LayersModel {
  const {layers} = tfl;
  const conv = (x: tfl.SymbolicTensor, filters: number, kernelSize: number, strides = 1) => {
    const convolution = layers.conv2d({filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer});
    return layers.batchNormalization({}).apply(convolution.apply(x)) as tfl.SymbolicTensor;
  };
  const relu = (x: tfl.SymbolicTensor) => layers.activation({activation: 'relu'}).apply(x) as tfl.SymbolicTensor;
  const block = (x: tfl.SymbolicTensor, filters: number, strides: number, project: boolean) => {
    const y = conv(relu(conv(relu(conv(x, filters, 1)), filters, 3, strides)), 4 * filters, 1);
    return relu(layers.add().apply([project ? conv(x, 4 * filters, 1, strides) : x, y]) as tfl.SymbolicTensor);
  };
  const inputs = tfl.input({shape: inputShape});
  let x = relu(conv(inputs, filters, 7, 2));
  x = layers.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}).apply(x) as tfl.SymbolicTensor;
  blocks.forEach((count, stage) => {
    for (let i = 0; i < count; i++) x = block(x, filters * 2 ** stage, stage > 0 && i === 0 ? 2 : 1, i === 0);
  });
  x = layers.globalAveragePooling2d({}).apply(x) as tfl.SymbolicTensor;
  const dense = layers.dense({units: classes, activation: 'softmax', kernelInitializer});
  return tfl.model({inputs, outputs: dense.apply(x) as tfl.SymbolicTensor});
}
