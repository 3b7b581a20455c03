// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Whole networks of tf.layers, each with RBN or with tf.layers.batchNormalization: ResNets (He et al., 2015: version 1.5,
// whose stride stands in the 3×3 convolution) and MobileNetV2 (Sandler et al., 2018). bench/torch_networks.py has the same.
import * as tfl from '@tensorflow/tfjs-layers';
import {representativeBatchNormalization} from '../../layers';
import {Norm, parameterCount} from '../../train/network';

export interface Resnet {
  kind: 'resnet';
  name: string;
  /** Bottleneck blocks of each stage. */
  blocks: readonly number[];
  /** Of the first stage's 3×3 convolutions. */
  filters: number;
  classes: number;
}

export interface Mobilenet {
  kind: 'mobilenet';
  name: string;
  /** Of the first convolution. */
  filters: number;
  /** Groups of inverted residuals; the first block of each has the stride. */
  groups: readonly {expansion: number; filters: number; blocks: number; stride: number}[];
  /** Of the last convolution. */
  features: number;
  classes: number;
}

export type Network = Resnet | Mobilenet;

export const RESNET_50: Resnet = {kind: 'resnet', name: 'ResNet-50', blocks: [3, 4, 6, 3], filters: 64, classes: 1000};

export const MOBILENET_V2: Mobilenet = {
  kind: 'mobilenet', name: 'MobileNetV2', filters: 32, features: 1280, classes: 1000,
  groups: [
    {expansion: 1, filters: 16, blocks: 1, stride: 1},
    {expansion: 6, filters: 24, blocks: 2, stride: 2},
    {expansion: 6, filters: 32, blocks: 3, stride: 2},
    {expansion: 6, filters: 64, blocks: 4, stride: 2},
    {expansion: 6, filters: 96, blocks: 3, stride: 1},
    {expansion: 6, filters: 160, blocks: 3, stride: 2},
    {expansion: 6, filters: 320, blocks: 1, stride: 1},
  ],
};

/** For a short run. */
export const SMALL_RESNET: Resnet = {kind: 'resnet', name: 'a small ResNet', blocks: [1, 2], filters: 4, classes: 10};
export const SMALL_MOBILENET: Mobilenet = {
  kind: 'mobilenet', name: 'a small MobileNetV2', filters: 4, features: 16, classes: 10,
  groups: [{expansion: 1, filters: 4, blocks: 1, stride: 1}, {expansion: 3, filters: 6, blocks: 2, stride: 2}],
};

type KernelInitializer = Parameters<typeof tfl.layers.dense>[0]['kernelInitializer'];
type Activation = 'linear' | 'relu' | 'relu6';

/** For images of size×size and three channels. Layers are created in the order of the PyTorch modules. */
export function buildNetwork(network: Network, norm: Norm, size: number, kernelInitializer: KernelInitializer = 'heNormal'): tfl.LayersModel {
  const {layers} = tfl;
  const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) => layer.apply(x) as tfl.SymbolicTensor;
  const normalize = (x: tfl.SymbolicTensor, activation: Activation) => {
    if (norm === 'rbn' && activation === 'relu') return apply(representativeBatchNormalization({activation}), x);
    const y = apply(norm === 'rbn' ? representativeBatchNormalization() : layers.batchNormalization(), x);
    return activation === 'linear' ? y : apply(layers.reLU(activation === 'relu6' ? {maxValue: 6} : {}), y);
  };
  const conv = (x: tfl.SymbolicTensor, filters: number, kernelSize: number, strides: number, activation: Activation) =>
    normalize(apply(layers.conv2d({filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer}), x), activation);
  const depthwise = (x: tfl.SymbolicTensor, strides: number) =>
    normalize(apply(layers.depthwiseConv2d(
        {kernelSize: 3, strides, padding: 'same', useBias: false, depthwiseInitializer: kernelInitializer}), x), 'relu6');

  const bottleneck = (x: tfl.SymbolicTensor, filters: number, strides: number, project: boolean) => {
    let y = conv(x, filters, 1, 1, 'relu');
    y = conv(y, filters, 3, strides, 'relu');
    y = conv(y, 4 * filters, 1, 1, 'linear');
    return apply(layers.reLU(), apply(layers.add(), [y, project ? conv(x, 4 * filters, 1, strides, 'linear') : x]));
  };
  const invertedResidual = (x: tfl.SymbolicTensor, expansion: number, filters: number, strides: number) => {
    const channels = x.shape.at(-1)!;
    let y = expansion === 1 ? x : conv(x, expansion * channels, 1, 1, 'relu6');
    y = conv(depthwise(y, strides), filters, 1, 1, 'linear');
    return strides === 1 && channels === filters ? apply(layers.add(), [x, y]) : y;
  };

  const inputs = tfl.input({shape: [size, size, 3]});
  let x: tfl.SymbolicTensor;
  if (network.kind === 'resnet') {
    x = conv(inputs, network.filters, 7, 2, 'relu');
    x = apply(layers.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'}), x);
    network.blocks.forEach((blocks, stage) => {
      for (let i = 0; i < blocks; ++i) x = bottleneck(x, network.filters * 2 ** stage, stage > 0 && i === 0 ? 2 : 1, i === 0);
    });
  } else {
    x = conv(inputs, network.filters, 3, 2, 'relu6');
    for (const {expansion, filters, blocks, stride} of network.groups) {
      for (let i = 0; i < blocks; ++i) x = invertedResidual(x, expansion, filters, i === 0 ? stride : 1);
    }
    x = conv(x, network.features, 1, 1, 'relu6');
  }
  x = apply(layers.globalAveragePooling2d({}), x);
  const outputs = apply(layers.dense({units: network.classes, activation: 'softmax', kernelInitializer}), x);
  return tfl.model({inputs, outputs});
}

/** What two implementations of a network must have in common. */
export interface NetworkSize {
  parameters: number; // trainable values
  products: number; // convolutions and dense layers
  multiplications: number; // in those, an image, forward
}

export function networkSize(model: tfl.LayersModel): NetworkSize {
  const product = (sizes: (number | null)[]) => sizes.reduce<number>((a, b) => a * b!, 1);
  const products = model.layers.filter(layer => ['Conv2D', 'DepthwiseConv2D', 'Dense'].includes(layer.getClassName()));
  const multiplications = products.map(layer =>
    product(layer.weights[0].shape) * product((layer.outputShape as (number | null)[]).slice(1, -1)));
  return {parameters: parameterCount(model), products: products.length, multiplications: multiplications.reduce((a, b) => a + b, 0)};
}
