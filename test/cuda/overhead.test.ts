// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What JavaScript spends on one call: tf.add of one-element tensors, which needs no kernel on the device, against
// tfjs's own runKernel with a kernel that does nothing.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {onCuda} from '../support/cuda';
import {Nothing} from '../support/idle';

const LIMIT = 1.5; // microseconds
const CALLS = 1000, ROUNDS = 60;

describe('overhead of the backend cuda', function() {
  this.timeout(120000);
  onCuda();

  it(`is at most ${LIMIT} µs a call above tfjs's own`, async () => {
    tf.registerBackend('nothing', () => new Nothing());
    tf.registerKernel({
      kernelName: 'Add', backendName: 'nothing',
      kernelFunc: ({backend}) => ({dataId: (backend as Nothing).write(), shape: [], dtype: 'float32'}),
    });
    const contestants: {name: string; call: () => void; dispose: () => void; best: number}[] = [];
    for (const name of ['nothing', 'cuda']) {
      await tf.setBackend(name);
      const inputs = {a: tf.scalar(1), b: tf.scalar(2)};
      contestants.push({
        name, best: Infinity, dispose: () => tf.dispose(inputs),
        call: () => (tf.engine().runKernel('Add', inputs) as tf.Tensor).dispose(),
      });
    }
    // The best of many rounds: what else the machine does only ever adds.
    for (let round = 0; round < ROUNDS; round++) {
      for (const contestant of contestants) {
        await tf.setBackend(contestant.name);
        const started = performance.now();
        for (let i = 0; i < CALLS; i++) contestant.call();
        contestant.best = Math.min(contestant.best, 1000 * (performance.now() - started) / CALLS);
      }
    }
    const [nothing, cuda] = contestants.map(({best}) => best) as [number, number];
    for (const {dispose} of contestants) dispose();
    tf.removeBackend('nothing');
    tf.unregisterKernel('Add', 'nothing');
    assert.ok(cuda - nothing <= LIMIT, `${cuda.toFixed(2)} µs, with a kernel that does nothing ${nothing.toFixed(2)} µs`);
  });
});
