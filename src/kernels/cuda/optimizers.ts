// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tfjs-core's optimizers SGD, momentum and Adam take 2 to 12 kernels a variable. On the backend `cuda` it is one, of our
// own name. Their state stays where theirs is, so weights of an optimizer are saved and loaded as ever.
import {
  AdamOptimizer, engine, getBackend, MomentumOptimizer, mul, NamedTensorMap, SGDOptimizer, Tensor, tidy, util, Variable,
  zerosLike,
} from '@tensorflow/tfjs-core';

import {CudaKernel, CudaKernels} from './kernel';

type Gradients = Parameters<SGDOptimizer['applyGradients']>[0];

interface State {
  originalName: string;
  variable: Variable;
}

/** What tfjs-core 4.22's optimizers have inside. */
interface Inside {
  c: Tensor;
  m: Tensor;
  useNesterov: boolean;
  accumulations: State[];
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  accBeta1: Variable;
  accBeta2: Variable;
  accumulatedFirstMoment: State[];
  accumulatedSecondMoment: State[];
  incrementIterations(): void;
}

/** A kernel from the gradient, the value and state to new values and states. */
function step(operation: string, state: readonly string[], attributes: readonly string[]): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const before = ['value', ...state].map(name => inputs[name]!);
    return backend.computeAll(operation, [inputs.gradient!, ...before],
        before.map(({shape}) => ({shape, dtype: 'float32'} as const)), attributes.map(name => Number(attrs[name])));
  };
}

export const optimizerKernels: CudaKernels = {
  AdamStep: step('AdamStep', ['first', 'second'],
      ['rate', 'beta1', 'beta2', 'epsilon', 'correction1', 'correction2']),
  MomentumStep: step('MomentumStep', ['velocity'], ['rate', 'momentum', 'nesterov']),
  SgdStep: step('SgdStep', [], ['rate']),
};

/** The number in a tensor of one element; such a one is on the host. */
const numberIn = (tensor: Tensor): number => tensor.dataSync()[0]!;

/** Pairs of a name and a gradient, whichever way they come. */
function entries(gradients: Gradients): [string, Tensor | null][] {
  return Array.isArray(gradients) ? gradients.map(({name, tensor}) => [name, tensor]) :
      Object.entries(gradients as NamedTensorMap);
}

/** True where all gradients and their variables are what the kernels take. */
function plain(gradients: Gradients): boolean {
  return getBackend() === 'cuda' && entries(gradients).every(([name, gradient]) => {
    const value = engine().registeredVariables[name];
    return gradient == null || (value !== undefined && gradient.dtype === 'float32' && value.dtype === 'float32' &&
        util.arraysEqual(gradient.shape, value.shape));
  });
}

/** Inputs of a kernel besides the gradient and the value. */
interface States {
  [input: string]: {of: State[]; suffix: string};
}

/** Runs a kernel for each variable, with states that are made where they do not exist yet. */
function applied(kernel: string, gradients: Gradients, states: States, attrs: object): void {
  entries(gradients).forEach(([name, gradient], i) => tidy(() => {
    const value = engine().registeredVariables[name]!;
    for (const {of, suffix} of Object.values(states)) {
      of[i] ??= {originalName: `${name}/${suffix}`, variable: tidy(() => zerosLike(value).variable(false))};
    }
    if (gradient == null) return;
    const state = Object.fromEntries(Object.entries(states).map(([input, {of}]) => [input, of[i]!.variable]));
    const results = engine().runKernel<Tensor[]>(kernel, {gradient, value, ...state}, {...attrs});
    [value, ...Object.values(state)].forEach((variable, k) => variable.assign(results[k]!));
  }));
}

function sgd(this: Inside, gradients: Gradients): void {
  applied('SgdStep', gradients, {}, {rate: -numberIn(this.c)});
  this.incrementIterations();
}

function momentum(this: Inside, gradients: Gradients): void {
  applied('MomentumStep', gradients, {velocity: {of: this.accumulations, suffix: 'momentum'}},
      {rate: -numberIn(this.c), momentum: numberIn(this.m), nesterov: this.useNesterov});
  this.incrementIterations();
}

function adam(this: Inside, gradients: Gradients): void {
  const {learningRate, beta1, beta2, epsilon, accBeta1, accBeta2} = this;
  applied('AdamStep', gradients,
      {first: {of: this.accumulatedFirstMoment, suffix: 'm'}, second: {of: this.accumulatedSecondMoment, suffix: 'v'}},
      {
        rate: learningRate, beta1, beta2, epsilon,
        correction1: 1 - numberIn(accBeta1), correction2: 1 - numberIn(accBeta2),
      });
  tidy(() => {
    accBeta1.assign(mul(accBeta1, beta1));
    accBeta2.assign(mul(accBeta2, beta2));
  });
  this.incrementIterations();
}

/** Puts the forms above before those of tfjs-core, which run on other backends and for other dtypes. Once a process. */
export function fuseOptimizers(): void {
  const forms = [[SGDOptimizer, sgd], [MomentumOptimizer, momentum], [AdamOptimizer, adam]] as const;
  for (const [{prototype}, form] of forms) {
    const original = prototype.applyGradients as (this: unknown, gradients: Gradients) => void;
    prototype.applyGradients = function(gradients: Gradients) {
      if (plain(gradients)) form.call(this as unknown as Inside, gradients);
      else original.call(this, gradients);
    };
  }
}
