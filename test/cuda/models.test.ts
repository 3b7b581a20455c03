// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Published models on the backend `cuda`, unchanged, whole and at their own size: their features and outputs are those of
// tfjs's `cpu` backend, and no kernel of theirs runs on the CPU. Layers models and a graph model.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import {loadGraphModel} from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import {loadLayersModel, model as modelOf, SymbolicTensor} from '@tensorflow/tfjs-layers';

import {onCuda, strictly} from '../support/cuda';
import {nsfwjsModel, requireNsfwjs} from '../support/nsfwjs';

// What the project asks for, of outputs that are probabilities, and of features as parts of the largest.
// Measured: 1e-6 at most; a kernel that is wrong at one border of an image shows at 1e-2.
const MOST_DIFFERENCE = 1e-4;

/** What a model computes; its features are what its last layer decides by. */
interface Predicted { features: Float32Array; output: Float32Array }

/** Something that is no noise, with edges and shades in three colours. */
function image(side: number): tf.Tensor4D {
  const values = Float32Array.from({length: side * side * 3}, (_, i) => {
    const [y, x, colour] = [Math.floor(i / 3 / side) / side, Math.floor(i / 3) % side / side, i % 3];
    return (Math.hypot(x - 0.5, y - 0.4) < 0.2 + 0.1 * colour ? 0.7 : 0.2) + 0.2 * Math.sin(20 * (x + colour * y));
  });
  return tf.tensor4d(values, [1, side, side, 3]);
}

/** Runs `compute`, which gives features and output, on an image, and disposes of everything. */
function predicted(side: number, compute: (x: tf.Tensor4D) => tf.Tensor[]): Predicted {
  return tf.tidy(() => {
    const [features, output] = compute(image(side)).map((t) => t.dataSync() as Float32Array);
    return {features: features!, output: output!};
  });
}

async function predictLayers(name: string, side: number): Promise<Predicted> {
  const model = await loadLayersModel(tf.io.fromMemory(nsfwjsModel(name)));
  const flat = model.layers.find((layer) => layer.getClassName() === 'Flatten')!;
  const both = modelOf({inputs: model.inputs, outputs: [flat.output as SymbolicTensor, ...model.outputs]});
  const result = predicted(side, (x) => both.predict(x) as tf.Tensor[]);
  model.dispose();
  return result;
}

async function predictGraph(name: string, side: number): Promise<Predicted> {
  const artifacts = nsfwjsModel(name);
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const {node} = artifacts.modelTopology as {node: {name: string; op: string}[]};
  const pooled = node.find(({op}) => op === 'AvgPool')!.name;
  const result = predicted(side, (x) => model.execute(x, [pooled, model.outputNodes[0]!]) as tf.Tensor[]);
  model.dispose();
  return result;
}

const MODELS = [
  {name: 'mobilenet_v2', side: 224, features: 1280, predict: predictLayers},
  {name: 'mobilenet_v2_mid', side: 224, features: 1792, predict: predictGraph},
  {name: 'inception_v3', side: 299, features: 2048, predict: predictLayers},
];

describe("nsfwjs's models", function() {
  this.timeout(300000);
  before(function() { requireNsfwjs(this); });

  describe('on cuda', () => {
    onCuda();
    strictly();

    for (const {name, side, features, predict} of MODELS) {
      it(`${name} predicts as on cpu`, async () => {
        await tf.setBackend('cpu');
        const expected = await predict(name, side);
        await tf.setBackend('cuda');
        const received = await predict(name, side);
        assert.deepEqual([expected.features.length, expected.output.length], [features, 5]);
        const sum = expected.output.reduce((a, b) => a + b);
        assert.ok(Math.abs(sum - 1) < 1e-5, `outputs are probabilities: ${expected.output}`);
        const largest = Math.max(...expected.features);
        const differences = (a: Float32Array, b: Float32Array) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
        const ofFeatures = differences(received.features, expected.features) / largest;
        const ofOutput = differences(received.output, expected.output);
        assert.ok(ofFeatures <= MOST_DIFFERENCE && ofOutput <= MOST_DIFFERENCE, `features ${ofFeatures}, output ${ofOutput}`);
      });
    }
  });
});
