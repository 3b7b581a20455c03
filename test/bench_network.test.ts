// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark of whole networks, on small ones: all contestants run, their figures add up, whoever fails is named, and
// targets, report and picture say what was measured.
import * as assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {networkChart} from '#dist/bench/network/chart';
import {profileKernels, timed} from '#dist/bench/network/profile';
import {networkReport} from '#dist/bench/network/report';
import type {CaseResult, NetworkBenchResult, NetworkTimes} from '#dist/bench/network/result';
import {checkNetworkTargets} from '#dist/bench/network/targets';
import {RESNET_50} from '#dist/bench/network/networks';
import {torchThere} from '#dist/bench/torch_peer';

import {bench, complete, MOBILENET_CASES, RESNET, RESNET_CASES} from './support/bench_network';

describe('the time of a call', () => {
  it('is told apart into JavaScript and waiting', async () => {
    const busy = (milliseconds: number) => { for (const end = performance.now() + milliseconds; performance.now() < end;); };
    const waits = await timed(async () => {
      await null; // as trainOnBatch does before its work
      busy(10);
      await sleep(150);
    });
    assert.ok(waits.javascript >= 10 && waits.javascript <= waits.milliseconds - 75, JSON.stringify(waits));
    const works = await timed(async () => busy(5));
    assert.ok(works.milliseconds >= 5 && works.javascript === works.milliseconds, JSON.stringify(works));
  });

  it('is told apart by kernel, each counted once', async () => {
    await tf.setBackend('cpu');
    const x = tf.ones([20, 20]), {time} = tf.backend();
    const call = async () => tf.tidy(() => {
      tf.relu(tf.matMul(x, tf.relu(x)));
      tf.grad(y => tf.logSoftmax(y))(x); // a gradient of its own, around kernels
    });
    let running = 0;
    const found = await profileKernels(call, 2, () => {
      running++;
      return () => () => running; // read after the last kernel, as a GPU's times are to be
    });
    x.dispose();
    assert.equal(tf.backend().time, time);
    const calls = Object.fromEntries(found.map(({kernel, calls}) => [kernel, calls]));
    assert.equal(calls.Relu, 2);
    assert.equal(calls.BatchMatMul, 1);
    assert.equal(calls.Exp, 2); // forward and back
    assert.ok(found.every(({kernel}) => tf.getKernel(kernel, 'cpu') != null), JSON.stringify(found));
    for (const {milliseconds, calls} of found) assert.equal(milliseconds, running * calls);
    assert.ok(found.every((k, i) => i === 0 || k.milliseconds <= found[i - 1]!.milliseconds));
  });
});

describe('the benchmark of networks', () => {
  it('runs all contestants on the CPU, and names the ones that fail', () => {
    const alone = {training: true, batch: 1}; // one value a channel
    // One thread: PyTorch's spin for long where others use the machine.
    const result = bench({name: 'cpu'}, [{network: RESNET, cases: [alone]}, RESNET_CASES, MOBILENET_CASES], {...process.env, RBN_THREADS: '1'});
    const [failing, ...cases] = result.cases;
    const there = torchThere();
    assert.deepEqual([result.torch !== null, result.withoutTorch], [there, there ? null : 'python3 has no torch']);
    for (const one of cases) complete(one, ['rbn', 'bn', ...there ? ['torchRbn', 'torchBn'] : []]);
    assert.deepEqual(failing!.failures.map((text) => text.split(':')[0]),
        ['tfjs, RBN', ...there ? ['PyTorch, RBN op by op', 'PyTorch, BatchNorm2d'] : []]);
    assert.deepEqual(Object.keys(failing!.times), ['bn']);
    assert.deepEqual(result.targets, []);
    const text = networkReport(result, 'tfjs-rbn bench-network', null);
    assert.match(text, /^# Whole networks on the CPU$/m);
    assert.match(text, /^\*\*Failed\.\*\* tfjs, RBN: .*values/m);
    assert.doesNotMatch(text, /NaN|undefined/);
  }).timeout(120000); // importing torch
});

describe('targets, report and picture of networks', () => {
  const times = (each: number, row: number | null): NetworkTimes => ({
    each: {milliseconds: each, calls: 9}, row: row === null ? null : {milliseconds: row, calls: 9},
  });
  const size = {parameters: 25557032, products: 54, multiplications: 4e9};
  const kernels = Array.from({length: 20}, (_, i) => ({kernel: `Kernel${i}`, calls: 2, milliseconds: 20 - i}));
  const training: CaseResult = {
    network: RESNET_50, training: true, batch: 64, size: 224, sizes: {rbn: size, bn: size},
    times: {rbn: times(80, null), bn: times(100, null), torchRbn: times(160, 120), torchBn: times(64, 60)},
    scriptShares: {rbn: 0.25, bn: 0.2}, kernels: {rbn: kernels, bn: kernels.slice(0, 3)}, failures: [],
  };
  const targets = checkNetworkTargets('cuda', [training, {...training, training: false}]);

  it('asks a training step with RBN for the throughput of PyTorch, on a GPU', () => {
    assert.deepEqual(targets.map(({what, measured, met}) => [what.split(':')[0], measured, met]), [
      ['goal', '2.00 (1.50 where it does not read its loss)', true],
      ['stretch', '0.80 (0.75 where it does not read its loss)', false],
    ]);
    assert.deepEqual(checkNetworkTargets('cpu', [training]), []);
    assert.deepEqual(checkNetworkTargets('cuda', [{...training, times: {rbn: times(80, null)}}]), []);
  });

  const result: NetworkBenchResult = {
    date: '2026-01-01 00:00', load: 0, threads: 2, isa: 'avx2', backend: 'cuda',
    machine: {cpu: 'A CPU', cores: 2, memoryGiB: 8, system: 'linux x64', node: 'v20', tfjs: '4.22.0'},
    gpu: {engine: 'cuda', name: 'A GPU', computeCapability: '9.0', cuda: '13.0'}, torch: {version: '2.0', device: 'A GPU'},
    withoutTorch: null, tensorflow: null, libraries: [{name: 'cuDNN', state: 'in use', version: '9.1.0'}], fallbacks: ['FFT'],
    cases: [training, {...training, training: false, times: {}, scriptShares: {}, kernels: {}, failures: ['it: broke']}], targets,
  };

  it('are printed with rates, shares and verdicts', () => {
    const text = networkReport(result, 'tfjs-rbn bench-network', 'x.svg');
    assert.match(text, /^A GPU, compute capability 9\.0, driver for CUDA 13\.0; cuDNN 9\.1\.0 in use\. PyTorch 2\.0 on A GPU\.$/m);
    assert.match(text, /\*\*Kernels of tfjs that ran on the CPU, on copies: FFT\.\*\*/);
    // 64 images in 80 ms; 2 · 3 · 4e9 operations each; 160 / 80 and 64 / 80.
    assert.match(text, /^\| tfjs, RBN +\| +80 \| +800 \| +19200 \| +– \| +2 \| +0\.8 \|$/m);
    assert.match(text, /^\| PyTorch, RBN op by op +\| +160 \| +400 \| +9600 \| +533 \| +1 \| +0\.4 \|$/m);
    assert.match(text, /^tfjs, RBN: of 80 ms, JavaScript was at work for 20 ms \(25 %\); .* take 210 ms together\.$/m);
    assert.match(text, /^\| Kernel0 +\| +2 \| +20 \| +9\.5 % \| +2 \| +20 \| 35\.1 % \|$/m);
    assert.match(text, /^\| 5 others +\| +10 \| +15 \| +7\.1 % \| +– \| +– \| +– \|$/m);
    assert.match(text, /^\*\*Failed\.\*\* it: broke$/m);
    assert.match(text, /\| +met \|$/m);
    assert.match(text, /\*\*missed\*\*/);
    assert.match(text, /!\[.*\]\(x\.svg\)/);
    assert.doesNotMatch(text, /NaN|undefined|null/);
  });

  it('are drawn: a bar a contestant, a step, its parts', () => {
    const svg = networkChart(result);
    const bars = [...svg.matchAll(/<rect class="(?!page)(\w+)"[^>]* width="([\d.]+)"/g)].map(([, name, width]) => [name, Number(width)]);
    // Four contestants; step, JavaScript, all kernels, twelve of them and the rest.
    assert.equal(bars.length, 4 + 3 + 13);
    assert.deepEqual(bars.slice(0, 4), [['rbn', 440], ['bn', 352], ['torchRbn', 220], ['torchBn', 550]]);
    assert.doesNotMatch(svg, /NaN|undefined/);
    assert.doesNotThrow(() => networkChart({...result, cases: []}));
  });
});
