// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Who is timed: this package's implementations on the active tfjs backend and alone, tfjs's own ops, PyTorch, and a
// memory copy. `training` is forward and backward with batch statistics, otherwise a forward with given ones. On a GPU only
// what runs there takes part.
import * as tf from '@tensorflow/tfjs-core';
import {Activation, Layout, NativeAddon, nativeAddon} from '../binding';
import {composedConfigs} from '../kernels/composed';
import {plainBackward} from '../kernels/cpu/plain_backward';
import {plainForward} from '../kernels/cpu/plain_forward';
import {
  RepresentativeBatchNorm, representativeBatchNorm, RepresentativeBatchNormAttrs, RepresentativeBatchNormGrad,
  representativeBatchNormTraining,
} from '../ops';
import type {Backend} from '../train/backend';
import {stopwatchOf} from '../train/stopwatch';
import {Contestant, local} from './measure';
import {elements, Shape} from './shapes';
import {batchNormalization, EPSILON, fusedBatchNormalization, Parameters, rbnOpByOp, Statistics} from './tfjs_ops';
import {TorchPeer} from './torch_peer';

export const CONTESTANTS = {
  native: 'RBN in tfjs, native',
  kernels: 'RBN kernels in tfjs, without a tape',
  nativeAlone: 'RBN native call alone, kept arrays',
  typescriptAlone: 'RBN TypeScript alone, kept arrays',
  composed: 'RBN in tfjs, composed kernels',
  opByOp: 'RBN op by op in tfjs',
  tfBatchNorm: 'tf.layers.batchNormalization',
  fusedBatchNorm: 'tf.layers.batchNormalization, fused',
  torchBatchNorm: 'PyTorch BatchNorm2d',
  torchRbn: 'PyTorch RBN op by op',
  copy: 'memory copy',
} as const;

export type ContestantName = keyof typeof CONTESTANTS;

/** Contestants in this process. Their tensors live as long as the tidy or scope that this is called in. */
export function localContestants(backend: Backend, shape: Shape, training: boolean, threads: number): Contestant[] {
  const stopwatch = stopwatchOf(backend);
  const [c] = shape.slice(-1);
  const x = tf.randomNormal<tf.Rank.R4>(shape), dy = tf.randomNormal<tf.Rank.R4>(shape);
  const parameters = Array.from({length: 5}, () => tf.randomNormal<tf.Rank.R1>([c])) as Parameters;
  const statistics: Statistics | null = training ? null : {mean: tf.zeros([c]), variance: tf.ones([c])};

  /** Times f: with its gradients in training, alone otherwise. */
  const tfjs = (name: ContestantName, f: (x: tf.Tensor4D, ...p: Parameters) => tf.Tensor4D, arguments_: tf.Tensor[]) => {
    const gradients = tf.grads(f as (...args: tf.Tensor[]) => tf.Tensor);
    return local(name, () => tf.tidy(() => {
      if (training) gradients(arguments_, dy);
      else f(...arguments_ as [tf.Tensor4D, ...Parameters]);
    }), stopwatch);
  };
  const rbn = (x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D, centerWeight: tf.Tensor1D, scaleWeight: tf.Tensor1D,
               scaleBias: tf.Tensor1D) => {
    const params = {gamma, beta, centerWeight, scaleWeight, scaleBias};
    return statistics === null ? representativeBatchNormTraining(x, params, {epsilon: EPSILON}).output
                               : representativeBatchNorm(x, params, {...statistics, epsilon: EPSILON});
  };
  const all = [x, ...parameters];
  const inTfjs = [
    tfjs('tfBatchNorm', (x, gamma, beta) => batchNormalization(x, gamma, beta, statistics), all.slice(0, 3)),
    withComposedKernels(tfjs('composed', rbn, all)),
    tfjs('opByOp', (x, ...p) => rbnOpByOp(x, p, statistics), all),
  ];
  const addon = nativeAddon();
  const native = addon === null ? [] : [
    tfjs('native', rbn, all),
    local('kernels', kernels(x, dy, parameters, statistics), stopwatch),
  ];
  if (backend.name === 'cuda') {
    const fused = tfjs('fusedBatchNorm', (x, gamma, beta) => fusedBatchNormalization(x, gamma, beta), all.slice(0, 3));
    return [...native, ...training ? [fused] : [], ...inTfjs];
  }
  const from = new Float32Array(elements(shape)).fill(1), to = new Float32Array(elements(shape));
  return [
    ...native,
    ...(addon === null ? [] : [alone('nativeAlone', addon, threads, shape, training)]),
    alone('typescriptAlone', {cpuForward: plainForward, cpuBackward: plainBackward}, threads, shape, training),
    ...inTfjs,
    local('copy', () => to.set(from)),
  ];
}

/** The two kernels alone: what tfjs's tape adds to every op is not in it. */
function kernels(x: tf.Tensor4D, dy: tf.Tensor4D, [gamma, beta, centerWeight, scaleWeight, scaleBias]: Parameters,
                 statistics: Statistics | null): () => void {
  const training = statistics === null;
  const inputs = {x, gamma, beta, centerWeight, scaleWeight, scaleBias};
  const attrs: RepresentativeBatchNormAttrs = {epsilon: EPSILON, axis: x.rank - 1, activation: 'linear', training, keepState: training};
  const run = (name: string, more: tf.NamedTensorMap | null) => tf.engine().runKernel<tf.Tensor[]>(name, {...inputs, ...more}, attrs);
  return () => tf.tidy(() => {
    const [, , variance, state] = run(RepresentativeBatchNorm, statistics as tf.NamedTensorMap | null);
    if (training) run(RepresentativeBatchNormGrad, {dy, variance, state});
  });
}

/** Samples with the kernels composed of tfjs ops in the place of the backend's own. */
function withComposedKernels(contestant: Contestant): Contestant {
  return {
    name: contestant.name,
    sample: async calls => {
      const backend = tf.getBackend();
      const composed = composedConfigs(backend);
      const own = composed.map(({kernelName}) => tf.getKernel(kernelName, backend));
      const put = (configs: tf.KernelConfig[]) => configs.forEach(config => {
        tf.unregisterKernel(config.kernelName, backend);
        tf.registerKernel(config);
      });
      put(composed);
      try {
        return await contestant.sample(calls);
      } finally {
        put(own);
      }
    },
  };
}

/** The calls below the kernels, on arrays that are allocated once. */
function alone(name: ContestantName, {cpuForward, cpuBackward}: Pick<NativeAddon, 'cpuForward' | 'cpuBackward'>, threads: number,
               shape: Shape, training: boolean): Contestant {
  const [n, h, w, c] = shape;
  const random = (length: number) => Float32Array.from({length}, () => Math.random() - 0.5);
  const size = elements(shape);
  const x = random(size), dy = random(size), y = new Float32Array(size), dx = new Float32Array(size);
  const [gamma, beta, centerWeight, scaleWeight, scaleBias] = Array.from({length: 5}, () => random(c));
  const [dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias] = Array.from({length: 5}, () => new Float32Array(c));
  const mean = new Float32Array(c), variance = new Float32Array(c).fill(1);
  const state = h * w === 1 ? new Float32Array(2 * c) : new Float32Array(4 * n * c); // problem.h, rbn_state_floats
  const problem = [n, h * w, c, Layout.ChannelsLast, training, Activation.Linear, EPSILON] as const;
  const forward = () => cpuForward(
      threads, ...problem, x, null, gamma, beta, centerWeight, scaleWeight, scaleBias, training ? null : mean, training ? null : variance,
      y, training ? mean : null, training ? variance : null, training ? state : null, null);
  const backward = () => cpuBackward(
      threads, ...problem, dy, x, gamma, beta, centerWeight, scaleWeight, scaleBias, null, variance, state, null,
      dx, null, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias);
  return local(name, training ? () => { forward(); backward(); } : forward);
}

/** Contestants in PyTorch's process; they replace those of the shape before. */
export async function torchContestants(peer: TorchPeer, shape: Shape, training: boolean): Promise<Contestant[]> {
  const contestant = async (slot: ContestantName, norm: 'bn' | 'rbn'): Promise<Contestant> => {
    await peer.ask({slot, prepare: {shape, norm, training}});
    return {
      name: slot,
      sample: async calls => (await peer.ask<{milliseconds: number[]}>({slot, calls})).milliseconds,
    };
  };
  return [await contestant('torchBatchNorm', 'bn'), await contestant('torchRbn', 'rbn')];
}
