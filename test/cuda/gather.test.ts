// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels of the `cuda` backend that find elements by indices, against tfjs's `cpu` backend, bit by bit; and
// indices that are out of range, where the device must do no harm.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {backend, onCuda} from '../support/cuda';
import {assertInvalid, assertSame, DTYPES, Given, given, ints} from '../support/exact';

/** `count` indices from 0 to size − 1, some of them twice. */
const indices = (size: number, ...shape: number[]): Given =>
  ints(Array.from({length: shape.reduce((a, b) => a * b, 1)}, (_, i) => (i * 7 + (i >> 2)) % size), shape);

/** Index vectors into `sizes`. */
const vectors = (sizes: number[], ...shape: number[]): Given => {
  const count = shape.reduce((a, b) => a * b, 1);
  return ints(Array.from({length: count}, (_, i) => (i * 5 + (i >> 1)) % sizes[i % sizes.length]!), shape);
};

describe('cuda: indices', function() {
  this.timeout(60000);
  onCuda();

  describe('GatherV2', () => {
    const rows: Array<[shape: number[], indices: Given, axis: number, batchDims?: number]> = [
      [[5], indices(5, 4), 0], [[5], indices(5), 0], [[5], indices(5, 2, 3), 0], [[5], indices(5, 0), 0],
      [[5, 3], indices(5, 4), 0], [[5, 3], indices(3, 4), 1], [[5, 3], indices(3, 4), -1], [[5, 3], indices(5), 0],
      [[6, 4], indices(6, 5), 0], [[6, 2], indices(6, 5), 0], [[6, 16], indices(6, 3, 2), 0],       // wide units
      [[2, 3, 4], indices(3, 5), 1], [[2, 3, 4], indices(4, 2, 2), 2], [[2, 3, 0], indices(3, 5), 1],
      [[3, 4], indices(4, 3, 2), 1, 1], [[3, 5, 4], indices(4, 3, 2), 2, 1], [[2, 3, 5, 4], indices(5, 2, 3, 2), 2, 2],
      [[3, 4, 2], indices(4, 3, 2), 1, -1], [[2, 1, 3, 2, 2, 3], indices(2, 3), 3],
      [[300, 70], indices(300, 250), 0], [[3, 20, 500], indices(20, 30), 1],                                 // several launches
    ];
    for (const [shape, at, axis, batchDims] of rows) {
      it(`[${shape}] by [${at.shape}] along ${axis}, batchDims ${batchDims ?? 0}`, async () => {
        for (const dtype of DTYPES) await assertSame((x, i) => tf.gather(x!, i!, axis, batchDims), given(dtype, ...shape), at);
      });
    }

    it('gives 0 for an index that is out of range', () => tf.tidy(() => {
      for (const dtype of DTYPES) {
        const x = tf.ones([3, 2], dtype);
        const out = tf.gather(x, tf.tensor1d([1, 3, -1, 2147483647, -2147483648, 2], 'int32'));
        assert.deepEqual(Array.from(out.dataSync()), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], dtype);
      }
    }));

    it('gives 0 where there is nothing to find', () => tf.tidy(() => {
      const out = tf.gather(tf.zeros([0, 3]), tf.tensor1d([0, 1], 'int32'));
      assert.deepEqual([out.shape, Array.from(out.dataSync())], [[2, 3], [0, 0, 0, 0, 0, 0]]);
    }));

    it('throws for an index out of range on the host, and for any in debug mode', () => tf.tidy(() => {
      const x = tf.ones([3, 2]);
      assert.throws(() => tf.gather(x, tf.tensor1d([3], 'int32')), /GatherV2: the index value 3 is not in \[0, 2\]/);
      assert.throws(() => tf.gather(x, tf.scalar(-1, 'int32')), /GatherV2: the index value -1 is not in \[0, 2\]/);
      tf.env().set('DEBUG', true);
      try {
        assert.throws(() => tf.gather(x, tf.tensor1d([0, 3], 'int32')), /GatherV2: the index value 3 is not in \[0, 2\]/);
      } finally {
        tf.env().set('DEBUG', false);
      }
    }));

    it('refuses what does not fit', () => tf.tidy(() => {
      const x = tf.ones([3, 2]), run = (at: tf.Tensor, shape: number[], attributes: number[]) =>
        backend().compute('GatherV2', [x, at], {shape, dtype: 'float32'}, attributes);
      assertInvalid(() => run(tf.ones([4]), [4, 2], [0, 0]), /GatherV2: indices: expected int32/);
      assertInvalid(() => run(tf.ones([4], 'int32'), [4, 3], [0, 0]), /GatherV2: output: expected/);
      assertInvalid(() => run(tf.ones([4], 'int32'), [4, 2], [2, 0]), /GatherV2: axis/);
      assertInvalid(() => run(tf.ones([4], 'int32'), [4, 2], [1, 2]), /GatherV2: axis/);
      assertInvalid(() => run(tf.ones([4], 'int32'), [4, 2], [1, 1]), /GatherV2: batch dimension 0/);
    }));
  });

  describe('GatherNd', () => {
    const rows: Array<[shape: number[], indices: Given]> = [
      [[5], vectors([5], 4, 1)], [[5, 3], vectors([5], 4, 1)], [[5, 3], vectors([5, 3], 4, 2)], [[5, 3], vectors([5, 3], 2)],
      [[5, 4], vectors([5], 2, 3, 1)], [[4, 5, 8], vectors([4, 5], 7, 2)], [[4, 5, 2], vectors([4, 5], 7, 2)],
      [[5, 3], ints([], [0, 2])], [[2, 3], ints([], [3, 0])], [[2, 3, 2, 3, 2, 2], vectors([2, 3, 2, 3, 2], 9, 5)],
      [[9, 7, 300], vectors([9, 7], 70, 2)],
    ];
    for (const [shape, at] of rows) {
      it(`[${shape}] by [${at.shape}]`, async () => {
        for (const dtype of DTYPES) await assertSame((x, i) => tf.gatherND(x!, i!), given(dtype, ...shape), at);
      });
    }

    it('gives 0 for a row that is out of range', () => tf.tidy(() => {
      const out = tf.gatherND(tf.ones([2, 3, 2]), tf.tensor2d([[1, 2], [2, 0], [0, -1], [-1, 3], [2147483647, 2147483647]], [5, 2], 'int32'));
      // As on tfjs's cpu backend it is the row −1·3 + 3 = 0 that counts, not each index.
      assert.deepEqual(Array.from(out.dataSync()), [1, 1, 0, 0, 0, 0, 1, 1, 0, 0]);
    }));

    it('throws for one on the host', () => tf.tidy(() => {
      assert.throws(() => tf.gatherND(tf.ones([3]), tf.tensor1d([3], 'int32')), /Invalid indices: 3 does not index into 3/);
    }));
  });

  describe('OneHot', () => {
    const cases: Array<[indices: Given, depth: number, on?: number, off?: number, dtype?: 'float32' | 'int32' | 'bool']> = [
      [indices(4, 7), 4], [indices(9, 5), 9, 2, -1], [indices(3, 2, 5), 3, 0.5, 0.25, 'float32'], [indices(5, 6), 5, 1, 0, 'bool'],
      [ints([0, 5, -1, 2]), 3], [ints([1], [1]), 2], [ints([], [0]), 3], [indices(130, 140), 130],
    ];
    for (const [at, depth, on, off, dtype] of cases) {
      it(`[${at.shape}] of ${depth}, ${on ?? 1} and ${off ?? 0}, ${dtype ?? 'int32'}`, () =>
        assertSame(i => tf.oneHot(i!, depth, on, off, dtype), at));
    }
  });

  describe('SparseToDense', () => {
    const dense = (shape: number[]) => (at: tf.Tensor, values: tf.Tensor, base: tf.Tensor) =>
      tf.sparseToDense(at, values, shape, base as tf.Scalar);
    for (const dtype of DTYPES) {
      const base: Given = {dtype, shape: [], values: [dtype === 'bool' ? 1 : 7]};
      const cases: Array<[name: string, shape: number[], indices: Given, values: Given]> = [
        ['a vector', [6], ints([4, 1, 2]), given(dtype, 3)], ['a matrix', [3, 4], vectors([3, 4], 5, 2), given(dtype, 5)],
        ['one value', [3, 4], ints([0, 1, 2, 3], [2, 2]), given(dtype)], ['twice the same place: the last wins', [4], ints([2, 0, 2, 2]), given(dtype, 4)],
        ['nothing', [3], ints([], [0]), given(dtype, 0)], ['one place', [5], ints([3], [1]), given(dtype, 1)],
        ['of rank 5', [2, 3, 2, 3, 2], vectors([2, 3, 2, 3, 2], 30, 5), given(dtype, 30)],
        ['several launches', [150, 130], vectors([150, 130], 1000, 2), given(dtype, 1000)],
      ];
      for (const [name, shape, at, values] of cases) it(`${dtype}: ${name}`, () => assertSame(dense(shape) as (...x: tf.Tensor[]) => tf.Tensor, at, values, base));
    }

    it('drops what is out of range', () => tf.tidy(() => {
      const out = tf.sparseToDense(tf.tensor1d([1, 4, -1, 2147483647], 'int32'), tf.tensor1d([5, 6, 7, 8]), [4], 0);
      assert.deepEqual(Array.from(out.dataSync()), [0, 5, 0, 0]);
      assert.throws(() => tf.sparseToDense(tf.tensor1d([4], 'int32'), tf.tensor1d([5]), [4], 0), /Invalid indices: 4 does not index into 4/);
    }));
  });

  describe('TensorScatterUpdate', () => {
    for (const dtype of DTYPES) {
      const cases: Array<[shape: number[], indices: Given, updates: number[]]> = [
        [[6], ints([4, 1, 2, 4], [4, 1]), [4]], [[5, 3], ints([4, 0, 4], [3, 1]), [3, 3]], [[5, 8], ints([4, 0, 4], [3, 1]), [3, 8]],
        [[4, 3, 2], vectors([4, 3], 5, 2), [5, 2]], [[4, 3, 2], vectors([4, 3, 2], 2, 5, 3), [2, 5]], [[200, 90], indices(200, 30, 1), [30, 90]],
      ];
      for (const [shape, at, updates] of cases) {
        it(`${dtype}: [${shape}] by [${at.shape}]`, () => assertSame(
            // tfjs's cpu backend writes into its input: hence a copy there.
            (x, i, u) => tf.tensorScatterUpdate(tf.tensor(x!.dataSync().slice(), shape, dtype), i!, u!),
            given(dtype, ...shape), at, given(dtype, ...updates)));
      }
    }

    it('leaves its input as it is', () => tf.tidy(() => {
      const x = tf.zeros([4]);
      const out = tf.tensorScatterUpdate(x, tf.tensor2d([[1], [9]], [2, 1], 'int32'), tf.tensor1d([5, 6]));
      assert.deepEqual([Array.from(x.dataSync()), Array.from(out.dataSync())], [[0, 0, 0, 0], [0, 5, 0, 0]]);
    }));
  });

  describe('ScatterNd', () => {
    const whole = (dtype: 'int32' | 'float32', ...shape: number[]): Given => // sums of whole numbers are exact in any order
      ({dtype, shape, values: given('int32', ...shape).values.map(v => v % 1000)});
    for (const dtype of ['int32', 'float32'] as const) {
      const cases: Array<[shape: number[], indices: Given, updates: number[]]> = [
        [[6], ints([4, 1, 2, 4], [4, 1]), [4]], [[5, 3], ints([4, 0, 4], [3, 1]), [3, 3]], [[4, 3, 2], vectors([4, 3], 9, 2), [9, 2]],
        [[4, 3, 2], vectors([4, 3, 2], 2, 5, 3), [2, 5]], [[3], ints([], [0, 1]), [0]], [[70, 20], indices(70, 900, 1), [900, 20]],
      ];
      for (const [shape, at, updates] of cases) {
        it(`${dtype}: [${shape}] by [${at.shape}]`, () => assertSame(
            (i, u) => tf.scatterND(i!, u!, shape), at, whole(dtype, ...updates)));
      }
      it(`${dtype}: drops what is out of range`, () => tf.tidy(() => {
        const out = tf.scatterND(tf.tensor2d([[1], [4], [-1], [1]], [4, 1], 'int32'), tf.tensor1d([5, 6, 7, 8], dtype), [4]);
        assert.deepEqual(Array.from(out.dataSync()), [0, 13, 0, 0]);
      }));
    }
    it('wraps as int32 does', () => assertSame((i, u) => tf.scatterND(i!, u!, [2]),
        ints([0, 0, 1], [3, 1]), ints([2147483647, 1, 5])));
    it('sums bool on the CPU', () => assertSame((i, u) => tf.scatterND(i!, u!, [4]), ints([0, 2, 2], [3, 1]), given('bool', 3)));
  });

  it('operations refuse indices and updates of other sizes', () => tf.tidy(() => {
    const at = tf.tensor1d([0, 1, 0], 'int32'), x = tf.zeros([4]), updates = tf.zeros([2]);
    const run = (operation: string, inputs: tf.Tensor[], attributes: number[], shape = [4], dtype: 'float32' | 'int32' = 'float32') =>
      () => backend().compute(operation, inputs, {shape, dtype}, attributes);
    assertInvalid(run('GatherNd', [x, at], [1, 1, 1]), /indices: expected vectors of 2, received 3/);
    assertInvalid(run('GatherNd', [x, at], [1, 1]), /output: expected 3 slices/);
    assertInvalid(run('GatherNd', [x, at], [0, 1]), /attributes: expected the size of a slice/);
    assertInvalid(run('GatherNd', [x, at], [3, 1]), /attributes: expected the size of a slice/);
    assertInvalid(run('GatherNd', [x, at], [1, -1]), /strides/);
    assertInvalid(run('ScatterUpdate', [x, at, updates], [1, 1]), /updates: expected one element or 3 slices/);
    assertInvalid(run('ScatterUpdate', [updates, at, x], [1, 1]), /base: expected/);
    assertInvalid(run('ScatterAdd', [at, at], [2, 1], [4], 'int32'), /updates: expected 3 slices/);
    assertInvalid(run('ScatterRows', [at], [5, 1], [2], 'int32'), /output: expected 3 rows/);
    assertInvalid(run('ScatterRows', [at], [-1, 1], [3], 'int32'), /rows: expected/);
    assertInvalid(run('OneHot', [at], [3, 1, 0], [3, 2]), /depth: expected/);
  }));
});
