// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Errors of the device on the backend `cuda` name the kernel at fault, whichever way its memory is asked for, and a worker
// thread that is terminated takes none of them to the process.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';

import * as tf from '@tensorflow/tfjs-core';
import * as rbn from 'tfjs-rbn';

import {backend, cudaEnvironment, onCuda} from '../support/cuda';
import {root} from '../support/files';

describe('cuda: errors', function() {
  this.timeout(60000);
  onCuda();

  describe('no memory, at each allocation of a call', () => {
    const x = () => tf.ones([2, 4, 4, 3]), parameter = () => tf.fill([3], 0.5);
    const params = () => ({centerWeight: parameter(), scaleWeight: parameter(), scaleBias: parameter()});
    // The inputs of `run` are made before the failure.
    const calls: {[kernels: string]: {inputs: () => tf.Tensor[]; run: (...inputs: tf.Tensor[]) => tf.Tensor}} = {
      Neg: {inputs: () => [x()], run: (a) => tf.neg(a!)},
      Concat: {inputs: () => [x(), x()], run: (a, b) => tf.concat([a!, b!])},
      Pack: {inputs: () => [x(), x()], run: (a, b) => tf.stack([a!, b!])},
      Unique: {inputs: () => [tf.tensor1d([1, 2, 2])], run: (a) => tf.unique(a!).values}, // a fallback
      RepresentativeBatchNorm: {
        inputs: () => [x(), ...Object.values(params())],
        run: (a, centerWeight, scaleWeight, scaleBias) => rbn.representativeBatchNormTraining(a as tf.Tensor4D,
            {centerWeight, scaleWeight, scaleBias} as rbn.RbnParams).output,
      },
    };
    for (const [kernel, {inputs, run}] of Object.entries(calls)) {
      it(kernel, () => tf.tidy(() => {
        const made = inputs();
        made.forEach((tensor) => tensor.dataSync());
        const {context} = backend();
        for (let k = 1; ; k++) {
          context.failAllocation(k);
          try {
            run(...made).dispose();
            assert.ok(k > 1, 'no allocation failed');
            break;
          } catch (e) {
            assert.equal((e as rbn.RbnError).code, 'OUT_OF_MEMORY', String(e));
            assert.match((e as Error).message, new RegExp(`^${kernel}: `));
          } finally {
            context.failAllocation(0);
          }
        }
      }));
    }
  });

  describe('a worker thread that is terminated', () => {
    const source = (inWorker: string) => `
      const {parentPort} = require('node:worker_threads');
      const tf = require('@tensorflow/tfjs-core');
      require('tfjs-rbn/cuda');
      tf.setBackend('cuda').then(() => { ${inWorker} });`;
    const program = (inWorker: string) => `
      const {Worker} = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(source(inWorker))}, {eval: true});
      worker.on('message', async () => { await worker.terminate(); console.log('goes on'); });`;
    const terminates = (inWorker: string) => {
      const {status, signal, stdout, stderr} = spawnSync(process.execPath, ['--eval', program(inWorker)],
          {cwd: root, encoding: 'utf8', env: {...cudaEnvironment(), RBN_SIMULATOR_DEFER: '1'}, timeout: 60000});
      assert.deepEqual([status, signal, stdout], [0, null, 'goes on\n'], stderr);
    };

    it('during a read', () => terminates(`tf.ones([100000]).data(); parentPort.postMessage(1); for (;;);`));

    it('while calls throw', () => terminates(`
      const {context} = tf.backend();
      parentPort.postMessage(1);
      for (;;) { try { context.failAllocation(1); tf.ones([10]); } catch (e) {} }`));
  });
});
