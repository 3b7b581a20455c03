// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Matrix products of the backend `cuda`: exactly tfjs's `cpu` for whole numbers, and float64 within a bound for others.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {againstCpu, firstDifference, Input, input, runOn} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {addProduct, assertSums, integers, sums} from '../support/products';

const ULP = 2 ** -23;
const FLAGS = [false, true];

/** m, k, n. */
const SIZES: readonly [number, number, number][] = [
  [1, 1, 1], [1, 7, 1], [2, 3, 4], [32, 16, 32], [33, 17, 31],
  [5, 300, 7],    // splits of k
  [1, 100, 65],   // one row
  [70, 33, 35],   // one large tile, but too little of it
  [130, 40, 70],  // large tiles, not full
  [100, 90, 40],  // a large tile with splits
  [3, 0, 4], [0, 3, 4], [3, 4, 0],
];

/** Batch dimensions of a and b. */
const BATCHES: readonly [number[], number[]][] = [
  [[1], [1]], [[3], [3]], [[3], []], [[], [3]], [[4], [1]], [[1], [4]], [[2, 3], [3]], [[3], [2, 3]], [[2, 3], [2, 3]],
  [[2, 1, 2], []], [[0], [0]],
];

const matrix = (transpose: boolean, rows: number, columns: number) => transpose ? [columns, rows] : [rows, columns];

describe('cuda: matrix products', function() {
  this.timeout(120_000);
  onCuda();

  for (const transposeA of FLAGS) {
    for (const transposeB of FLAGS) {
      it(`transposeA ${transposeA}, transposeB ${transposeB}`, async () => {
        for (const [m, k, n] of SIZES) {
          await againstCpu('BatchMatMul', {a: integers(matrix(transposeA, m, k)), b: integers(matrix(transposeB, k, n), 2)},
              {transposeA, transposeB});
        }
        for (const [batchA, batchB] of BATCHES) {
          for (const [m, k, n] of [[5, 4, 3], [9, 70, 2], [1, 7, 2], [3, 5, 1]] as const) {
            await againstCpu('BatchMatMul', {
              a: integers([...batchA, ...matrix(transposeA, m, k)]), b: integers([...batchB, ...matrix(transposeB, k, n)], 2),
            }, {transposeA, transposeB});
          }
        }
      });
    }
  }

  it('batches are broadcast by the rules of NumPy', async () => {
    const a = integers([2, 1, 2, 3, 4]), b = integers([3, 1, 4, 5], 2);
    const [actual] = await runOn('cuda', 'BatchMatMul', {a, b}, {transposeA: false, transposeB: false});
    assert.deepEqual(actual!.shape, [2, 3, 2, 3, 5]);
    const expected: number[] = [];
    for (let i = 0; i < 2 * 3 * 2 * 3 * 5; i++) {
      const n = i % 5, m = Math.floor(i / 5) % 3;
      const z = Math.floor(i / 15) % 2, y = Math.floor(i / 30) % 3, x = Math.floor(i / 90);
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a.values[((x * 2 + z) * 3 + m) * 4 + k]! * b.values[(y * 4 + k) * 5 + n]!;
      expected.push(sum);
    }
    assert.equal(firstDifference(actual!.values, expected), '');
    const [none] = await runOn('cuda', 'BatchMatMul', {a: integers([0, 3, 4]), b: integers([1, 4, 5])}, {});
    assert.deepEqual(none, {dtype: 'float32', shape: [0, 3, 5], values: []});
  });

  it('int32 wraps as on cpu; bool and mixed dtypes', async () => {
    const large = ({values, ...rest}: Input): Input => ({...rest, values: Array.from(values, (v) => v * 45678 + 7)});
    for (const [m, k, n] of SIZES) {
      await againstCpu('BatchMatMul', {a: large(input([m, k], 'int32')), b: large(input([k, n], 'int32', 2))}, {});
    }
    await againstCpu('BatchMatMul', {a: input([3, 1], 'bool'), b: input([1, 4], 'bool', 2)}, {});
    await againstCpu('BatchMatMul', {a: input([3, 5], 'int32'), b: integers([5, 4], 2)}, {});
    await againstCpu('BatchMatMul', {a: integers([3, 5]), b: input([5, 4], 'int32', 2)}, {});
  });

  it('float32 sums against float64; two runs give the same bits', async () => {
    for (const [m, k, n] of [[7, 1000, 5], [33, 64, 40], [130, 200, 70]] as const) {
      const a = input([m, k], 'float32'), b = input([k, n], 'float32', 2), expected = sums(m * n);
      for (let i = 0; i < m * n; i++) {
        for (let j = 0; j < k; j++) addProduct(expected, i, a.values[Math.floor(i / n) * k + j]!, b.values[j * n + i % n]!);
      }
      const [first] = await runOn('cuda', 'BatchMatMul', {a, b}, {});
      const [second] = await runOn('cuda', 'BatchMatMul', {a, b}, {});
      assertSums(first!.values, expected, k, `${m}, ${k}, ${n}`);
      assert.deepEqual(first!.values, second!.values);
    }
  });

  it('NaN and Infinity stay in their rows and columns', async () => {
    const a = integers([40, 20]), b = integers([20, 35], 2);
    a.values = Array.from(a.values, (v, i) => i === 45 ? NaN : i === 310 ? Infinity : v);
    b.values = Array.from(b.values, (v, i) => i === 77 ? -Infinity : v);
    await againstCpu('BatchMatMul', {a, b}, {});
  });

  it('bias and activation, by the column or in other shapes', async () => {
    const shapes: (number[] | undefined)[] = [undefined, [6], [1], [], [1, 6], [5, 6], [5, 1]];
    for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu']) {
      for (const bias of shapes) {
        for (const [k, weights] of [[4, [6]], [70, [5, 6]], [4, [1]]] as const) {
          const a = integers([5, k]), b = integers([k, 6], 2);
          // Eighths: sums about 1, where activations differ.
          b.values = Array.from(b.values, (v) => v / 64);
          await againstCpu('_FusedMatMul', {
            a, b, ...bias && {bias: integers(bias, 3)},
            ...activation === 'prelu' && {preluActivationWeights: {...integers(weights as unknown as number[], 4)}},
          }, {transposeA: false, transposeB: false, activation, leakyreluAlpha: 0.25},
          // exp and expm1 may be wrong by two units in the last place, the division and its sum add one.
          activation === 'elu' || activation === 'sigmoid' ? 3 * ULP : 0);
        }
      }
    }
    // After splits of k, in large tiles, with batches, and for integers.
    const attrs = {transposeA: false, transposeB: true, activation: 'relu'};
    const ints = {a: input([5, 4], 'int32'), b: input([7, 4], 'int32', 2), bias: input([7], 'int32', 3)};
    const batches = {a: integers([2, 5, 4]), b: integers([2, 7, 4], 2)};
    await againstCpu('_FusedMatMul', {a: integers([5, 300]), b: integers([7, 300], 2), bias: integers([7], 3)}, attrs);
    await againstCpu('_FusedMatMul', {a: integers([130, 40]), b: integers([70, 40], 2), bias: integers([70], 3)}, attrs);
    await againstCpu('_FusedMatMul', {...batches, bias: integers([7], 3)}, attrs);
    await againstCpu('_FusedMatMul', {...batches, bias: integers([2, 5, 7], 3)}, attrs);
    await againstCpu('_FusedMatMul', ints, attrs);
  });

  it('gradients through tf.grads', async () => {
    const gradients = async (name: string, transposeA: boolean, transposeB: boolean) => {
      await tf.setBackend(name);
      const results = tf.tidy(() => {
        const a = tf.tensor(Array.from(integers(matrix(transposeA, 9, 40)).values), [1, ...matrix(transposeA, 9, 40)]);
        const b = tf.tensor(Array.from(integers(matrix(transposeB, 40, 6), 2).values), [1, ...matrix(transposeB, 40, 6)]);
        const dy = tf.tensor(Array.from(integers([1, 9, 6], 3).values), [1, 9, 6]);
        return tf.grads((x, y) => tf.matMul(x!, y!, transposeA, transposeB))([a, b], dy);
      });
      const values = results.map((t) => ({shape: t.shape, values: Array.from(t.dataSync())}));
      tf.dispose(results);
      return values;
    };
    for (const transposeA of FLAGS) {
      for (const transposeB of FLAGS) {
        const expected = await gradients('cpu', transposeA, transposeB);
        const actual = await gradients('cuda', transposeA, transposeB);
        actual.forEach(({shape, values}, i) => {
          assert.deepEqual(shape, expected[i]!.shape);
          assert.equal(firstDifference(values, expected[i]!.values), '');
        });
      }
    }
  });

  it('what does not fit is an error', async () => {
    await assert.rejects(runOn('cuda', 'BatchMatMul', {a: integers([2, 3]), b: integers([2, 3])}, {}),
        /matMul: expected \[m, k\] times \[k, n\], received \[2, 3\] times \[2, 3\]/);
    await assert.rejects(runOn('cuda', '_FusedMatMul', {a: integers([2, 3]), b: integers([3, 2])}, {activation: 'tanh'}),
        /activation: expected linear, .*received tanh/);
    const [a, b] = [tf.ones([2, 3]), tf.ones([3, 2])];
    const run = (shape: number[], attributes: number[], inputs: tf.Tensor[] = [a, b]) =>
      () => backend().compute('BatchMatMul', inputs, {shape, dtype: 'float32'}, attributes);
    assert.throws(run([2, 3], [0, 0, 0, 0, 0]), /expected \[m, k\] times \[k, n\]/);
    assert.throws(run([2, 2], [0, 1, 0, 0, 0]), /expected \[m, k\] times \[k, n\]/);
    assert.throws(run([3, 2, 2], [0, 0, 0, 0, 0]), /output: expected 1 in dimension 0/);
    assert.throws(run([2, 2], [0, 2, 0, 0, 0]), /transposeA, transposeB: expected 0 or 1/);
    assert.throws(run([2, 2], [0, 0, 7, 0, 0]), /expected an activation/);
    assert.throws(run([2, 2], [0, 0, 0, 0, 1]), /expected 3 inputs, received 2/);
    assert.throws(run([2, 2], [0, 0, 0, 0, 1], [a, b, b]), /input 2: expected 2 elements or 1, received 6/);
    assert.throws(run([2, 2], [0, 0]), /5 attributes/);
    tf.dispose([a, b]);
  });
});
