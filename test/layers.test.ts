// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The layer: as tf.layers.batchNormalization in all that both have, and its own parameters trained, saved
// and loaded.
import '@tensorflow/tfjs-backend-cpu';
import * as tfc from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as rbn from 'tfjs-rbn';

import {relativeError} from './support/definition';

type LayerArgs = NonNullable<Parameters<typeof rbn.layers.representativeBatchNormalization>[0]>;
type BatchNormArgs = Parameters<typeof tfl.layers.batchNormalization>[0];

/** With w_m = w_v = 0 the gate is sigmoid(w_b) = 1 in float32: plain batch normalization is left. */
const AS_BATCH_NORMALIZATION: LayerArgs = {scaleBiasInitializer: tfl.initializers.constant({value: 40})};

/** float32 rounding of values near 1. */
const TOLERANCE = 2e-6;

const baseName = (name: string) => name.slice(name.lastIndexOf('/') + 1).replace(/_\d+$/, '');

function close(actual: tfc.Tensor, expected: tfc.Tensor, tolerance = TOLERANCE): void {
  assert.deepEqual(actual.shape, expected.shape);
  const error = relativeError(actual.dataSync(), expected.dataSync());
  assert.ok(error <= tolerance, `relative error ${error}, at most ${tolerance}`);
}

describe('layer', () => {
  before(() => tfc.setBackend('cpu'));

  describe('computes what tf.layers.batchNormalization does where w_m = w_v = 0 and the gate is 1', () => {
    const shapes: [number[], number][] = [
      [[6, 3], -1], [[4, 5, 3], -1], [[4, 5, 3], 1], [[3, 4, 2, 5], -1], [[3, 4, 2, 5], 1], [[3, 4, 2, 5], 2],
    ];
    for (const [shape, axis] of shapes) {
      for (const training of [true, false]) {
        it(`[${shape}] axis ${axis} ${training ? 'training' : 'inference'}`, () => tfc.tidy(() => {
          const shared: BatchNormArgs = {
            axis, momentum: 0.9, epsilon: 1e-2,
            gammaInitializer: tfl.initializers.randomUniform({minval: -1, maxval: 1, seed: 3}),
            betaInitializer: tfl.initializers.randomUniform({minval: -1, maxval: 1, seed: 4}),
            movingMeanInitializer: tfl.initializers.randomUniform({minval: -1, maxval: 1, seed: 5}),
            movingVarianceInitializer: tfl.initializers.randomUniform({minval: 1, maxval: 2, seed: 6}),
          };
          // On its cpu backend tfjs normalises along the last axis whatever the axis is: channels go there.
          const theirs = tfl.layers.batchNormalization({...shared, axis: -1});
          const ours = rbn.layers.representativeBatchNormalization({...shared, ...AS_BATCH_NORMALIZATION});
          const x = tfc.randomNormal(shape, 1, 2, 'float32', 7);
          const toLast = shape.map((_, i) => i);
          toLast.push(...toLast.splice(axis, 1));
          for (let step = 0; step < 3; step++) {
            const y = ours.apply(x, {training}) as tfc.Tensor;
            close(tfc.transpose(y, toLast), theirs.apply(tfc.transpose(x, toLast), {training}) as tfc.Tensor);
          }
          const [gamma, beta, , , , movingMean, movingVariance] = ours.getWeights();
          [gamma, beta, movingMean, movingVariance].forEach((weight, i) => close(weight, theirs.getWeights()[i]));
        }));
      }
    }
  });

  it('has its weights in the order of the contract, by name', () => {
    const layer = rbn.layers.representativeBatchNormalization({});
    layer.apply(tfl.input({shape: [4]}));
    assert.deepEqual(layer.weights.map((weight) => baseName(weight.originalName)), [
      'gamma', 'beta', 'center_weight', 'scale_weight', 'scale_bias', 'moving_mean', 'moving_variance',
    ]);
    assert.deepEqual(layer.trainableWeights.length, 5);
    const initial = layer.getWeights().map((weight) => [...weight.dataSync()]);
    assert.deepEqual(initial, [1, 0, 0, 0, 1, 0, 1].map((value) => [value, value, value, value]));
    layer.dispose();
  });

  it('gives the layers of the user the names that they have without it', () => {
    const nameAfter = () => Number(/\d+$/.exec(tfl.layers.batchNormalization().name)![0]);
    const before = nameAfter();
    rbn.layers.representativeBatchNormalization();
    assert.equal(nameAfter(), before + 1);
  });

  it('keeps the moving statistics moving when it is not trainable', () => tfc.tidy(() => {
    const layer = rbn.layers.representativeBatchNormalization({trainable: false, momentum: 0.5});
    const x = tfc.tensor2d([[1], [3]]);
    layer.apply(x, {training: true});
    assert.equal(layer.trainableWeights.length, 0);
    const [mean, variance] = layer.getWeights().slice(-2).map((weight) => weight.dataSync()[0]);
    assert.deepEqual([mean, variance], [1, 1]); // halfway from 0 and 1 to 2 and to the biased 1
  }));

  describe('refuses, when it is made', () => {
    const wrong: [args: object, name: string, message: RegExp][] = [
      [{activation: 'gelu'}, 'TypeError', /^activation: .*received 'gelu'/],
      [{epsilon: 0}, 'RangeError', /^epsilon: .*received 0/],
      [{momentum: -0.1}, 'RangeError', /^momentum: expected a number from 0 to 1, received -0.1/],
      [{momentum: 1.1}, 'RangeError', /^momentum: .*received 1.1/],
      [{momentum: NaN}, 'RangeError', /^momentum: .*received NaN/],
      [{momentum: '0.9'}, 'TypeError', /^momentum: expected a number, received string/],
      [{axis: 1.5}, 'RangeError', /^axis: expected a whole number, received 1.5/],
      [{axis: '1'}, 'TypeError', /^axis: expected a number, received string/],
      [{axis: [1, 2]}, 'TypeError', /^axis: expected a number, received Array/],
      [{axis: ['1']}, 'TypeError', /^axis: expected a number, received string/],
    ];
    for (const [args, name, message] of wrong) {
      it(JSON.stringify(args), () => {
        assert.throws(() => rbn.layers.representativeBatchNormalization(args as LayerArgs), {name, message});
      });
    }
  });

  it('takes a momentum of 0 and of 1', () => tfc.tidy(() => {
    for (const [momentum, moving] of [[0, 2], [1, 0]]) {
      const layer = rbn.layers.representativeBatchNormalization({momentum});
      layer.apply(tfc.tensor2d([[1], [3]]), {training: true});
      assert.equal(layer.getWeights().at(-2)!.dataSync()[0], moving);
    }
  }));

  it('takes an axis as a list of one, as models that come from Keras have it', () => tfc.tidy(() => {
    const layer = rbn.layers.representativeBatchNormalization({axis: [1]} as unknown as LayerArgs);
    layer.apply(tfc.ones([2, 3, 4]));
    assert.deepEqual(layer.getWeights()[0].shape, [3]);
    assert.equal(layer.getConfig().axis, 1);
  }));

  it('names the axis that the input has not, and the one that has no dimension', () => {
    const build = (axis: number) => () =>
        rbn.layers.representativeBatchNormalization({axis}).build([null, null, 3]);
    assert.throws(build(1), {name: 'RangeError', message: /^axis: expected .*defined dimension, received 1/});
    for (const axis of [0, 3, -3, -4]) {
      assert.throws(build(axis), {name: 'RangeError', message: new RegExp(`^axis: .*from 1 to 2 .*received ${axis}`)});
    }
  });

  it('casts int32 and bool input, as fit and predict do at an input of float32', async () => {
    for (const dtype of ['int32', 'bool'] as const) {
      const x = tfc.tensor2d([[1, 0], [1, 1], [0, 1]], [3, 2], dtype), float = tfc.cast(x, 'float32');
      for (const training of [true, false]) {
        const [given, expected] = [x, float].map((input) =>
          rbn.layers.representativeBatchNormalization().apply(input, {training}) as tfc.Tensor);
        assert.equal(given.dtype, 'float32');
        assert.deepEqual(given.dataSync(), expected.dataSync());
      }
      for (const inputDtype of ['float32', 'int32'] as const) {
        const model = () => tfl.sequential({layers: [
          tfl.layers.inputLayer({inputShape: [2], dtype: inputDtype}), rbn.layers.representativeBatchNormalization(),
        ]});
        const fitted = await Promise.all([x, float].map(async (input) => {
          const m = model();
          m.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
          await m.fit(input, tfc.zeros([3, 2]), {epochs: 2, verbose: 0, shuffle: false});
          return [...m.getWeights(), m.predict(input) as tfc.Tensor].map((tensor) => [...tensor.dataSync()]);
        }));
        assert.deepEqual(fitted[0], fitted[1]);
      }
    }
  });

  it('says what a batch of one value a channel lacks, in training only', () => tfc.tidy(() => {
    const layer = rbn.layers.representativeBatchNormalization();
    layer.apply(tfc.ones([1, 3]));
    assert.throws(() => layer.apply(tfc.ones([1, 3]), {training: true}),
        {name: 'RangeError', message: /^x: expected at least 2 values per channel/});
  }));

  describe('in a model', () => {
    const makeModel = (args: LayerArgs, inputShape = [4, 4, 2]) => {
      const model = tfl.sequential();
      model.add(rbn.layers.representativeBatchNormalization({inputShape, ...args}));
      if (inputShape.length > 1) model.add(tfl.layers.flatten());
      model.add(tfl.layers.dense({units: 1, kernelInitializer: 'ones'}));
      model.compile({optimizer: tfc.train.sgd(0.01), loss: 'meanSquaredError'});
      return model;
    };
    const data = (inputShape = [4, 4, 2]) => ({
      x: tfc.randomNormal([8, ...inputShape], 1, 2, 'float32', 11), y: tfc.randomNormal([8, 1], 0, 1, 'float32', 12),
    });

    for (const [center, scale] of [[true, true], [false, true], [true, false], [false, false]]) {
      it(`fits with center ${center} and scale ${scale}, moving every weight`, async () => {
        const model = makeModel({center, scale, activation: 'relu', scaleWeightInitializer: 'ones'});
        const {x, y} = data();
        const layer = model.layers[0];
        const before = layer.getWeights().map((weight) => weight.clone());
        const history = await model.fit(x, y, {epochs: 5, batchSize: 4, verbose: 0});
        const losses = history.history.loss as number[];
        assert.ok(losses[4] < losses[0], `loss ${losses}`);
        layer.getWeights().forEach((weight, i) => {
          const moved = tfc.max(tfc.abs(tfc.sub(before[i], weight))).dataSync()[0];
          assert.ok(moved > 0, `${layer.weights[i].originalName} did not move`);
        });
        assert.equal(layer.getWeights().length, 5 + Number(center) + Number(scale));
        (model.evaluate(x, y) as tfc.Scalar).dataSync();
        (model.predict(x) as tfc.Tensor).dataSync();
      });
    }

    for (const axis of [1, 2, -1]) {
      it(`fits on axis ${axis} and on rank 2`, async () => {
        const {x, y} = data();
        await makeModel({axis}).fit(x, y, {epochs: 1, verbose: 0});
        const flat = data([6]);
        await makeModel({}, [6]).fit(flat.x, flat.y, {epochs: 1, verbose: 0});
      });
    }

    it('leaks no tensor in fit, evaluate and predict', async () => {
      const model = makeModel({});
      const {x, y} = data();
      const round = async () => {
        await model.fit(x, y, {epochs: 2, batchSize: 4, verbose: 0});
        tfc.dispose(model.evaluate(x, y) as tfc.Scalar);
        tfc.dispose(model.predict(x) as tfc.Tensor);
      };
      await round(); // the optimizer and the model make what they keep
      const before = tfc.memory().numTensors;
      await round();
      assert.equal(tfc.memory().numTensors, before);
    });

    it('is saved and loaded again, with its optimizer and its statistics', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbn-layer-'));
      try {
        const model = makeModel({
          activation: 'relu', momentum: 0.9, gammaRegularizer: 'l1l2',
          centerWeightConstraint: tfl.constraints.maxNorm({maxValue: 3}),
          scaleWeightRegularizer: tfl.regularizers.l2({l2: 0.125}), name: 'norm',
        });
        const {x, y} = data();
        await model.fit(x, y, {epochs: 1, verbose: 0});
        await model.save(rbn.io.fileSystem(folder), {includeOptimizer: true});
        const loaded = await tfl.loadLayersModel(rbn.io.fileSystem(folder));
        assert.ok(loaded.layers[0] instanceof rbn.layers.RepresentativeBatchNormalization);
        assert.deepEqual(loaded.layers[0].getConfig(), model.layers[0].getConfig());
        assert.deepEqual(
            (loaded.predict(x) as tfc.Tensor).dataSync(), (model.predict(x) as tfc.Tensor).dataSync());
        const names = loaded.layers[0].weights.map((weight) => weight.originalName);
        assert.deepEqual(names, model.layers[0].weights.map((weight) => weight.originalName));
        assert.ok(loaded.optimizer != null);
      } finally {
        fs.rmSync(folder, {recursive: true});
      }
    });

    it('is made again from its configuration', () => {
      const layer = rbn.layers.representativeBatchNormalization({
        axis: 1, momentum: 0.5, epsilon: 0.25, center: false, activation: 'relu', name: 'again',
        scaleBiasInitializer: 'glorotNormal', scaleBiasConstraint: 'nonNeg', centerWeightRegularizer: 'l1l2',
        movingVarianceInitializer: tfl.initializers.constant({value: 2}),
      });
      const config = layer.getConfig();
      assert.deepEqual(Object.keys(tfl.layers.batchNormalization().getConfig()).filter((key) => !(key in config)), []);
      assert.equal(config.name, 'again');
      const again = new rbn.layers.RepresentativeBatchNormalization(JSON.parse(JSON.stringify(config)));
      assert.deepEqual(again.getConfig(), config);
      assert.equal(layer.getClassName(), 'RepresentativeBatchNormalization');
    });

    it('applies regularisers of its own weights to the loss', async () => {
      const model = makeModel({scaleBiasRegularizer: tfl.regularizers.l2({l2: 1}), center: false});
      const plain = makeModel({center: false});
      plain.setWeights(model.getWeights());
      const {x, y} = data();
      const loss = async (m: tfl.Sequential) =>
          (await m.fit(x, y, {epochs: 1, batchSize: 8, verbose: 0})).history.loss[0] as number;
      const difference = await loss(model) - await loss(plain);
      assert.ok(Math.abs(difference - 2) < 1e-4, `2 channels of scale bias 1 cost 2, not ${difference}`);
    });

    it('trains in a model of several inputs and branches', async () => {
      const input = tfl.input({shape: [4, 4, 2]});
      const norm = rbn.layers.representativeBatchNormalization({activation: 'relu'});
      const conv = tfl.layers.conv2d({filters: 2, kernelSize: 3, padding: 'same'});
      const branch = norm.apply(conv.apply(input)) as tfl.SymbolicTensor;
      const sum = tfl.layers.add().apply([branch, input]) as tfl.SymbolicTensor;
      const pooled = tfl.layers.globalAveragePooling2d({}).apply(sum) as tfl.SymbolicTensor;
      const model = tfl.model({inputs: input, outputs: pooled});
      model.compile({optimizer: 'adam', loss: 'meanSquaredError'});
      const {x} = data();
      const history = await model.fit(x, tfc.zeros([8, 2]), {epochs: 3, verbose: 0});
      const losses = history.history.loss as number[];
      assert.ok(losses[2] < losses[0]);
    });
  });
});
