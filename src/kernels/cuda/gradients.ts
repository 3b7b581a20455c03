// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Gradients of tfjs-core's that are wrong for a device: they build arrays of an activation's size on the host, or take
// several passes where one does. tfjs-core has one gradient a kernel for all backends, so ours ask which backend is
// active, and leave the rest to the gradient that they replace.
import {
  cast, div, engine, fill, getBackend, getGradient, GradConfig, NamedAttrMap, registerGradient, reshape, Tensor, unregisterGradient, util,
} from '@tensorflow/tfjs-core';

import {BatchNormTraining, RepresentativeBatchNorm} from '../../ops';

/** A gradient on `cuda`; undefined where tfjs-core's own is to be taken. */
type Gradient = (dy: Tensor, saved: Tensor[], attrs: NamedAttrMap) => {[input: string]: () => Tensor} | undefined;

/** dy of a reduction in the places of x that it was made of. tfjs-core multiplies by ones that it uploads. */
function spread(dy: Tensor, x: Tensor, axes: number[]): Tensor {
  const inputShape = x.shape.map((size, d) => axes.includes(d) ? 1 : size);
  // By the kernel: tf.broadcastTo runs Tile, whose gradient ends at rank 4.
  return engine().runKernel<Tensor>('BroadcastTo', {x: reshape(cast(dy, 'float32'), inputShape)}, {inputShape, shape: x.shape});
}

const sum: Gradient = (dy, [x], {axis}) => {
  const axes = util.parseAxisParam(axis as number[], x!.shape);
  return {x: () => spread(dy, x!, axes)};
};

const mean: Gradient = (dy, [x], {axis}) => {
  const axes = util.parseAxisParam(axis as number[], x!.shape);
  const count = axes.reduce((product, d) => product * x!.shape[d]!, 1);
  return {x: () => spread(div(dy, count), x!, axes)};
};

/** A gradient kernel of our own. It has no gradient itself, so derivatives of derivatives go tfjs-core's way. */
const fused = (gradient: Gradient): Gradient => (...call) => engine().state.gradientDepth > 0 ? undefined : gradient(...call);

const activation = (kernel: string): Gradient => fused((dy, [x]) =>
  ({x: () => engine().runKernel<Tensor>(kernel, {dy, x: x!})}));

/** Of one mean, variance and scale a channel; for other forms tfjs-core's. (Without a scale, its tape fails.) */
const batchNorm = fused((dy, [x, mean, variance, scale], attrs) => {
  const tensors = {dy, x: x!, mean: mean!, variance: variance!, scale: scale!}, channels = [x!.shape[x!.rank - 1]!];
  if (Object.values(tensors).some(({dtype}) => dtype !== 'float32')) return undefined;
  if (![mean, variance, scale].every(parameter => util.arraysEqual(parameter!.shape, channels))) return undefined;
  const [dx, dmean, dvariance, dscale, doffset] =
      engine().runKernel<Tensor[]>('FusedBatchNormGrad', tensors, attrs) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  return {x: () => dx, mean: () => dmean, variance: () => dvariance, scale: () => dscale, offset: () => doffset};
});

const gradients: {readonly [kernel: string]: Gradient} = {
  FusedBatchNorm: batchNorm,
  Mean: mean,
  Relu: activation('ReluGrad'),
  Relu6: activation('Relu6Grad'),
  Sum: sum,
};

/** What tfjs-core 4.22 has inside. */
interface Tape {
  state: {activeTape: {gradient?: (dys: (Tensor | null)[]) => unknown}[]};
  addTapeNode(kernelName: string, inputs: unknown, outputs: Tensor[], ...rest: unknown[]): void;
}

/** Kernels of several outputs whose gradients ask for dy of the first alone. */
const OF_FIRST: ReadonlySet<string> = new Set([BatchNormTraining, RepresentativeBatchNorm]);

/** Of several outputs, those that the result does not depend on have a gradient of zeros, which tfjs-core uploads. */
function fillZeros(): void {
  const tape = engine() as unknown as Tape, {addTapeNode} = tape;
  tape.addTapeNode = function(kernelName, inputs, outputs, ...rest) {
    addTapeNode.call(this, kernelName, inputs, outputs, ...rest);
    const node = this.state.activeTape.at(-1)!, {gradient} = node;
    if (gradient === undefined || outputs.length === 1 || getBackend() !== 'cuda') return;
    const forms = outputs.map(({shape, dtype}) => ({shape, dtype}));
    const zeros = (i: number) => fill(forms[i]!.shape, 0, forms[i]!.dtype as 'float32');
    node.gradient = dys => {
      if (!OF_FIRST.has(kernelName)) return gradient(dys.map((dy, i) => dy ?? zeros(i)));
      const first = dys[0] ?? zeros(0);
      return gradient(dys.map(() => first));
    };
  };
}

/** Puts the gradients above before those of tfjs-core. Once a process. */
export function registerCudaGradients(): void {
  fillZeros();
  for (const [kernelName, gradient] of Object.entries(gradients)) {
    const original: GradConfig = getGradient(kernelName);
    unregisterGradient(kernelName); // or tfjs-core warns of it in debug mode
    registerGradient({
      ...original,
      gradFunc: (dy, saved, attrs) =>
        (getBackend() === 'cuda' ? gradient(dy as Tensor, saved, attrs) : undefined) ?? original.gradFunc(dy, saved, attrs),
    });
  }
}
