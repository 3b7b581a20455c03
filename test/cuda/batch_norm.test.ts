// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Batch normalization by given statistics on the backend `cuda`: forward against tfjs's `cpu`, all gradients
// against float64.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {againstCpu, Input, input, Inputs, runOn} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {assertInvalid} from '../support/exact';

const positive = (shape: number[], seed: number): Input => {
  const {values} = input(shape, 'float32', seed);
  return {values: Array.from(values, v => 0.1 + Math.abs(v)), shape, dtype: 'float32'};
};

/** The root of the mean square of the difference, relative to that of the expected values. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let difference = 0, size = 0;
  for (let i = 0; i < expected.length; ++i) difference += (actual[i]! - expected[i]!) ** 2, size += expected[i]! ** 2;
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}

/** dx and the gradients of mean, variance, scale and offset, by the definition. */
function gradients(dy: Input, x: Input, mean: Input, variance: Input, scale: Input, epsilon: number): number[][] {
  const C = mean.values.length, dx: number[] = [], sums = Array.from({length: C}, () => ({dy: 0, product: 0}));
  const r = Array.from(variance.values, v => 1 / Math.sqrt(v + epsilon));
  for (let i = 0; i < x.values.length; ++i) {
    const c = i % C, g = dy.values[i]!;
    dx.push(g * r[c]! * scale.values[c]!);
    sums[c]!.dy += g;
    sums[c]!.product += g * (x.values[i]! - mean.values[c]!);
  }
  return [
    dx, sums.map((s, c) => -r[c]! * scale.values[c]! * s.dy), sums.map((s, c) => -0.5 * r[c]! ** 3 * scale.values[c]! * s.product),
    sums.map((s, c) => r[c]! * s.product), sums.map(s => s.dy),
  ];
}

const SHAPES = [[1], [5], [3, 1], [4, 7], [2, 3, 8], [2, 3, 4, 5], [2, 9, 8, 12], [1, 2, 2, 2, 2, 3], [700, 3], [130, 140], [3000, 1], [5, 260]];

describe('cuda: batch normalization', function() {
  this.timeout(60000);
  onCuda();

  for (const shape of [...SHAPES, [0, 3], [2, 0]]) {
    const C = shape.at(-1)!, x = input(shape, 'float32'), mean = input([C], 'float32', 2), variance = positive([C], 3);
    const scale = input([C], 'float32', 4), offset = input([C], 'float32', 5);
    const close = async (inputs: Inputs, attrs: object) => {
      const [expected] = await runOn('cpu', 'FusedBatchNorm', inputs, attrs), [y] = await runOn('cuda', 'FusedBatchNorm', inputs, attrs);
      assert.deepEqual([y!.dtype, y!.shape], [expected!.dtype, expected!.shape]);
      assert.ok(distance(y!.values, expected!.values) < 2 ** -22);
    };

    it(`[${shape}]`, async () => {
      for (const given of [{}, {scale}, {offset}, {scale, offset}] as Inputs[]) {
        await close({x, mean, variance, ...given}, {varianceEpsilon: 0.01});
        await close({x, mean, variance, ...given}, {});
      }
      // As many of each as x has elements.
      const {dtype} = x, full = (seed: number) => ({...input(shape, dtype, seed), shape});
      await close({x, mean: full(6), variance: positive(shape, 7), scale: full(8)}, {varianceEpsilon: 0.001});
    });

    it(`gradients of [${shape}]`, async () => {
      const dy = input(shape, 'float32', 9), inputs = {dy, x, mean, variance, scale};
      const received = await runOn('cuda', 'FusedBatchNormGrad', inputs, {varianceEpsilon: 0.01});
      gradients(dy, x, mean, variance, scale, 0.01).forEach((expected, i) => {
        assert.deepEqual([received[i]!.dtype, received[i]!.shape], ['float32', i === 0 ? shape : [C]]);
        // Sums that cancel lose some digits more.
        const off = distance(received[i]!.values, expected);
        assert.ok(off < 2 ** -20, `gradient ${i}: ${off}`);
      });
      assert.deepEqual(await runOn('cuda', 'FusedBatchNormGrad', inputs, {varianceEpsilon: 0.01}), received, 'a second run');
    });
  }

  it('NaN and Infinity are what they are on cpu', async () => {
    const values = [NaN, Infinity, -Infinity, 0, -0, 1], of = (values: number[]): Input => ({values, shape: [values.length], dtype: 'float32'});
    const zeros = of([0, 0, 0, 0, 0, 0]), ones = of([1, 1, 1, 1, 1, 1]);
    await againstCpu('FusedBatchNorm', {x: of(values), mean: zeros, variance: ones}, {varianceEpsilon: 0});
    await againstCpu('FusedBatchNorm', {x: ones, mean: of(values), variance: ones}, {varianceEpsilon: 0});
    await againstCpu('FusedBatchNorm', {x: ones, mean: zeros, variance: of([1, -1, NaN, Infinity, 4, 1])}, {varianceEpsilon: 0});
  });

  it('the tape takes the gradients of one pass, or tfjs-core’s', async () => {
    const shape = [3, 2, 5, 4], dy = input(shape, 'float32', 9);
    for (const parameters of [[4], shape]) {
      const inputs = [input(shape, 'float32'), input(parameters, 'float32', 2), positive(parameters, 3), input(parameters, 'float32', 4), input(parameters, 'float32', 5)];
      const run = async (name: string, kernels: string[]) => {
        await tf.setBackend(name);
        const profile = await tf.profile(() => tf.tidy(() => {
          const f = (...[x, mean, variance, offset, scale]: tf.Tensor[]) =>
            tf.mul(tf.batchNorm(x!, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D, 0.01), tf.tensor(Array.from(dy.values), shape));
          for (const dx of tf.grads(f)(inputs.map(({values, shape}) => tf.tensor(Array.from(values), shape)))) found.push(Array.from(dx.dataSync()));
        }));
        kernels.push(...profile.kernelNames);
      };
      let found: number[][] = [];
      await run('cpu', []);
      const expected = found, kernels: string[] = [];
      found = [];
      await run('cuda', kernels);
      expected.forEach((dx, i) => assert.ok(distance(found[i]!, dx) < 2 ** -18, `input ${i}`));
      assert.equal(kernels.includes('FusedBatchNormGrad'), parameters.length === 1);
    }
  });

  it('derivatives of derivatives go tfjs-core’s way', async () => {
    const run = async (name: string) => {
      await tf.setBackend(name);
      return tf.tidy(() => {
        const [mean, variance, offset, scale] = [1, 2, 3, 4].map(i => tf.tensor1d([i, i + 0.5]));
        const f = (x: tf.Tensor) => tf.square(tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D));
        return Array.from(tf.grad(tf.grad(f))(tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 3, 1, 2])).dataSync());
      });
    };
    const expected = await run('cpu'), received = await run('cuda');
    assert.ok(distance(received, expected) < 2 ** -20 && expected.some(v => v !== 0));
  });

  it('refuses what does not fit', () => tf.tidy(() => {
    const x = tf.ones([2, 3]), c = tf.ones([3]), d = tf.ones([2]);
    const run = (inputs: tf.Tensor[], shape = [2, 3], attributes = [0.1]) =>
      () => backend().computeAll('FusedBatchNormGrad', inputs, [shape, [3], [3], [3], [3]].map(shape => ({shape, dtype: 'float32'})), attributes);
    assertInvalid(run([c, x, c, c, c]), /expected dy and dx of x's shape/);
    assertInvalid(run([x, x, c, c, c], [3, 2]), /expected dy and dx of x's shape/);
    assertInvalid(run([x, x, c, d, c]), /parameters and their gradients of shape \[3\]/);
    assertInvalid(run([x, x, c, c, tf.ones([1])]), /parameters and their gradients of shape \[3\]/);
    assertInvalid(run([x, x, c, c, tf.cast(c, 'int32')]), /input 4: expected float32, received int32/);
    assert.throws(() => tf.engine().runKernel('FusedBatchNorm', {x, mean: c, variance: x}), /variance: expected the rank of mean, 1, received 2/);
    assertInvalid(() => tf.engine().runKernel('FusedBatchNorm', {x, mean: d, variance: c}), /FusedBatchNorm: /);
  }));
});
