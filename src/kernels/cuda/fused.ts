// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a matrix product or a convolution ends with in tfjs's fused kernels: a bias and an activation. Where these go
// by the channel, as in networks, the operation itself applies them (native/cuda/ops/ending.h); other shapes and
// dtypes take kernels of their own.
import {TensorInfo} from '@tensorflow/tfjs-core';

import {CudaBackend} from '../../backend';
import {elementwiseKernels} from './elementwise';
import {KernelArguments} from './kernel';

/** By the number that the engine knows them by. */
const ACTIVATIONS = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'];

/** The kernel of an activation by its name in tfjs's fused kernels. */
const KERNELS: Readonly<Record<string, string>> =
    {relu: 'Relu', relu6: 'Relu6', elu: 'Elu', sigmoid: 'Sigmoid', leakyrelu: 'LeakyRelu', prelu: 'Prelu'};

/** Attributes of an operation that ends with nothing. */
const PLAIN: readonly number[] = [0, 0, 0];

/** What comes behind an operation's own inputs and attributes. */
export interface Ending {
  inputs: readonly TensorInfo[];
  attributes: readonly number[];
}

/** No bias, no activation. */
export const plain: Ending = {inputs: [], attributes: PLAIN};

/** Where the channels are in a result. */
export interface Channels {
  /** Of the result. */
  rank: number;
  axis: number;
  count: number;
}

/**
 * Calls `compute`, which multiplies `operands`, with the ending that a fused kernel's inputs and attributes tell, or,
 * where the operation can not do that, with the plain one, and applies bias and activation to what it returns.
 */
export function fused({inputs, attrs, backend}: KernelArguments, operands: readonly TensorInfo[],
                      {rank, axis, count}: Channels, compute: (ending: Ending) => TensorInfo): TensorInfo {
  const activation = attrs.activation as string | undefined ?? 'linear';
  if (!ACTIVATIONS.includes(activation)) {
    throw new RangeError(`activation: expected ${ACTIVATIONS.join(', ')}, received ${activation}`);
  }
  const leakyreluAlpha = attrs.leakyreluAlpha as number | undefined ?? 0.2; // that of tf.leakyRelu
  const made: TensorInfo[] = [];
  // A vector goes by the channel also where the channels are not the last dimension.
  const aligned = (x: TensorInfo | null | undefined): TensorInfo | undefined => {
    if (x === null || x === undefined) return undefined;
    if (x.shape.length !== 1 || x.shape[0] === 1 || axis === rank - 1) return x;
    made.push(backend.alias(x, [x.shape[0]!, ...new Array<number>(rank - 1 - axis).fill(1)]));
    return made[made.length - 1];
  };
  const ofChannels = ({shape, dtype}: TensorInfo) => dtype === 'float32' && shape.length <= rank &&
      shape.every((size, d) => size === 1 || (d - shape.length === axis - rank && size === count));
  try {
    const bias = aligned(inputs.bias);
    const alpha = activation === 'prelu' ? aligned(inputs.preluActivationWeights) : undefined;
    const behind = [bias, alpha].filter((x): x is TensorInfo => x !== undefined);
    if (operands.every(({dtype}) => dtype === 'float32') && behind.every(ofChannels)) {
      return compute({inputs: behind, attributes: [ACTIVATIONS.indexOf(activation), leakyreluAlpha, bias ? 1 : 0]});
    }
    let y = compute(plain);
    if (bias) y = applied(backend, 'Add', {a: y, b: bias}, y);
    const kernel = KERNELS[activation];
    return kernel === undefined ? y : applied(backend, kernel, {x: y, ...alpha && {alpha}}, y, leakyreluAlpha);
  } finally {
    for (const x of made) backend.release(x);
  }
}

/** What a kernel makes of inputs, one of which it takes over. */
function applied(backend: CudaBackend, kernel: string, inputs: Record<string, TensorInfo>, y: TensorInfo,
                 alpha = 0): TensorInfo {
  try {
    return elementwiseKernels[kernel]!({inputs, attrs: {alpha}, backend}) as TensorInfo;
  } finally {
    backend.release(y);
  }
}
