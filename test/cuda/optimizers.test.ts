// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Optimizers on the backend `cuda`, whose steps are one kernel a variable, against tfjs-core's on `cpu`.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import {input} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {assertInvalid} from '../support/exact';
import {end} from '../support/optimizers';

const SHAPES = [[], [1], [3, 5], [300], [0, 2]];
const OPTIMIZERS: {[name: string]: () => tf.Optimizer} = {
  SgdStep: () => tf.train.sgd(0.1),
  MomentumStep: () => tf.train.momentum(0.1, 0.9),
  'MomentumStep, Nesterov': () => tf.train.momentum(0.1, 0.9, true),
  AdamStep: () => tf.train.adam(0.05),
};

interface Result {
  values: number[][];
  state: {name: string; values: number[]}[];
  /** How often each kernel has run. */
  kernels: Map<string, number>;
}

/** Variables and the optimizer's state after steps along given gradients, one of them missing at times. */
async function run(name: string, make: () => tf.Optimizer, asList: boolean): Promise<Result> {
  await tf.setBackend(name);
  const tensor = (shape: number[], seed: number) => tf.tensor(Array.from(input(shape, 'float32', seed).values), shape);
  const optimizer = make();
  const variables = SHAPES.map((shape, i) => tf.tidy(() => tf.variable(tensor(shape, i), true, `v${i}`)));
  try {
    const kernels: Result['kernels'] = new Map();
    for (let k = 0; k < 4; ++k) {
      const gradients = SHAPES.map((shape, i) => ({name: `v${i}`, tensor: tensor(shape, 10 * k + i + 20)}));
      const given = gradients.map((g, i) => k === 1 && i === 2 ? {...g, tensor: null as unknown as tf.Tensor} : g);
      const profile = await tf.profile(() => optimizer.applyGradients(
          asList ? given : Object.fromEntries(given.map(({name, tensor}) => [name, tensor]))));
      for (const {name} of profile.kernels) kernels.set(name, (kernels.get(name) ?? 0) + 1);
      tf.dispose(gradients.map(({tensor}) => tensor));
      if (k === 2) await reload(optimizer);
    }
    const [iterations, ...weights] = await optimizer.getWeights();
    const state = weights.map(({name, tensor}) => ({name, values: Array.from(tensor.dataSync())}));
    iterations!.tensor.dispose();
    return {values: variables.map(v => Array.from(v.dataSync())), state, kernels};
  } finally {
    end(optimizer);
    tf.dispose(variables);
  }
}

/** As a program does that goes on with a saved optimizer: through arrays, and with another learning rate. */
async function reload(optimizer: tf.Optimizer): Promise<void> {
  const weights = (await optimizer.getWeights()).map(({name, tensor}) =>
    ({name, tensor, copy: tf.tensor(Array.from(tensor.dataSync()), tensor.shape, tensor.dtype)}));
  weights[0]!.tensor.dispose();
  tf.dispose(weights.slice(1).map(({tensor}) => tensor));
  await optimizer.setWeights(weights.map(({name, copy}) => ({name, tensor: copy})));
  tf.dispose(weights.map(({copy}) => copy));
  if ('setLearningRate' in optimizer) (optimizer as tf.SGDOptimizer).setLearningRate(0.025);
  else (optimizer as unknown as {learningRate: number}).learningRate = 0.0125;
}

const close = (actual: number[], expected: number[], what: string): void => {
  assert.equal(actual.length, expected.length, what);
  // Four steps of a few roundings, of values up to 16.
  actual.forEach((v, i) =>
    assert.ok(Math.abs(v - expected[i]!) <= 2 ** -18, `${what} [${i}]: ${v} instead of ${expected[i]}`));
};

describe('cuda: optimizers', function() {
  this.timeout(60000);
  onCuda();

  for (const [name, make] of Object.entries(OPTIMIZERS)) {
    for (const asList of [false, true]) {
      it(`${name}, gradients in ${asList ? 'a list' : 'an object'}`, async () => {
        const expected = await run('cpu', make, asList), received = await run('cuda', make, asList);
        expected.values.forEach((values, i) => close(received.values[i]!, values, `variable ${i}`));
        assert.deepEqual(received.state.map(({name}) => name), expected.state.map(({name}) => name));
        expected.state.forEach(({name, values}, i) => close(received.state[i]!.values, values, name));
        const [kernel] = name.split(',') as [string];
        assert.equal(received.kernels.get(kernel), 4 * SHAPES.length - 1);
        assert.equal(expected.kernels.get(kernel), undefined);
      });
    }
  }

  it('old values stay with their other owners', () => tf.tidy(() => {
    const v = tf.variable(tf.fill([6], 1)), old = tf.clone(v), optimizer = tf.train.sgd(0.5);
    optimizer.applyGradients([{name: v.name, tensor: tf.fill([6], 2)}]);
    assert.deepEqual([Array.from(v.dataSync()), Array.from(old.dataSync())], [[0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]);
    v.dispose();
    end(optimizer);
  }));

  it('other shapes go tfjs-core’s way', () => tf.tidy(() => {
    const v = tf.variable(tf.fill([2, 3], 1)), optimizer = tf.train.sgd(0.5);
    optimizer.applyGradients([{name: v.name, tensor: tf.fill([3], 2)}]);
    assert.deepEqual(Array.from(v.dataSync()), [0, 0, 0, 0, 0, 0]);
    v.dispose();
    end(optimizer);
  }));

  const NAMES = ['sgd', 'adam', 'rmsprop', 'adagrad', 'adadelta', 'adamax'];
  for (const [name, make] of [['momentum', OPTIMIZERS.MomentumStep], ...NAMES.map(name => [name, undefined])] as
      [string, (() => tf.Optimizer) | undefined][]) {
    it(`model.fit with ${name}, one layer of it frozen`, async () => {
      const runs: {history: number[]; weights: number[][]}[] = [];
      for (const where of ['cpu', 'cuda']) {
        await tf.setBackend(where);
        const layers = [6, 5, 1].map((units, i) => tfl.layers.dense({
          units, activation: 'tanh', trainable: i !== 1, ...i === 0 && {inputShape: [4]},
          kernelInitializer: tfl.initializers.glorotUniform({seed: i + 1}),
        }));
        const model = tfl.sequential({layers}), optimizer = make?.() ?? name;
        model.compile({optimizer, loss: 'meanSquaredError'});
        const x = tf.tensor(Array.from(input([12, 4], 'float32').values), [12, 4]), y = tf.fill([12, 1], 0.5);
        const {history} = await model.fit(x, y, {epochs: 4, batchSize: 5, shuffle: false, verbose: 0});
        runs.push({history: history.loss as number[], weights: model.getWeights().map(w => Array.from(w.dataSync()))});
        tf.dispose([x, y]);
        end(model.optimizer);
        model.dispose();
      }
      const [expected, received] = runs as [typeof runs[0], typeof runs[0]];
      close(received!.history, expected!.history, 'loss');
      expected!.weights.forEach((values, i) => close(received!.weights[i]!, values, `weight ${i}`));
      assert.ok(expected!.history.at(-1)! < expected!.history[0]!);
    });
  }

  it('operations refuse what does not fit', () => tf.tidy(() => {
    const x = tf.fill([3], 1), float = {shape: [3], dtype: 'float32'} as const;
    const run = (inputs: tf.Tensor[], outputs = [float, float]) =>
      () => backend().computeAll('MomentumStep', inputs, outputs, [1, 1, 0]);
    assertInvalid(run([x, tf.fill([4], 1), x]), /input 1: expected the shape of the gradient/);
    assertInvalid(run([x, x, tf.cast(x, 'int32')]), /input 2: expected float32, received int32/);
    assertInvalid(run([x, x, x], [float]), /expected 2 outputs, received 1/);
  }));
});
