// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tf.moments in one kernel, of our own name. tfjs-core composes it of mean, sub, square and mean, and has no kernel
// that could be registered in its place; so the function is replaced among the exports of tfjs-core's CommonJS module.
// Whoever takes it from there when he calls it gets ours: tfjs-layers, and programs under `require` or
// `import tf from`. ES modules keep the names that they imported (`import * as tf`) as these were when tfjs-core
// was first imported: theirs is ours only where 'tfjs-rbn/cuda' came before it. Results are the same either way.
import core = require('@tensorflow/tfjs-core');

import {CudaKernel, CudaKernels} from './kernel';

type Moments = typeof core.moments;

/** attrs: `axis`, none negative, and keepDims. Outputs: mean and variance (biased) of x, float32 and not empty. */
const moments: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.x!, {axis, keepDims} = attrs as unknown as {axis: number[]; keepDims: boolean};
  const kept = core.backend_util.computeOutAndReduceShapes(x.shape, axis)[0];
  const shape = keepDims ? core.backend_util.expandShapeToKeepDim(kept, axis) : kept;
  const output = {shape, dtype: 'float32'} as const;
  return backend.computeAll('Moments', [x], [output, output], axis);
};

export const momentsKernels: CudaKernels = {Moments: moments};

/** dx = dmean/N + 2·dvariance·(x − mean)/N, which is a batch normalization by other numbers. */
function registerGradient(): void {
  core.registerGradient({
    kernelName: 'Moments',
    inputsToSave: ['x'],
    outputsToSave: [true, false],
    gradFunc: (dys, [x, mean], attrs) => ({
      x: () => {
        const [dmean, dvariance] = dys as core.Tensor[], axes = attrs.axis as number[];
        const shape = x!.shape.map((size, d) => axes.includes(d) ? 1 : size);
        const spread = (t: core.Tensor) => core.reshape(t, shape);
        const count = x!.size / mean!.size;
        return core.engine().runKernel<core.Tensor>('FusedBatchNorm', {
          x: x!, mean: spread(mean!), variance: core.fill(shape.map(() => 1), 1),
          offset: spread(core.div(dmean!, count)), scale: spread(core.mul(dvariance!, 2 / count)),
        }, {varianceEpsilon: 0});
      },
    }),
  });
}

/** Puts the form above before tfjs-core's, which runs on other backends and for other dtypes. Once a process. */
export function fuseMoments(): void {
  // Bundlers make getters of exports, which stay as they are.
  if (Object.getOwnPropertyDescriptor(core, 'moments')?.writable !== true) return;
  registerGradient();
  const original = core.moments;
  const fused: Moments = (x, axis = null as unknown as number[], keepDims = false) => {
    // Derivatives of derivatives need kernels that have gradients themselves.
    if (!(x instanceof core.Tensor) || x.dtype !== 'float32' || x.size === 0 || x.rank === 0 ||
        core.getBackend() !== 'cuda' || core.engine().state.gradientDepth > 1) return original(x, axis, keepDims);
    const axes = core.util.parseAxisParam(axis, x.shape);
    // What is no list of axes tfjs-core's own form refuses, in its words.
    if (new Set(axes).size < axes.length || !axes.every(Number.isInteger)) return original(x, axis, keepDims);
    const [mean, variance] = core.engine().runKernel<core.Tensor[]>(
        'Moments', {x}, {axis: axes, keepDims}) as [core.Tensor, core.Tensor];
    return {mean, variance};
  };
  (core as {moments: Moments}).moments = fused;
}
