// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The networks of the benchmark: their sizes are the published ones, and those in PyTorch (bench/torch_networks.py) are
// the same networks.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as tfl from '@tensorflow/tfjs-layers';
import 'tfjs-rbn';
import {buildNetwork, MOBILENET_V2, Network, networkSize, NetworkSize, RESNET_50, SMALL_MOBILENET, SMALL_RESNET} from '#dist/bench/network/networks';
import {TorchPeer, torchThere} from '#dist/bench/torch_peer';

import {end} from './support/optimizers';

const BOTH = ['rbn', 'bn'] as const;

// Padding is symmetric, as it is in PyTorch, where each strided layer has an odd size: 17, 9, 5.
const SIZE = 17, BATCH = 3, STEPS = 3;

/** Values of every weight that leave no part of the network without effect, in the order of the layers' creation. */
function randomWeights(model: tfl.LayersModel): number[][] {
  let seed = 0;
  const layers = [...model.layers].sort((a, b) => a.id - b.id);
  return layers.flatMap((layer) => {
    const values = layer.weights.map(({originalName, shape}) => tf.tidy(() => {
      const z = tf.randomNormal(shape as number[], 0, 1, 'float32', ++seed);
      if (/variance/.test(originalName)) return tf.add(tf.abs(z), 0.5);
      if (/kernel/.test(originalName)) return tf.mul(z, Math.sqrt(2 * shape.at(-1)! / z.size));
      return tf.add(tf.mul(z, 0.5), /gamma|scale_bias/.test(originalName) ? 1 : 0);
    }));
    layer.setWeights(values);
    const lists = values.map((t) => [...t.dataSync()]);
    tf.dispose(values);
    return lists;
  });
}

describe('networks', () => {
  let peer: TorchPeer | null = null, before_: string | undefined;

  before(async function() {
    this.timeout(60000); // importing torch
    await tf.setBackend('cpu');
    if (!torchThere()) return;
    before_ = process.env.CUDA_VISIBLE_DEVICES;
    process.env.CUDA_VISIBLE_DEVICES = '';
    peer = new TorchPeer();
    await peer.ask({threads: 1, device: 'cpu'});
  });
  after(() => {
    peer?.end();
    if (before_ === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
    else process.env.CUDA_VISIBLE_DEVICES = before_;
  });

  it('are told by PyTorch that there is no GPU, and what is wrong with a request', async function() {
    if (peer === null) return this.skip();
    const {device} = await peer.ask<{device: string | null}>({threads: 1, device: 'cuda:0'});
    assert.equal(device, null);
    assert.deepEqual(await peer.ask({threads: 1, device: 'cpu'}).then((answer) => (answer as {device: string}).device), 'cpu');
    await assert.rejects(peer.ask({slot: 'none', calls: 1}), /bench\/torch_peer\.py: (.|\n)*KeyError: 'none'/);
  });

  // Of the papers' networks, as they are published: 25.6 million and 4.1 thousand million; 3.5 and 300 million.
  const published: [Network, NetworkSize, normalized: number][] = [
    [RESNET_50, {parameters: 25557032, products: 54, multiplications: 4089184256}, 26560],
    [MOBILENET_V2, {parameters: 3504872, products: 53, multiplications: 300774272}, 17056],
  ];
  for (const [network, expected, channels] of published) {
    it(`${network.name} has its published size, RBN three values a channel more`, async () => {
      const sizes = BOTH.map((norm) => {
        const model = buildNetwork(network, norm, 224, 'zeros');
        const size = networkSize(model);
        model.dispose();
        return size;
      });
      assert.deepEqual(sizes, [{...expected, parameters: expected.parameters + 3 * channels}, expected]);
      if (peer === null) return;
      const whole = {network, norm: 'bn', size: 224, batch: 1, training: false};
      assert.deepEqual(await peer.ask({slot: 'whole', network: whole}), expected, 'in PyTorch');
      await peer.ask({forget: true});
    });
  }

  for (const network of [SMALL_RESNET, SMALL_MOBILENET]) {
    for (const norm of BOTH) {
      it(`${network.name} with ${norm} is the same in PyTorch: size, output and losses of training`, async function() {
        if (peer === null) return this.skip();
        const model = buildNetwork(network, norm, SIZE, 'zeros'), optimizer = tf.train.momentum(0.01, 0.9);
        model.compile({optimizer, loss: 'categoricalCrossentropy'});
        const x = tf.randomNormal([BATCH, SIZE, SIZE, 3], 0, 1, 'float32', 1);
        const labels = tf.oneHot([0, 1, 2], network.classes);
        const shape = {network, norm, size: SIZE, batch: BATCH};
        const weights = randomWeights(model);
        assert.deepEqual(await peer.ask({slot: 'a', network: {...shape, training: true}}), networkSize(model));
        const torch = await peer.ask<{output: number[]; losses: number[]}>(
            {checkNetwork: {...shape, weights, x: [...x.dataSync()], steps: STEPS}});

        const output = model.predictOnBatch(x) as tf.Tensor;
        const values = [...output.dataSync()], losses: number[] = [];
        for (let i = 0; i < STEPS; ++i) losses.push(await model.trainOnBatch(x, labels) as number);
        // Probabilities; float32 sums in two orders. Another weight, axis or padding shows in the second digit.
        values.forEach((v, i) => assert.ok(Math.abs(v - torch.output[i]!) < 1e-4, `${values}; ${torch.output}`));
        losses.forEach((l, i) => assert.ok(Math.abs(l / torch.losses[i]! - 1) < 1e-3, `${losses}; ${torch.losses}`));
        assert.ok(Math.max(...losses) - Math.min(...losses) > 0.01, `training moves the loss: ${losses}`);
        end(optimizer);
        model.dispose();
        tf.dispose([x, labels, output]);
      });
    }
  }
});
