// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tfjs-core keeps what a gradient needs until that gradient has been computed, and the gradients until variables have
// been updated. Where either ends in an exception, such as a lack of GPU memory, it forgets these tensors without
// disposing of them: memory of the device that nobody can free any more. Here they are disposed of.
import {engine, Optimizer, Tensor} from '@tensorflow/tfjs-core';

type Save = (tensors: Tensor[]) => void;

/** What tfjs-core 4.22 has inside. */
interface Tapes {
  state: {gradientDepth: number; activeTape: {saved?: Tensor[] | null}[] | null};
  tidy<T>(f: () => T): T;
  keep(tensor: Tensor): Tensor;
  gradients(...args: unknown[]): {value: Tensor; grads: Tensor[]};
  runKernelFunc(params: {forwardFunc?: (backend: unknown, save: Save) => unknown}): unknown;
}

/** Makes tfjs-core dispose of what failed gradients have kept, and of the gradients of failed updates. */
export function disposeAfterFailedGradients(): void {
  const tapes = engine() as unknown as Tapes;
  const {gradients, runKernelFunc} = tapes;

  // The value of the function belongs to nobody yet, and what kernels have saved stands on the tape.
  tapes.gradients = function(...args) {
    try {
      return this.tidy(() => gradients.apply(this, args));
    } catch (e) {
      if (this.state.gradientDepth === 0) {
        for (const {saved} of this.state.activeTape ?? []) saved?.forEach((tensor) => tensor.dispose());
        this.state.activeTape = null;
      }
      throw e;
    }
  };

  // What the function of tf.customGrad saves comes to the tape only after that function has returned.
  tapes.runKernelFunc = function(params) {
    const {forwardFunc} = params;
    if (forwardFunc === undefined) return runKernelFunc.call(this, params);
    const kept: Tensor[] = [];
    const recording = (save: Save): Save => (tensors) => {
      const {keep} = this;
      this.keep = (tensor) => {
        kept.push(tensor);
        return keep.call(this, tensor);
      };
      try {
        save(tensors);
      } finally {
        this.keep = keep;
      }
    };
    try {
      return runKernelFunc.call(this, {...params, forwardFunc: (backend, save) => forwardFunc(backend, recording(save))});
    } catch (e) {
      for (const tensor of kept) tensor.dispose();
      throw e;
    }
  };

  const {minimize} = Optimizer.prototype;
  Optimizer.prototype.minimize = function(...args) {
    return tapes.tidy(() => minimize.apply(this, args));
  };
}
