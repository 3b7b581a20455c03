// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tf.layers.batchNormalization in training on the backend `cuda`, which is one kernel each way: against the
// definition in float64, and against the layer's own way on `cpu`.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {RbnError} from 'tfjs-rbn';

import {input} from '../support/against_cpu';
import {backend, onCuda, withPlainProducts} from '../support/cuda';
import {assertInvalid} from '../support/exact';

const EPSILON = 0.01, MOMENTUM = 0.9;

interface Given {
  shape: number[];
  axis: number;
  x: number[];
  dy: number[];
  gamma: number[];
  beta: number[];
}

/** Values of mean/std = `ratio`, as float32. */
function given(shape: number[], axis: number, ratio = 0.25): Given {
  const C = shape[axis]!, values = (shape: number[], seed: number) => Array.from(input(shape, 'float32', seed).values);
  return {
    shape, axis, x: values(shape, 1).map(v => Math.fround(v + 4 * ratio)), dy: values(shape, 2),
    gamma: values([C], 3), beta: values([C], 4),
  };
}

type Result = Record<'y' | 'dx' | 'dgamma' | 'dbeta' | 'movingMean' | 'movingVariance', number[]>;

/** The definition. */
function reference({shape, axis, x, dy, gamma, beta}: Given): Result {
  const C = shape[axis]!, inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1), M = x.length / C;
  const channel = (i: number) => Math.floor(i / inner) % C;
  const sums = (f: (i: number) => number) => {
    const sum = new Array<number>(C).fill(0);
    x.forEach((_, i) => sum[channel(i)]! += f(i));
    return sum;
  };
  const mean = sums(i => x[i]!).map(v => v / M);
  const variance = sums(i => (x[i]! - mean[channel(i)]!) ** 2).map(v => v / M);
  const r = variance.map(v => 1 / Math.sqrt(v + EPSILON));
  const x_s = x.map((v, i) => (v - mean[channel(i)]!) * r[channel(i)]!);
  const dbeta = sums(i => dy[i]!), dgamma = sums(i => dy[i]! * x_s[i]!);
  return {
    y: x_s.map((v, i) => gamma[channel(i)]! * v + beta[channel(i)]!),
    dx: dy.map((g, i) => {
      const c = channel(i);
      return gamma[c]! * r[c]! * (g - dbeta[c]! / M - x_s[i]! * dgamma[c]! / M);
    }),
    dgamma, dbeta,
    movingMean: mean.map(v => (1 - MOMENTUM) * v), movingVariance: variance.map(v => MOMENTUM + (1 - MOMENTUM) * v),
  };
}

const layerFor = ({shape, axis, gamma, beta}: Given, config = {}) => {
  const layer = tfl.layers.batchNormalization({axis, epsilon: EPSILON, momentum: MOMENTUM, ...config});
  layer.apply(tfl.input({batchShape: shape}));
  const [, , mean, variance] = layer.getWeights();
  const values = [gamma, beta].map(v => tf.tensor1d(v));
  layer.setWeights([...values, mean!, variance!]);
  tf.dispose(values);
  return layer;
};

/** A step of the layer, and the kernels that it took. */
async function step(g: Given, config = {}): Promise<{result: Result; kernels: string[]}> {
  const layer = layerFor(g, config), result = {} as Result;
  const {kernelNames: kernels} = await tf.profile(() => tf.tidy(() => {
    const x = tf.tensor(g.x, g.shape), dy = tf.tensor(g.dy, g.shape);
    const [gamma, beta] = (layer as unknown as {trainableWeights: tfl.LayerVariable[]}).trainableWeights;
    const variables = [gamma, beta].map(weight => weight!.read() as tf.Variable), input = tf.variable(x);
    const f = () => {
      const y = layer.apply(input, {training: true}) as tf.Tensor;
      result.y = Array.from(y.dataSync());
      return tf.sum(tf.mul(y, dy)) as tf.Scalar;
    };
    const {grads} = tf.variableGrads(f, [input, ...variables]);
    [result.dx, result.dgamma, result.dbeta] =
        [input, ...variables].map(({name}) => Array.from(grads[name]!.dataSync())) as [number[], number[], number[]];
    input.dispose();
  }));
  const [, , mean, variance] = layer.getWeights();
  result.movingMean = Array.from(mean!.dataSync());
  result.movingVariance = Array.from(variance!.dataSync());
  layer.dispose();
  return {result, kernels};
}

/** Distance in the norm of the expected values. */
function distance(actual: number[], expected: number[]): number {
  assert.equal(actual.length, expected.length);
  return Math.sqrt(actual.reduce((sum, v, i) => sum + (v - expected[i]!) ** 2, 0)) / Math.hypot(...expected);
}

function assertClose(actual: Result, expected: Result, limit: number): void {
  for (const name of Object.keys(expected) as (keyof Result)[]) {
    const off = distance(actual[name], expected[name]);
    assert.ok(off <= limit, `${name} is off by ${off}`);
  }
}

describe('cuda: tf.layers.batchNormalization in training', function() {
  this.timeout(60000);
  onCuda();

  const FORMS: [number[], number][] = [
    [[5, 3], 1], [[64, 33], 1], [[3, 6], 1], [[4, 7, 3], 2], [[3, 4, 5, 6], 3], [[2, 9, 8, 33], 3], [[1, 8, 8, 4], 3],
    [[70, 2, 1, 8], 3], [[3, 5, 4], 1], [[3, 5, 4, 7], 1],
  ];
  for (const [shape, axis] of FORMS) {
    it(`[${shape}], channels on axis ${axis}`, async () => {
      const g = given(shape, axis), {result, kernels} = await step(g);
      assertClose(result, reference(g), 2 ** -20);
      assert.ok(kernels.includes('BatchNormTraining') && kernels.includes('BatchNormTrainingGrad'));
      assert.deepEqual(kernels.filter(name => /Mean|FusedBatchNorm|Square|Fill/.test(name)), []);
      assert.deepEqual((await step(g)).result, result, 'a second run');
    });
  }

  it('loses nothing where the mean is 10,000 standard deviations', async () => {
    // x itself is rounded to 2⁻²⁴ of its mean; y is a function of what is left of it.
    for (const [shape, axis] of [[[40, 3], 1], [[3, 4, 5, 6], 3], [[3, 5, 4, 7], 1]] as [number[], number][]) {
      const g = given(shape, axis, 1e4);
      assertClose((await step(g)).result, reference(g), 2 ** -19);
    }
  });

  it('is what tfjs-layers computes on other backends', async () => {
    for (const [shape, axis] of FORMS.filter(([shape, axis]) => axis === shape.length - 1)) {
      const g = given(shape, axis), {result} = await step(g);
      await tf.setBackend('cpu');
      const {result: expected, kernels} = await step(g);
      await tf.setBackend('cuda');
      assertClose(result, expected, 2 ** -18);
      assert.ok(kernels.includes('FusedBatchNorm') && !kernels.includes('BatchNormTraining'));
    }
  });

  it('takes axes from the end and lists of one, as models of Keras have them', async () => {
    for (const [axis, config] of [[2, {axis: -1}], [1, {axis: -2}], [2, {axis: [2]}]] as [number, object][]) {
      const g = given([4, 3, 5], axis), {result, kernels} = await step(g, config);
      assertClose(result, reference(g), 2 ** -20);
      assert.ok(kernels.includes('BatchNormTraining'));
    }
  });

  it('NaN and Infinity stay in their channel', () => tf.tidy(() => {
    const layer = tfl.layers.batchNormalization({}), values = Array.from({length: 24}, (_, i) => i);
    values[1] = NaN;
    values[6] = Infinity;
    const y = layer.apply(tf.tensor(values, [2, 3, 4]), {training: true}) as tf.Tensor;
    y.dataSync().forEach((v, i) => assert.equal(Number.isNaN(v), i % 4 === 1 || i % 4 === 2, `${i}: ${v}`));
    layer.dispose();
  }));

  const kernelsOf = async (f: () => tf.Tensor): Promise<string[]> => {
    const {kernelNames, result} = await tf.profile(() => tf.tidy(f));
    tf.dispose(result as tf.Tensor);
    return kernelNames;
  };

  it('keeps no state where nobody differentiates', async () => {
    const g = given([3, 4, 5], 2), layer = layerFor(g), x = tf.tensor(g.x, g.shape);
    const profile = await tf.profile(() => layer.apply(x, {training: true}) as tf.Tensor);
    const [kernel] = profile.kernels.filter(({name}) => name === 'BatchNormTraining');
    assert.deepEqual(kernel!.outputShapes, [[3, 4, 5], [5], [5], [5], [5]]);
    tf.dispose([x, profile.result as tf.Tensor]);
    layer.dispose();
  });

  it('other forms, and inference, go tfjs-layers’ own way', async () => {
    type Dtype = 'float32' | 'int32';
    const run = (shape: number[], config: object, training: boolean, dtype: Dtype = 'float32') => async () => {
      const layer = tfl.layers.batchNormalization(config);
      try {
        return await kernelsOf(() => layer.apply(tf.zeros(shape, dtype), {training}) as tf.Tensor);
      } finally {
        layer.dispose();
      }
    };
    for (const stock of [
      run([2, 3, 4], {}, false), run([1, 4], {}, true), run([2, 3, 4, 5], {axis: 2}, true),
      run([2, 3], {axis: 0}, true), run([2, 3, 4], {}, true, 'int32'),
    ]) {
      const kernels = await stock();
      assert.ok(kernels.includes('FusedBatchNorm') && !kernels.includes('BatchNormTraining'), kernels.join());
    }
    assert.ok((await run([2, 3, 4], {}, true)()).includes('BatchNormTraining'));
    // These tfjs-layers 4.22 can not train.
    await assert.rejects(run([2, 3, 4], {scale: false}, true), /reading 'read'/);
    await assert.rejects(run([2, 3, 4], {center: false}, true), /reading 'read'/);
    await assert.rejects(run([2, 3, 4, 5, 6], {}, true), /not implemented for array of rank 5/);
  });

  it('RBN_STOCK_BATCH_NORM=1 switches it off', async () => {
    const g = given([3, 4, 5], 2);
    process.env.RBN_STOCK_BATCH_NORM = '1';
    try {
      const {kernels, result} = await step(g);
      assert.ok(kernels.includes('FusedBatchNorm') && !kernels.includes('BatchNormTraining'));
      assertClose(result, reference(g), 2 ** -18);
      process.env.RBN_STOCK_BATCH_NORM = 'no';
      const layer = layerFor(g);
      tf.tidy(() => assert.throws(() => layer.apply(tf.zeros(g.shape), {training: true}),
          /RBN_STOCK_BATCH_NORM: expected 0 or 1, received 'no'/));
      layer.dispose();
    } finally {
      delete process.env.RBN_STOCK_BATCH_NORM;
    }
  });

  it('derivatives of derivatives go tfjs-layers’ own way', async () => {
    const g = given([3, 2, 4], 2);
    const run = async (name: string) => {
      await tf.setBackend(name);
      const layer = layerFor(g);
      const d = tf.tidy(() => {
        const cube = (y: tf.Tensor) => tf.mul(y, tf.square(y));
        const f = (x: tf.Tensor) => cube(layer.apply(x, {training: true}) as tf.Tensor);
        const df = (x: tf.Tensor) => tf.mul(tf.grad(f)(x), tf.tensor(g.dy, g.shape));
        return Array.from(tf.grad(df)(tf.tensor(g.x, g.shape)).dataSync());
      });
      layer.dispose();
      return d;
    };
    const expected = await run('cpu'), received = await run('cuda');
    assert.ok(Math.hypot(...expected) > 0.1 && distance(received, expected) < 2 ** -16);
  });

  it('asked for, the derivative in a moving statistic is 0', () => tf.tidy(() => {
    const [x, c, moving] = [tf.tensor([1, 2, 3, 5], [2, 2]), tf.tensor1d([1, 2]), tf.tensor1d([1, 2])];
    const attrs = {axis: 1, epsilon: 0.1, momentum: 0.5, keepState: true};
    const f = (movingMean: tf.Tensor) => tf.sum(tf.engine().runKernel<tf.Tensor[]>('BatchNormTraining',
        {x, gamma: c, beta: c, movingMean, movingVariance: c}, attrs)[0]!);
    assert.deepEqual(Array.from(tf.grad(f)(moving).dataSync()), [0, 0]);
  }));

  const network = () => tfl.sequential({layers: [
    tfl.layers.conv2d({filters: 4, kernelSize: 3, useBias: false, inputShape: [5, 5, 2],
      kernelInitializer: tfl.initializers.glorotUniform({seed: 1})}),
    tfl.layers.batchNormalization({momentum: 0.5}), tfl.layers.activation({activation: 'relu'}), tfl.layers.flatten(),
    // A bias would have a gradient of rounding errors alone.
    tfl.layers.dense({units: 3, useBias: false, kernelInitializer: tfl.initializers.glorotUniform({seed: 2})}),
    tfl.layers.batchNormalization({momentum: 0.5}),
  ]});

  it('model.fit, save, load and predict', async () => {
    const x = input([20, 5, 5, 2], 'float32'), y = input([20, 3], 'float32', 2);
    const runs: {losses: number[]; weights: number[][]; predicted: number[]}[] = [];
    for (const where of ['cpu', 'cuda']) {
      await tf.setBackend(where);
      const model = network();
      model.compile({optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError'});
      const [xs, ys] = [x, y].map(({values, shape}) => tf.tensor(Array.from(values), shape)) as [tf.Tensor, tf.Tensor];
      const {history} = await model.fit(xs, ys, {epochs: 5, batchSize: 8, shuffle: false, verbose: 0});
      let saved: tf.io.ModelArtifacts | undefined;
      await model.save(tf.io.withSaveHandler(async artifacts => {
        saved = artifacts;
        return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: 'JSON'}};
      }));
      const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
      const [own, again] = [model, loaded].map(m => tf.tidy(() => Array.from((m.predict(xs) as tf.Tensor).dataSync())));
      assert.deepEqual(again, own);
      runs.push({losses: history.loss as number[], predicted: own!,
        weights: model.getWeights().map(w => Array.from(w.dataSync()))});
      model.optimizer.dispose();
      tf.dispose([xs, ys]);
      model.dispose();
      loaded.dispose();
    }
    const [expected, received] = runs as [typeof runs[0], typeof runs[0]];
    assert.ok(expected!.losses[4]! < expected!.losses[0]!);
    // Fifteen steps amplify what other orders of sums make different.
    assert.ok(distance(received!.losses, expected!.losses) < 1e-5);
    assert.ok(distance(received!.predicted, expected!.predicted) < 1e-4);
    expected!.weights.forEach((w, i) => assert.ok(distance(received!.weights[i]!, w) < 1e-4, `weight ${i}`));
  });

  it('survives a lack of memory at every allocation of a step', () => withPlainProducts(() => {
    const {context} = backend(), model = network(), optimizer = tf.train.sgd(0.1), x = tf.ones([4, 5, 5, 2]);
    const run = () => tf.tidy(() => optimizer.minimize(
        () => tf.mean(tf.square(model.apply(x, {training: true}) as tf.Tensor)) as tf.Scalar, true)!.dataSync()[0]!);
    run();
    const used = context.memory().used, tensors = tf.memory().numTensors, ids = backend().numDataIds();
    let k = 1;
    for (let failed = true; failed; k++) {
      context.failAllocation(k);
      failed = false;
      try {
        run();
      } catch (e) {
        failed = true;
        assert.ok(e instanceof RbnError && e.code === 'OUT_OF_MEMORY', `allocation ${k}: ${(e as Error).stack}`);
      }
      context.failAllocation(0);
      assert.deepEqual([context.memory().used, tf.memory().numTensors, backend().numDataIds()], [used, tensors, ids],
          `left behind by a failure at allocation ${k}`);
      assert.ok(Number.isFinite(run()));
    }
    assert.ok(k > 30, `a step makes ${k - 1} allocations`);
    tf.dispose(x);
    optimizer.dispose();
    model.dispose();
  }));

  it('the engine takes no part of a calibration', () => tf.tidy(() => {
    const x = tf.ones([4, 2]), c = [0, 1, 2].map(() => tf.ones([2])), at = (t: tf.Tensor) => backend().address(t);
    const {context} = backend(), state = tf.ones([16]), sizes = [0, 4, 1, 2, 0, true, 0, 0.1] as const;
    const w = at(c[0]!);
    const all: [[number | null, number | null, number | null], string][] =
        [[[null, w, w], 'centerWeight'], [[w, null, w], 'scaleWeight'], [[w, w, null], 'scaleBias']];
    const none = [null, null, null] as const;
    for (const [parts, missing] of all) {
      const y = at(x), text = (name: string) => new RegExp(`${name}: expected a device pointer, received null`);
      assertInvalid(() => context.forward(
          ...sizes, at(x), null, null, null, ...parts, null, null, y, w, w, null, null), text(missing));
      assertInvalid(() => context.backward(
          ...sizes, y, at(x), null, null, ...parts, null, w, at(state), null, y, null, null, null, ...none),
          text(missing));
      assertInvalid(() => context.backward(
          ...sizes, y, at(x), null, null, ...none, null, w, at(state), null, y, null, null, null, ...parts),
          text(`d${missing}`));
    }
  }));
});
