// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn bench --backend cuda`: its contestants run on the device, are timed by it and leave nothing behind; the
// report says what it was measured on; times of the simulator are refused.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';

import * as tf from '@tensorflow/tfjs-core';
import {localContestants} from '#dist/bench/contestants';
import {report} from '#dist/bench/report';
import type {BenchResult} from '#dist/bench/result';
import {checkTargets} from '#dist/bench/targets';
import {batchNormalization, fusedBatchNormalization} from '#dist/bench/tfjs_ops';

import {cudaEnvironment, onCuda, strictly} from '../support/cuda';

/** In training, when tf.layers' BatchNorm is fused, or not. */
const contestantsIn = (training: boolean) =>
  ['native', 'kernels', ...training ? ['fusedBatchNorm'] : [], 'tfBatchNorm', 'composed', 'opByOp'];

describe('the benchmark on cuda', function() {
  this.timeout(60000);
  onCuda();
  strictly();

  for (const training of [true, false]) {
    it(`runs every contestant on the device, ${training ? 'training' : 'frozen'}`, async () => {
      tf.engine().startScope();
      const contestants = localContestants({name: 'cuda', engine: 'simulator'}, [2, 3, 4, 5], training, 1);
      assert.deepEqual(contestants.map(({name}) => name), contestantsIn(training));
      for (const contestant of contestants) {
        const {numTensors} = tf.memory();
        const times = await contestant.sample(2);
        assert.ok(times.length === 2 && times.every((t) => t > 0), `${contestant.name}: ${times}`);
        assert.equal(tf.memory().numTensors, numTensors, contestant.name);
      }
      tf.engine().endScope();
    });
  }

  it('compares batch normalizations that compute the same', () => tf.tidy(() => {
    const [x, dy] = [1, 2].map((seed) => tf.randomNormal<tf.Rank.R4>([3, 4, 5, 6], 1, 2, 'float32', seed));
    const [gamma, beta] = [3, 4].map((seed) => tf.randomNormal<tf.Rank.R1>([6], 1, 1, 'float32', seed));
    const [plain, fused] = [batchNormalization, fusedBatchNormalization].map((normalize) => {
      const f = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
        normalize(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, null);
      return [f(x!, gamma!, beta!), ...tf.grads(f)([x!, gamma!, beta!], dy!)];
    });
    // Values up to 100, of float32 ops and their sums.
    plain!.forEach((expected, i) => tf.test_util.expectArraysClose(fused![i]!.dataSync(), expected.dataSync(), 2e-4));
  }));

  it('says in its report what it was measured on', () => {
    // In a process of its own: a benchmark puts tfjs into production mode.
    const {status, stdout, stderr} = spawnSync(process.execPath, ['-e', `
      require(${JSON.stringify(require.resolve('tfjs-rbn'))});
      const {bench} = require(${JSON.stringify(require.resolve('#dist/bench/bench'))});
      bench({name: 'cuda', engine: 'simulator'}, [[2, 2, 2, 4]], {rounds: 2, roundMilliseconds: 1, warmUpMilliseconds: 1}, () => {})
          .then((result) => console.log(JSON.stringify(result)));`], {encoding: 'utf8', env: cudaEnvironment()});
    assert.equal(status, 0, stderr);
    const result = JSON.parse(stdout) as BenchResult;
    assert.deepEqual(result.rows.map(({training, times}) => [training, Object.keys(times).sort()]),
        [true, false].map((training) => [training, contestantsIn(training).sort()]));
    assert.deepEqual(checkTargets(result), [], 'there are no figures to reach yet');
    const gpu = {engine: 'cuda', name: 'NVIDIA T4', computeCapability: '7.5', cuda: '13.0'} as const;
    const text = report({...result, gpu}, 'tfjs-rbn bench --backend cuda', null);
    assert.match(text, /^# Benchmark on a GPU$/m);
    assert.match(text, /^NVIDIA T4, compute capability 7\.5, driver for CUDA 13\.0\./m);
    assert.match(text, /^\| 2x2x2x4 +\|( +[\d.]+ \|){6}$/m);
    assert.doesNotMatch(text, /PyTorch|thread|Targets|undefined|NaN/);
    const simulated = report({...result, gpu: {...gpu, engine: 'simulator'}}, '', null);
    assert.match(simulated, /^# Benchmark on the simulator: these times mean nothing$/m);
  });

  for (const command of ['bench', 'bench-network']) {
    it(`${command} refuses the simulator on the command line`, () => {
      const {status, stdout, stderr} = spawnSync(process.execPath,
          [require.resolve('#dist/cli/main'), command, '--quick', '--backend', 'cuda'],
          {encoding: 'utf8', env: {...process.env, RBN_ENGINE: 'simulator'}});
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(
          `tfjs-rbn: ${command}: expected a GPU; RBN_ENGINE asks for the simulator.* Next: unset RBN_ENGINE$`, 'm'));
      assert.equal(stdout, '');
    });
  }
});
