// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark of whole networks against PyTorch, eager and channels_last: steps of training and forward passes, all
// contestants in turn on one machine.
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import {LibraryState, settings} from '../../binding';
import {fallbackCosts} from '../../kernels/cuda';
import {Backend, startBackend} from '../../train/backend';
import {Norm, NORMS} from '../../train/network';
import {median} from '../../train/statistics';
import {Stopwatch, stopwatchOf} from '../../train/stopwatch';
import {Contestant, Effort, measure} from '../measure';
import {surroundings, tensorflowState} from '../surroundings';
import {TorchPeer, torchThere} from '../torch_peer';
import {Case, caseName, inARow, LocalNetwork, NETWORK_CONTESTANTS, NetworkContestantName, torchNetwork} from './contestants';
import {buildNetwork, Network, networkSize} from './networks';
import {profileKernels} from './profile';
import type {CaseResult, NetworkBenchResult} from './result';
import {checkNetworkTargets} from './targets';

/** What is asked of a network. */
export interface Plan { network: Network; cases: Pick<Case, 'training' | 'batch'>[] }

type Models = Record<Norm, tfl.LayersModel>;

const TORCH_NAMES: Record<Norm, NetworkContestantName> = {rbn: 'torchRbn', bn: 'torchBn'};

// The batch is the same in each step; a rate that is too small to run away.
const LEARNING_RATE = 0.01, SGD_MOMENTUM = 0.9;

const PROFILED_CALLS = 3;

export async function benchNetworks(backend: Backend, plans: readonly Plan[], size: number, effort: Effort,
                                    onProgress: (doing: string) => void): Promise<NetworkBenchResult> {
  tf.enableProdMode(); // no advice to install another backend
  await startBackend(backend);
  if (backend.name === 'cuda') tf.env().set('RBN_CUDA_TF32', true); // as in bench/torch_peer.py
  const found = surroundings(backend);
  const {peer, torch, withoutTorch} = await openPeer(backend, found.threads);
  try {
    const results: CaseResult[] = [];
    for (const {network, cases} of plans) {
      onProgress(`${network.name}: weights`);
      const optimizers: tf.Optimizer[] = [];
      const build = (norm: Norm) => {
        const model = buildNetwork(network, norm, size), optimizer = tf.train.momentum(LEARNING_RATE, SGD_MOMENTUM);
        optimizers.push(optimizer);
        model.compile({optimizer, loss: 'categoricalCrossentropy'});
        return model;
      };
      const models: Models = {rbn: build('rbn'), bn: build('bn')};
      for (const one of cases) {
        const whole = {network, size, ...one};
        onProgress(caseName(whole));
        results.push(await benchCase(stopwatchOf(backend), whole, models, peer, effort));
      }
      for (const norm of NORMS) models[norm].dispose();
      for (const optimizer of optimizers) optimizer.dispose();
    }
    const {libraries = []} = tf.backend() as unknown as {libraries?: LibraryState[]};
    return {
      ...found, torch, withoutTorch, tensorflow: tensorflowState(),
      libraries: libraries.map(({name, state, version}) => ({name, state, version})), fallbacks: [...fallbackCosts.keys()],
      cases: results, targets: checkNetworkTargets(backend.name, results),
    };
  } finally {
    peer?.end();
  }
}

/** PyTorch on the device that tfjs runs on. */
async function openPeer({name, ...backend}: Backend & {engine?: string}, threads: number):
    Promise<Pick<NetworkBenchResult, 'torch' | 'withoutTorch'> & {peer: TorchPeer | null}> {
  const without = (why: string) => ({peer: null, torch: null, withoutTorch: why});
  if (backend.engine === 'simulator') return without('it does not run on the simulator');
  if (!torchThere()) return without('python3 has no torch');
  const peer = new TorchPeer();
  const {torch, device} = await peer.ask<{torch: string; device: string | null}>(
      {threads, device: name === 'cuda' ? `cuda:${settings().device}` : 'cpu'});
  if (device !== null) return {peer, torch: {version: torch, device}, withoutTorch: null};
  peer.end();
  return without(`PyTorch ${torch} finds no GPU`);
}

/** Whoever fails says why, and does not take the others along. */
async function benchCase(stopwatch: Stopwatch, one: Case, models: Models, peer: TorchPeer | null, effort: Effort): Promise<CaseResult> {
  const result: CaseResult = {
    ...one, sizes: {rbn: networkSize(models.rbn), bn: networkSize(models.bn)}, times: {}, scriptShares: {}, kernels: {}, failures: [],
  };
  const attempt = async (what: string, f: () => Promise<void>) => {
    try {
      await f();
    } catch (error) {
      result.failures.push(`${what}: ${(error as Error).message}`);
    }
  };
  tf.engine().startScope();
  const ready: Contestant[] = [], local = new Map<Norm, LocalNetwork>();
  const join = async (contestants: Contestant[]) => {
    // The first call of a kernel on a GPU loads it, which is no measure of anything.
    for (const contestant of contestants) await contestant.sample(1);
    ready.push(...contestants);
  };
  for (const norm of NORMS) {
    await attempt(NETWORK_CONTESTANTS[norm], async () => {
      const ours = new LocalNetwork(norm, models[norm], one);
      await join(one.training ? [ours.each()] : [ours.each(), ours.inARow()]);
      local.set(norm, ours);
    });
  }
  if (peer !== null) {
    await attempt('PyTorch', () => peer.ask({forget: true}));
    for (const norm of NORMS) {
      const name = TORCH_NAMES[norm];
      await attempt(NETWORK_CONTESTANTS[name], async () => join(await torchNetwork(peer, name, norm, models[norm], one)));
    }
  }
  await attempt('measuring', async () => {
    const measured = await measure(ready, effort);
    for (const name of Object.keys(NETWORK_CONTESTANTS) as NetworkContestantName[]) {
      const each = measured.get(name);
      if (each !== undefined) result.times[name] = {each, row: measured.get(inARow(name)) ?? null};
    }
    for (const [norm, {scriptShares}] of local) result.scriptShares[norm] = median(scriptShares);
  });
  for (const [norm, {call}] of local) {
    await attempt(`profile of ${NETWORK_CONTESTANTS[norm]}`, async () => {
      result.kernels[norm] = await profileKernels(call, PROFILED_CALLS, stopwatch);
    });
  }
  tf.engine().endScope();
  return result;
}
