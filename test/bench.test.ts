// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark: that what it compares computes the same thing, that contestants do run, and that its targets and
// its report say what was measured.
import * as assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as rbn from 'tfjs-rbn';
import {barChart} from '#dist/bench/chart';
import {CONTESTANTS, ContestantName, localContestants} from '#dist/bench/contestants';
import {Contestant, local, measure} from '#dist/bench/measure';
import {report} from '#dist/bench/report';
import type {BenchResult, Row} from '#dist/bench/result';
import {Shape} from '#dist/bench/shapes';
import {checkTargets} from '#dist/bench/targets';
import {batchNormalization, EPSILON, Parameters, rbnOpByOp, Statistics} from '#dist/bench/tfjs_ops';
import {TorchPeer, torchThere} from '#dist/bench/torch_peer';

const SHAPE: Shape = [3, 4, 5, 6];

interface Gradients { y: Float32Array; dx: Float32Array; dparameters: Float32Array[] }

describe('the implementations compared', () => {
  let x: tf.Tensor4D, dy: tf.Tensor4D, parameters: Parameters, given: Statistics;

  before(async () => {
    await tf.setBackend('cpu');
    const c = SHAPE[3];
    x = tf.randomNormal(SHAPE, 1, 2, 'float32', 1);
    dy = tf.randomNormal(SHAPE, 0, 1, 'float32', 2);
    parameters = Array.from({length: 5}, (_, i) => tf.randomNormal([c], 0.5, 1, 'float32', 3 + i)) as Parameters;
    given = {mean: tf.randomNormal([c], 1, 1, 'float32', 9), variance: tf.randomUniform([c], 0.5, 2, 'float32', 10)};
  });
  after(() => tf.dispose([x, dy, parameters, given.mean, given.variance]));

  function differentiate(f: (x: tf.Tensor4D, p: Parameters) => tf.Tensor4D): Gradients {
    return tf.tidy(() => {
      const values = (t: tf.Tensor) => t.dataSync() as Float32Array;
      const [dx, ...dparameters] = tf.grads((x, ...p) => f(x as tf.Tensor4D, p as Parameters))([x, ...parameters], dy);
      return {y: values(f(x, parameters)), dx: values(dx), dparameters: dparameters.map(values)};
    });
  }

  function package_(training: boolean): Gradients {
    return differentiate((x, [gamma, beta, centerWeight, scaleWeight, scaleBias]) => {
      const params = {gamma, beta, centerWeight, scaleWeight, scaleBias};
      return training ? rbn.representativeBatchNormTraining(x, params, {epsilon: EPSILON}).output
                      : rbn.representativeBatchNorm(x, params, {...given, epsilon: EPSILON});
    });
  }

  // float32 op by op, sums of 60 terms: a few 1e-6 of the largest value. A wrong term would show at 1e-2.
  function close(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
    assert.equal(actual.length, expected.length, name);
    const largest = Math.max(...Array.from(expected, Math.abs));
    for (let i = 0; i < actual.length; ++i) {
      const error = Math.abs(actual[i] - expected[i]);
      assert.ok(error <= 2e-5 * largest, `${name}[${i}]: ${actual[i]}, expected ${expected[i]}`);
    }
  }

  type Numbers = ArrayLike<number>;
  function same(actual: {y: Numbers; dx: Numbers; dparameters: Numbers[]}, expected: Gradients): void {
    close('y', actual.y, expected.y);
    close('dx', actual.dx, expected.dx);
    expected.dparameters.forEach((e, i) => close(`gradient of parameter ${i}`, actual.dparameters[i], e));
  }

  for (const training of [true, false]) {
    it(`RBN op by op in tfjs is RBN, ${training ? 'training' : 'frozen'}`, () => {
      same(differentiate((x, p) => rbnOpByOp(x, p, training ? null : given)), package_(training));
    });

    it(`RBN op by op in PyTorch is RBN, ${training ? 'training' : 'frozen'}`, async function() {
      if (!torchThere()) this.skip();
      const peer = new TorchPeer();
      try {
        const list = (t: tf.Tensor) => [...t.dataSync()];
        same(await peer.ask({check: {
          shape: SHAPE, training, epsilon: EPSILON, x: list(x), dy: list(dy), parameters: parameters.map(list),
          mean: list(given.mean), variance: list(given.variance),
        }}), package_(training));
      } finally {
        peer.end();
      }
    }).timeout(60000); // importing torch

    it(`BatchNorm in tfjs ops is RBN without calibration, ${training ? 'training' : 'frozen'}`, () => {
      tf.tidy(() => {
        const [gamma, beta] = parameters;
        const zeros = tf.zeros<tf.Rank.R1>([SHAPE[3]]);
        const bias = tf.fill<tf.Rank.R1>([SHAPE[3]], 40); // sigmoid(40) = 1 in float32
        const params = {gamma, beta, centerWeight: zeros, scaleWeight: zeros, scaleBias: bias};
        const y = training ? rbn.representativeBatchNormTraining(x, params).output
                           : rbn.representativeBatchNorm(x, params, given);
        close('y', batchNormalization(x, gamma, beta, training ? null : given).dataSync(), y.dataSync());
      });
    });

    const mode = training ? 'training' : 'frozen';
    it(`every contestant in this process runs, and leaves the kernels as they were, ${mode}`, async () => {
      const names = ['RepresentativeBatchNorm', 'RepresentativeBatchNormGrad'];
      const kernels = () => names.map(name => tf.getKernel(name, 'cpu').kernelFunc);
      const before = kernels(), {numTensors} = tf.memory();
      tf.engine().startScope();
      for (const contestant of localContestants({name: 'cpu'}, SHAPE, training, 1)) {
        const tensors = tf.memory().numTensors;
        const times = await contestant.sample(2);
        assert.ok(times.length === 2 && times.every(t => t > 0), contestant.name);
        assert.equal(tf.memory().numTensors, tensors, contestant.name);
      }
      tf.engine().endScope();
      assert.deepEqual(kernels(), before);
      assert.equal(tf.memory().numTensors, numTensors);
    });
  }
});

describe('measuring', () => {
  it('takes medians over rounds in which all take turns', async () => {
    const order: string[] = [];
    const fake = (name: string, times: number[]): Contestant => ({
      name,
      sample: async calls => Array.from({length: calls}, () => {
        order.push(name);
        return times[order.filter(n => n === name).length % times.length];
      }),
    });
    const effort = {rounds: 2, roundMilliseconds: 8, warmUpMilliseconds: 12};
    const result = await measure([fake('a', [4, 4, 4, 100]), fake('b', [8])], effort);
    assert.equal(order.join(''), 'aaaabbb' + 'aabaab');
    assert.deepEqual(result.get('a'), {milliseconds: 4, calls: 4});
    assert.deepEqual(result.get('b'), {milliseconds: 8, calls: 2});
  });

  it('times each call of a contestant in this process', async () => {
    const times = await local('wait', () => {
      for (const end = performance.now() + 5; performance.now() < end;);
    }).sample(3);
    assert.equal(times.length, 3);
    assert.ok(times.every(t => t >= 5), `${times}`);
  });

  it('calls a slow contestant once', async () => {
    const slow: Contestant = {name: 'slow', sample: async calls => new Array<number>(calls).fill(2000)};
    const result = await measure([slow], {rounds: 5, roundMilliseconds: 10, warmUpMilliseconds: 10});
    assert.deepEqual(result.get('slow'), {milliseconds: 2000, calls: 1});
  });
});

describe('targets and report', () => {
  const row = (times: Partial<Record<ContestantName, number>>): Row => ({
    shape: [8, 28, 28, 128], training: true,
    times: Object.fromEntries(Object.entries(times).map(([name, milliseconds]) => [name, {milliseconds, calls: 9}])),
  });
  const times = {
    native: 0.9, kernels: 0.8, nativeAlone: 0.5, typescriptAlone: 30, torchBatchNorm: 0.8, torchRbn: 5, opByOp: 2000,
    composed: 899, tfBatchNorm: 700, fusedBatchNorm: 600, copy: 0.1,
  };
  const measured = {backend: 'cpu' as const, tensorflow: null, gpu: null, rows: [row(times)], overhead: {shape: '[1, 1]', rbn: 30, add: 9}};
  const targets = checkTargets(measured);
  const met = (what: RegExp) => targets.find(t => what.test(t.what))?.met;

  it('compares each ratio with its own limit', () => {
    assert.equal(met(/^RBN in tfjs, native \/ PyTorch BatchNorm2d, 8x28x28x128/), false); // 1.125 > 1.1
    assert.equal(met(/^RBN native call alone.* \/ PyTorch BatchNorm2d, 8x28x28x128/), false); // 0.625 > 0.6
    assert.equal(met(/^RBN native call alone.* \/ PyTorch RBN/), true); // 0.1
    assert.equal(met(/^RBN in tfjs, native faster than RBN op by op/), true); // 2222
    assert.equal(met(/^RBN in tfjs, native faster than .*composed/), false); // 999
    assert.equal(met(/^RBN TypeScript.* faster than RBN op by op/), true); // 67
    assert.equal(met(/^RBN TypeScript.* faster than .*composed/), false); // 30
    assert.equal(met(/^frozen forward/), false); // 21
    assert.match(targets.find(t => /faster than RBN op by op/.test(t.what))!.what, /op by op[^,]*, 8x28x28x128$/); // what was measured
  });

  it('asks nothing of what was not measured', () => {
    assert.deepEqual(checkTargets({...measured, rows: [], overhead: {shape: '[1, 1]', rbn: 1, add: 1}}).map(t => t.met), [true]);
  });

  it("has other limits on tfjs-node, and one for the ops' registration", () => {
    const onTensorflow = (milliseconds: typeof times, registration: number) => checkTargets({
      ...measured, backend: 'tensorflow', tensorflow: {version: '2.9.1', way: 'op', registration}, rows: [row(milliseconds)],
    }).map(({what, limit, met}) => [what.split(',')[0], limit, met]);
    const tfjs = {...times, native: 0.5, kernels: 0.4, nativeAlone: 0.4};
    assert.deepEqual(onTensorflow({...tfjs, opByOp: 7.5, composed: 7.4}, 100), [
      ['RBN kernels in tfjs', '≤ 1.1', true], ['RBN in tfjs', '≤ 1.1', false], ['RBN in tfjs', '≥ 15 ×', true],
      ['registration of the ops with TensorFlow', '≤ 100 ms', true],
    ]);
    assert.equal(onTensorflow(tfjs, 101).at(-1)![2], false);
  });

  const result: BenchResult = {
    date: '2026-01-01 00:00', load: 0,
    machine: {cpu: 'A CPU', cores: 2, memoryGiB: 8, system: 'linux x64', node: 'v20', tfjs: '4.22.0'},
    threads: 2, isa: 'avx2', torch: '2.0', ...measured, targets,
  };

  it('are printed with machine, figures and verdicts', () => {
    const text = report(result, 'tfjs-rbn bench', 'x.svg');
    assert.match(text, /A CPU, 2 cores/);
    assert.match(text, /\*\*missed\*\*/);
    assert.match(text, /!\[.*\]\(x\.svg\)/);
    // 8 passes over 8·28·28·128 floats in 0.9 ms, 2 in 0.1 ms.
    assert.match(text, /8x28x28x128 \| training \| +28\.5 \| .* 64\.2 \|/);
    for (const name of Object.values(CONTESTANTS)) assert.ok(text.includes(name), name);
  });

  it('are drawn, one bar a contestant', () => {
    const svg = barChart(result);
    assert.equal([...svg.matchAll(/<rect class="(?!page)/g)].length, 2 * 8); // bars and key
    assert.doesNotMatch(svg, /NaN|undefined/);
  });
});
