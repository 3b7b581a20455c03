// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Small problems in all variants of the ops, run through tfjs on the active backend and compared with the
// definition.
import * as tf from '@tensorflow/tfjs-core';
import assert from 'node:assert/strict';
import * as rbn from 'tfjs-rbn';

import {forward, gradients, Problem, randomFloats, relativeError} from './definition';

export interface Scenario {
  shape: number[];
  axis: number;
  training: boolean;
  activation: 'linear' | 'relu';
  residual: boolean;
  affine: boolean; // with gamma and beta
}

export const SCENARIOS: Scenario[] = [];
const SHAPES: [number[], number][] = [
  [[5, 3], -1], [[4, 6, 2], -1], [[2, 3, 5], 1], [[2, 3, 2, 3], -1], [[3, 2, 3, 2], 1], [[2, 3, 2, 4], 2],
  [[2, 2, 2, 2, 3], 4], [[2, 3, 2, 2, 1], 3], [[1, 4, 3, 2], -1], [[4, 1, 1, 3], -1],
];
for (const [shape, axis] of SHAPES) {
  for (const training of [true, false]) {
    SCENARIOS.push({shape, axis, training, activation: 'linear', residual: false, affine: true});
    SCENARIOS.push({shape, axis, training, activation: 'relu', residual: false, affine: true});
    SCENARIOS.push({shape, axis, training, activation: 'relu', residual: true, affine: true});
    SCENARIOS.push({shape, axis, training, activation: 'linear', residual: true, affine: false});
  }
}

export function nameOf({shape, axis, training, activation, residual, affine}: Scenario): string {
  return `[${shape}] axis ${axis} ${training ? 'training' : 'frozen'} ${residual ? 'residual + ' : ''}${activation}` +
      (affine ? '' : ' without gamma and beta');
}

/** Runs a scenario forward, and backward through tf.grads; throws where it is not the definition's. */
export function checkScenario(scenario: Scenario, tolerance: number): void {
  const {shape, training, activation} = scenario;
  const axis = scenario.axis < 0 ? scenario.axis + shape.length : scenario.axis;
  const toLast = shape.map((_, i) => i).filter((i) => i !== axis).concat(axis);
  const fromLast = toLast.map((_, i) => toLast.indexOf(i));
  const channels = shape[axis];
  const positions = shape.reduce((a, b) => a * b, 1) / shape[0] / channels;
  const random = randomFloats(1 + shape.length * 100 + axis * 10 + (training ? 1 : 0) + (scenario.residual ? 2 : 0));
  const size = shape[0] * positions * channels;
  const problem: Problem = {
    instances: shape[0], positions, channels,
    x: random(size, -1, 3),
    residual: scenario.residual ? random(size, -1, 1) : null,
    gamma: scenario.affine ? random(channels, -2, 2) : new Float64Array(channels).fill(1),
    beta: scenario.affine ? random(channels, -1, 1) : new Float64Array(channels),
    centerWeight: random(channels, -1, 1),
    scaleWeight: random(channels, -2, 2),
    scaleBias: random(channels, -1, 1),
    given: training ? null : {mean: random(channels, 0, 2), variance: random(channels, 0.5, 2)},
    epsilon: 1e-3,
    relu: activation === 'relu',
  };
  const w = random(size, -1, 1);
  const expected = forward(problem);
  const expectedGradients = gradients(problem, w);

  tf.tidy(() => {
    const lastShape = toLast.map((i) => shape[i]);
    const full = (values: Float64Array) =>
        tf.transpose(tf.tensor(Float32Array.from(values), lastShape), fromLast);
    const vector = (values: Float64Array) => tf.tensor1d(Float32Array.from(values));
    const values = (t: tf.Tensor) => t.shape.length === 1 ? t.dataSync() : tf.transpose(t, toLast).dataSync();
    const inputs: {[name: string]: tf.Tensor} = {
      x: full(problem.x), centerWeight: vector(problem.centerWeight), scaleWeight: vector(problem.scaleWeight),
      scaleBias: vector(problem.scaleBias),
    };
    if (problem.residual) inputs.residual = full(problem.residual);
    if (scenario.affine) {
      inputs.gamma = vector(problem.gamma);
      inputs.beta = vector(problem.beta);
    }
    const given = problem.given &&
        {mean: tf.tensor1d(Float32Array.from(problem.given.mean)),
         variance: tf.tensor1d(Float32Array.from(problem.given.variance))};
    const names = Object.keys(inputs);
    const run = (...tensors: tf.Tensor[]) => {
      const {x, residual, ...parameters} = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
      const params = parameters as unknown as rbn.RbnParams;
      const options = {epsilon: problem.epsilon, axis: scenario.axis, activation, residual};
      if (!given) return rbn.representativeBatchNormTraining(x, params, options);
      const output = rbn.representativeBatchNorm(x, params, {...given, ...options});
      return {output, mean: null, variance: null};
    };

    const inference = run(...Object.values(inputs)); // nobody takes gradients: no state
    assert.deepEqual(inference.output.shape, shape);
    const close = (name: string, actual: ArrayLike<number>, wanted: ArrayLike<number>) => {
      const error = relativeError(actual, wanted);
      assert.ok(error <= tolerance, `${name}: relative error ${error}, at most ${tolerance}`);
    };
    close('y', values(inference.output), expected.y);
    if (inference.mean) {
      assert.deepEqual([inference.mean.shape, inference.variance.shape], [[channels], [channels]]);
      close('mean', inference.mean.dataSync(), expected.mean);
      close('variance', inference.variance.dataSync(), expected.variance);
    }

    const weights = full(w);
    const {value, grads} = tf.valueAndGrads((...tensors: tf.Tensor[]) => run(...tensors).output)(
        Object.values(inputs), weights);
    close('y under a tape', values(value), expected.y);
    names.forEach((name, i) => {
      assert.deepEqual(grads[i].shape, inputs[name].shape);
      close(`gradient of ${name}`, values(grads[i]), expectedGradients[name]);
    });
  });
}
