// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Batch normalization by given statistics, and the five gradients of it in one kernel, of our own name.
import {NamedAttrMap, util} from '@tensorflow/tfjs-core';

import {CudaBackend} from '../../backend';
import {stored, under} from './elementwise';
import {CudaKernel, CudaKernels} from './kernel';

/** Where it is missing that of tfjs-core. */
const epsilonOf = ({varianceEpsilon}: NamedAttrMap): number[] => [varianceEpsilon as number ?? 0.001];

/** A number in the place of a parameter that is missing; the caller's to release. */
const numberOf = (backend: CudaBackend, value: number) => backend.upload(Float32Array.of(value), {shape: [], dtype: 'float32'});

const batchNorm: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.x!, mean = inputs.mean!;
  for (const name of ['variance', 'offset', 'scale']) {
    const rank = inputs[name]?.shape.length ?? mean.shape.length;
    util.assert(rank === mean.shape.length, () => `batchNorm: ${name}: expected the rank of mean, ${mean.shape.length}, received ${rank}`);
  }
  const offset = inputs.offset == null ? numberOf(backend, 0) : backend.alias(inputs.offset, inputs.offset.shape);
  const scale = inputs.scale == null ? numberOf(backend, 1) : backend.alias(inputs.scale, inputs.scale.shape);
  try {
    const y = under(backend, [x, mean, inputs.variance!, offset, scale], 'float32', floats =>
      backend.compute('FusedBatchNorm', floats, {shape: x.shape, dtype: 'float32'}, epsilonOf(attrs)));
    return stored(backend, y, x.dtype);
  } finally {
    backend.release(offset);
    backend.release(scale);
  }
};

/** dx and the gradients of mean, variance, scale and offset, each of one number a channel; all inputs float32. */
const batchNormGrad: CudaKernel = ({inputs, attrs, backend}) => {
  const dy = inputs.dy!, x = inputs.x!, mean = inputs.mean!;
  const outputs = [x, mean, mean, mean, mean].map(({shape}) => ({shape, dtype: 'float32'} as const));
  return backend.computeAll('FusedBatchNormGrad', [dy, x, mean, inputs.variance!, inputs.scale!], outputs, epsilonOf(attrs));
};

export const batchNormKernels: CudaKernels = {
  FusedBatchNorm: batchNorm,
  FusedBatchNormGrad: batchNormGrad,
};
