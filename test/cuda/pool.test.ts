// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Pooling and its gradients on the backend `cuda`, against tfjs's `cpu`.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {againstCpu, Input, input, runOn} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {assertInvalid} from '../support/exact';

type Pad = 'valid' | 'same' | number | number[][];
type Rounding = 'floor' | 'ceil' | 'round';
type Row = [shape: number[], filterSize: number | [number, number], strides: number | [number, number], pad: Pad, dimRoundingMode?: Rounding];

/** Explicit padding above, below, left and right. */
const explicit = (top: number, bottom: number, left: number, right: number): number[][] => [[0, 0], [top, bottom], [left, right], [0, 0]];

const ROWS: readonly Row[] = [
  [[1, 1, 1, 1], 1, 1, 'valid'], [[2, 4, 4, 3], 1, 1, 'same'], [[2, 5, 6, 3], 1, 2, 'valid'],          // without a window
  [[2, 4, 4, 4], 2, 2, 'valid'], [[2, 5, 7, 3], 2, 2, 'valid'], [[2, 5, 7, 4], 2, 2, 'same'],
  [[1, 9, 8, 8], 3, 2, 'same'], [[2, 7, 6, 5], 3, 1, 'same'], [[2, 7, 6, 1], 3, 1, 'valid'],            // windows overlap
  [[1, 7, 9, 2], [3, 2], [1, 3], 'same'], [[1, 9, 7, 4], [2, 4], [3, 1], 'valid'],                      // and leave gaps
  [[2, 7, 7, 6], 7, 7, 'valid'], [[1, 3, 2, 4], 5, 1, 'same'],                                          // as large as the image, larger
  [[1, 6, 6, 4], 3, 2, 1], [[1, 6, 5, 3], 3, 2, 0, 'floor'], [[1, 6, 5, 3], 3, 2, 0, 'ceil'], [[1, 6, 5, 3], 2, 3, 1, 'round'],
  [[1, 5, 6, 4], 3, 2, explicit(0, 2, 1, 1)], [[1, 5, 6, 3], 2, 1, explicit(1, 0, 0, 1)],
  [[1, 2, 2, 4], 2, 1, explicit(2, 2, 0, 3)],                                                            // windows of nothing
  [[0, 4, 4, 3], 2, 2, 'valid'], [[3, 20, 17, 12], 3, 2, 'same'], [[2, 33, 35, 8], 2, 1, 'same'],        // more than one launch
];

const describeRow = ([shape, filter, strides, pad, rounding]: Row): string =>
  `[${shape}] by ${filter}, strides ${strides}, ${JSON.stringify(pad)}${rounding === undefined ? '' : `, ${rounding}`}`;

const attributes = ([, filterSize, strides, pad, dimRoundingMode]: Row) => ({filterSize, strides, pad, dimRoundingMode});

/** Eighths: sums of them are exact in float32, so only the division rounds. */
const eighths = (shape: number[], seed = 1): Input => {
  const {values} = input(shape, 'float32', seed);
  return {values: Array.from(values, v => Math.round(8 * v) / 8), shape, dtype: 'float32'};
};

/** Few values, so that windows have several greatest ones; some NaN and infinite, and whole windows of them. */
const ties = (shape: number[]): Input => {
  const {values} = input(shape, 'int32', 7);
  const few = (v: number, i: number) => i % 3 === 0 ? v % 2 : i % 31 < 5 ? NaN : v === 9 ? Infinity : i % 17 < 8 ? -Infinity : v % 2 === 0 ? -0 : 0;
  return {values: Array.from(values, few), shape, dtype: 'float32'};
};

const outShape = ([shape, filter, strides, pad, rounding]: Row): number[] => tf.backend_util.computePool2DInfo(
    shape as [number, number, number, number], filter, strides, 1, pad as 'same', rounding).outShape;

describe('cuda: pooling', function() {
  this.timeout(60000);
  onCuda();

  for (const row of ROWS) {
    const [shape, , , , rounding] = row, attrs = attributes(row);
    it(describeRow(row), async () => {
      for (const x of [eighths(shape), ties(shape), input(shape, 'int32'), input(shape, 'bool')]) {
        await againstCpu('MaxPool', {x}, attrs);
        await againstCpu('AvgPool', {x}, attrs, 2 ** -23);
        // tfjs's cpu backend keeps positions in bool as bytes.
        for (const includeBatchInIndex of x.dtype === 'bool' ? [] : [false, true]) {
          if (rounding === undefined) await againstCpu('MaxPoolWithArgmax', {x}, {...attrs, includeBatchInIndex});
        }
      }
      // tfjs's cpu backend does not hear of the rounding here.
      if (rounding === 'ceil' || rounding === 'round') return;
      const dy = eighths(outShape(row), 3);
      await againstCpu('AvgPoolGrad', {dy, input: eighths(shape)}, attrs, 2 ** -22);
      for (const x of [eighths(shape), ties(shape), input(shape, 'int32'), input(shape, 'bool')]) {
        const [output] = await runOn('cpu', 'MaxPool', {x}, attrs);
        await againstCpu('MaxPoolGrad', {dy, input: x, output: {...output!, dtype: x.dtype}}, attrs);
      }
    });
  }

  it('gradients go to the windows that rounding up adds', () => tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4, 9, 5, 6, 7, 8], [1, 3, 3, 1]);
    const max = tf.grad(x => tf.maxPool(x as tf.Tensor4D, 2, 2, 0, 'ceil'))(x, tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]));
    assert.deepEqual(Array.from(max.dataSync()), [0, 0, 0, 0, 1, 2, 0, 3, 4]);
    const avg = tf.grad(x => tf.avgPool(x as tf.Tensor4D, 2, 2, 0, 'ceil'))(x, tf.tensor4d([4, 8, 12, 16], [1, 2, 2, 1]));
    assert.deepEqual(Array.from(avg.dataSync()), [1, 1, 2, 1, 1, 2, 3, 3, 4]);
  }));

  it('sums of float32 lose next to nothing', async () => {
    const x = input([1, 40, 40, 4], 'float32'), attrs = {filterSize: 40, strides: 1, pad: 'valid'};
    const [mean] = await runOn('cuda', 'AvgPool', {x}, attrs);
    for (let c = 0; c < 4; ++c) {
      let sum = 0, size = 0;
      for (let i = c; i < 6400; i += 4) sum += x.values[i]!, size += Math.abs(x.values[i]!);
      // Two sums of 40, each a rounding a term.
      assert.ok(Math.abs(mean!.values[c]! - sum / 1600) <= 80 * 2 ** -24 * size / 1600);
    }
  });

  it('of three dimensions, and through a model’s ops', () => tf.tidy(() => {
    const x = tf.tensor3d([1, 2, 3, 4], [2, 2, 1]);
    assert.deepEqual(Array.from(tf.maxPool(x, 2, 1, 'valid').dataSync()), [4]);
    assert.deepEqual(Array.from(tf.pool(x, 2, 'avg', 'valid').dataSync()), [2.5]);
    assert.deepEqual(Array.from(tf.maxPoolWithArgmax(tf.reshape(x, [1, 2, 2, 1]) as tf.Tensor4D, 2, 1, 'valid').indexes!.dataSync()), [3]);
  }));

  it('operations refuse what does not fit', () => tf.tidy(() => {
    const x = tf.ones([2, 4, 4, 3]), y = tf.ones([2, 2, 2, 3]), window = [2, 2, 2, 2, 0, 0];
    const run = (operation: string, inputs: tf.Tensor[], shape: number[], attributes = window, dtype: 'float32' | 'int32' = 'float32') =>
      () => backend().compute(operation, inputs, {shape, dtype}, attributes);
    assertInvalid(run('MaxPool', [x], [2, 2, 2, 4]), /as many images and channels/);
    assertInvalid(run('MaxPool', [x], [1, 2, 2, 3]), /as many images and channels/);
    assertInvalid(run('AvgPool', [x], [2, 2, 6]), /rank 4/);
    assertInvalid(run('AvgPool', [x], [2, 2, 2, 3], window, 'int32'), /output 0: expected float32, received int32/);
    assertInvalid(run('AvgPool', [tf.cast(x, 'bool')], [2, 2, 2, 3]), /bool/);
    for (const bad of [0, -1, 1.5, NaN, 2 ** 31]) assertInvalid(run('MaxPool', [x], [2, 2, 2, 3], [2, 2, bad, 2, 0, 0]), /attribute 2/);
    assertInvalid(run('MaxPool', [x], [2, 2, 2, 3], [2, 2, 2, 2, 0, -1]), /attribute 5: expected a whole number from 0/);
    assertInvalid(run('MaxPoolGrad', [x, y, x], [2, 4, 4, 3]), /dx of x's shape and dy of y's/);
    assertInvalid(run('MaxPoolGrad', [x, y, y], [2, 4, 3, 3]), /dx of x's shape and dy of y's/);
    assertInvalid(run('MaxPoolGrad', [x, tf.cast(y, 'int32'), y], [2, 4, 4, 3]), /input 1: expected float32/);
    // Windows far from the image are windows of nothing.
    const far = backend().compute('MaxPool', [x], {shape: [2, 9, 9, 3], dtype: 'float32'}, [2, 2, 2 ** 30, 2 ** 30, 0, 0]);
    const values = backend().values(far);
    assert.deepEqual([values[0], values[3], values[9 * 3]], [1, -Infinity, -Infinity]);
    backend().release(far);
  }));
});
