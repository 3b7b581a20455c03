// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark: every contestant on every shape, and the cost of one smallest call.
import * as tf from '@tensorflow/tfjs-core';
import {representativeBatchNorm} from '../ops';
import {Backend, startBackend} from '../train/backend';
import {localContestants, torchContestants} from './contestants';
import {Effort, local, measure} from './measure';
import type {BenchResult, Overhead, Row, Times} from './result';
import {Shape, shapeName} from './shapes';
import {surroundings, tensorflowState} from './surroundings';
import {checkTargets} from './targets';
import {TorchPeer, torchThere} from './torch_peer';

export async function bench(backend: Backend, shapes: readonly Shape[], effort: Effort,
                            onProgress: (doing: string) => void): Promise<BenchResult> {
  tf.enableProdMode(); // no advice to install another backend
  await startBackend(backend);
  const found = surroundings(backend);
  const {threads} = found;
  const peer = backend.name !== 'cuda' && torchThere() ? new TorchPeer() : null; // it runs on the CPU
  try {
    const torch = peer === null ? null : (await peer.ask<{torch: string}>({threads, device: 'cpu'})).torch;
    onProgress('overhead of one call');
    const overhead = await measureOverhead(backend, effort);
    const tensorflow = tensorflowState();
    const rows: Row[] = [];
    for (const training of [true, false]) {
      for (const shape of shapes) {
        onProgress(`${shapeName(shape)}, ${training ? 'training, forward and backward' : 'frozen, forward'}`);
        rows.push({shape, training, times: await measureShape(backend, shape, training, threads, peer, effort)});
      }
    }
    const measured = {...found, torch, tensorflow, rows, overhead};
    return {...measured, targets: checkTargets(measured)};
  } finally {
    peer?.end();
  }
}

async function measureShape(backend: Backend, shape: Shape, training: boolean, threads: number, peer: TorchPeer | null, effort: Effort): Promise<Times> {
  tf.engine().startScope();
  try {
    const contestants = localContestants(backend, shape, training, threads);
    // The first call of a kernel on a GPU loads it, which may take a second and is no measure of anything.
    if (backend.name === 'cuda') for (const contestant of contestants) await contestant.sample(1);
    if (peer !== null) contestants.push(...await torchContestants(peer, shape, training));
    return Object.fromEntries(await measure(contestants, effort)) as Times;
  } finally {
    tf.engine().endScope();
  }
}

// Calls take microseconds: a thousand make one sample.
const CALLS = 1000;

async function measureOverhead(backend: Backend, effort: Effort): Promise<Overhead> {
  tf.engine().startScope();
  try {
    // The backend cuda keeps one element on the host and launches nothing for it.
    const channels = backend.name === 'cuda' ? 2 : 1;
    const x = tf.fill<tf.Rank.R2>([1, channels], 0.5);
    const [centerWeight, scaleWeight, scaleBias, mean, variance] =
        [0.1, 0.2, 1, 0, 1].map(v => tf.fill<tf.Rank.R1>([channels], v));
    const params = {centerWeight, scaleWeight, scaleBias};
    const many = (f: () => tf.Tensor) => () => {
      for (let i = 0; i < CALLS; ++i) tf.tidy(f).dispose();
    };
    const times = await measure([
      local('rbn', many(() => representativeBatchNorm(x, params, {mean, variance}))),
      local('add', many(() => tf.add(x, x))),
    ], effort);
    const microseconds = (name: string) => times.get(name)!.milliseconds * 1000 / CALLS;
    return {shape: `[1, ${channels}]`, rbn: microseconds('rbn'), add: microseconds('add')};
  } finally {
    tf.engine().endScope();
  }
}
