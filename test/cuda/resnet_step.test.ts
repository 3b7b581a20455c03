// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What JavaScript does in a training step of ResNet-50 (batch 2, 224×224) beside kernels: on the backend `cuda`, whose
// device is taken away, and with tfjs's own gradients, layers and optimizer on a backend that does nothing.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import {buildNetwork, RESNET_50} from '#dist/bench/network/networks';

import {backend, onCuda} from '../support/cuda';
import {makeIdle, registerStock, Uploads} from '../support/idle';
import {end} from '../support/optimizers';

const LIMIT = 0.18, ROUNDS = 15;
const SIZE = 224, INPUT = [2, SIZE, SIZE, 3];

/** A step of training on the active backend, and what ends it. */
async function prepare() {
  const model = buildNetwork(RESNET_50, 'bn', SIZE, 'zeros'), optimizer = tf.train.momentum(0.1, 0.9);
  model.compile({optimizer, loss: 'categoricalCrossentropy'});
  const x = tf.zeros(INPUT), y = tf.zeros([2, RESNET_50.classes]);
  return {
    step: async () => void await model.trainOnBatch(x, y),
    dispose: () => {
      end(optimizer);
      model.dispose();
      tf.dispose([x, y]);
    },
  };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

describe('a training step of ResNet-50 on cuda', function() {
  this.timeout(300000);
  onCuda();

  it(`takes at most ${LIMIT} of the JavaScript that tfjs by itself takes`, async () => {
    const unregister = await registerStock(prepare);
    await tf.setBackend('cuda');
    const giveBack = makeIdle(backend());
    try {
      const contestants: {name: string; step: () => Promise<void>; dispose: () => void; times: number[]}[] = [];
      for (const name of ['stock', 'cuda']) {
        await tf.setBackend(name);
        contestants.push({name, times: [], ...await prepare()});
      }
      for (let round = -2; round < ROUNDS; round++) { // two to warm up
        for (const {name, step, times} of contestants) {
          await tf.setBackend(name);
          const started = performance.now();
          await step();
          if (round >= 0) times.push(performance.now() - started);
        }
      }
      for (const {name, dispose} of contestants) {
        await tf.setBackend(name);
        dispose();
      }
      const [stock, cuda] = contestants.map(({times}) => median(times)) as [number, number];
      const found = `cuda ${cuda.toFixed(1)} ms, tfjs by itself ${stock.toFixed(1)} ms: ${(cuda / stock).toFixed(3)}`;
      console.log(`      ${found}`);
      assert.ok(cuda <= LIMIT * stock, found);
    } finally {
      await tf.setBackend('cuda');
      giveBack();
      unregister();
    }
  });

  it('copies nothing to the device', async () => {
    const uploads = new Uploads(), giveBack = makeIdle(backend(), uploads);
    try {
      const {step, dispose} = await prepare();
      assert.ok(uploads.largest >= 4 * tf.util.sizeFromShape(INPUT), 'the count counts');
      await step();
      uploads.reset();
      await step();
      assert.equal(uploads.bytes, 0);
      dispose();
    } finally {
      giveBack();
    }
  });
});
