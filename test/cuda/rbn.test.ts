// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// RBN on the backend `cuda`: the table of cases through the public ops, and the layer in a model.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import {layers, loadLayersModel, sequential} from '@tensorflow/tfjs-layers';
import * as rbn from 'tfjs-rbn';

import {testCases} from '../support/cases';
import {compare, PROMISED, sameBits} from '../support/criteria';
import {onCuda} from '../support/cuda';
import {makeData} from '../support/data';
import {opLevel} from '../support/implementations';
import {reference} from '../support/reference';

describe('RBN on cuda', function() {
  this.timeout(120000);

  describe('case table', () => {
    onCuda();
    const implementation = opLevel('cuda');
    for (const c of testCases()) {
      if (!implementation.applies(c)) continue;
      it(c.name, () => {
        const data = makeData(c), received = implementation.run(c, data);
        assert.equal(compare(c, reference(c, data), received, PROMISED), '');
        assert.equal(sameBits(received, implementation.run(c, data)), '', 'a second run');
      });
    }
  });

  describe('layer', () => {
    onCuda();

    /** A small model, the same each time. */
    function model() {
      const made = sequential({layers: [
        layers.dense({inputShape: [6], units: 8, kernelInitializer: 'ones', useBias: false}),
        rbn.layers.representativeBatchNormalization({activation: 'relu', momentum: 0.5}),
        layers.dense({units: 3, activation: 'softmax', kernelInitializer: 'ones'}),
      ]});
      made.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
      const random = (t: tf.Tensor, i: number) => tf.tidy(() => {
        const noise = tf.tensor(Float32Array.from({length: t.size}, (_, k) => Math.sin(i + 3 * k) / 3), t.shape);
        return tf.add(t, noise);
      });
      tf.tidy(() => {
        const weights = made.getWeights().map(random);
        weights[weights.length - 3] = tf.abs(weights.at(-3)!); // the variance must stay positive
        made.setWeights(weights);
      });
      return made;
    }
    const data = () => ({
      x: tf.tensor2d(Float32Array.from({length: 12 * 6}, (_, k) => Math.cos(5 * k)), [12, 6]),
      y: tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], 'int32'), 3)),
    });

    async function trained(backendName: string) {
      await tf.setBackend(backendName);
      const made = model(), {x, y} = data();
      const {history} = await made.fit(x, y, {epochs: 3, batchSize: 6, shuffle: false, verbose: 0});
      const weights = made.getWeights().map((w) => w.dataSync() as Float32Array);
      const prediction = tf.tidy(() => (made.predict(x) as tf.Tensor).dataSync() as Float32Array);
      return {made, x, y, loss: history.loss as number[], weights, prediction};
    }

    function clean({made, x, y}: {made: ReturnType<typeof model>; x: tf.Tensor; y: tf.Tensor}): void {
      made.dispose();
      made.optimizer.dispose();
      tf.dispose([x, y]);
    }

    it('trains and predicts as on cpu', async () => {
      const expected = await trained('cpu'), received = await trained('cuda');
      const near = (a: ArrayLike<number>, b: ArrayLike<number>, what: string) => Array.from(a).forEach((v, i) =>
        assert.ok(Math.abs(v - b[i]!) <= 2e-5 * (1 + Math.abs(v)), `${what}[${i}]: expected ${v}, received ${b[i]}`));
      near(expected.loss, received.loss, 'loss');
      expected.weights.forEach((w, i) => near(w, received.weights[i]!, `weight ${i}`));
      near(expected.prediction, received.prediction, 'prediction');
      clean(received);
      clean(expected);
      await tf.setBackend('cuda');
    });

    it('is saved and loaded', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-cuda-'));
      const kept = await trained('cuda');
      await kept.made.save(rbn.io.fileSystem(folder));
      const loaded = await loadLayersModel(rbn.io.fileSystem(folder));
      assert.deepEqual(tf.tidy(() => (loaded.predict(kept.x) as tf.Tensor).dataSync()), kept.prediction);
      loaded.dispose();
      clean(kept);
      fs.rmSync(folder, {recursive: true});
    });
  });
});
