// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tf.moments on the backend `cuda`, which is one kernel: against the definition in float64 and tfjs's `cpu` backend.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';

import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import {input} from '../support/against_cpu';
import {backend, cudaEnvironment, onCuda} from '../support/cuda';
import {assertInvalid} from '../support/exact';

/** Of values in the order of the outputs: [outputs, elements of each]. */
function reference(rows: number[][]): {mean: number[]; variance: number[]} {
  const mean = rows.map(row => row.reduce((a, b) => a + b, 0) / row.length);
  return {mean, variance: rows.map((row, i) => row.reduce((sum, v) => sum + (v - mean[i]!) ** 2, 0) / row.length)};
}

/** The elements of x that each output is made of, by their places. */
function places(shape: number[], axes: number[]): number[][] {
  const rows = new Map<string, number[]>(), strides = tf.util.computeStrides(shape);
  for (let i = 0; i < tf.util.sizeFromShape(shape); i++) {
    const kept = tf.util.indexToLoc(i, shape.length, strides).filter((_, d) => !axes.includes(d)).join();
    rows.set(kept, [...rows.get(kept) ?? [], i]);
  }
  return [...rows.values()];
}

function assertClose(actual: ArrayLike<number>, expected: number[], relative: number): void {
  assert.equal(actual.length, expected.length);
  const size = Math.hypot(...expected);
  expected.forEach((v, i) => assert.ok(Math.abs(actual[i]! - v) <= relative * size, `[${i}]: ${actual[i]}, not ${v}`));
}

const FORMS: [number[], number[]][] = [
  [[1], [0]], [[7], [0]], [[3, 5], [0]], [[3, 5], [1]], [[3, 5], [0, 1]], [[2, 3, 4, 5], [0, 1, 2]],
  [[2, 3, 4, 5], [1, 3]], [[4, 700], [1]], [[1500, 3], [0]], [[2, 1, 3, 2, 2, 3], [0, 2, 4]], [[40, 33], [0]], [[9000], [0]],
];

describe('cuda: moments', function() {
  this.timeout(60000);
  onCuda();

  for (const [shape, axes] of FORMS) {
    it(`[${shape}] over ${axes}`, async () => {
      for (const ratio of [0, 1e4]) {
        // Standard deviation about 2.3.
        const x = Array.from(input(shape, 'float32').values, v => Math.fround(v + 2.3 * ratio));
        const expected = reference(places(shape, axes).map(row => row.map(i => x[i]!)));
        for (const keepDims of [false, true]) {
          const given = tf.tensor(x, shape);
          const {kernelNames} = await tf.profile(() => {
            const {mean, variance} = tf.moments(given, axes, keepDims);
            const kept = shape.map((size, d) => axes.includes(d) ? 1 : size);
            for (const t of [mean, variance]) {
              assert.deepEqual(t.shape, keepDims ? kept : shape.filter((_, d) => !axes.includes(d)));
            }
            assertClose(mean.dataSync(), expected.mean, 2 ** -23);
            assertClose(variance.dataSync(), expected.variance, 2 ** -22);
            tf.dispose([mean, variance]);
          });
          assert.deepEqual(kernelNames, ['Moments']);
          given.dispose();
        }
      }
    });
  }

  it('gradients of both, and of one alone', () => {
    for (const [shape, axes] of FORMS) {
      const x = Array.from(input(shape, 'float32').values), rows = places(shape, axes);
      const {mean} = reference(rows.map(row => row.map(i => x[i]!)));
      const weights = (seed: number) => Array.from(input([rows.length], 'float32', seed).values);
      const a = weights(2), b = weights(3);
      for (const [p, q] of [[1, 1], [1, 0], [0, 1]] as const) {
        const expected = new Array<number>(x.length);
        rows.forEach((row, o) => {
          for (const i of row) expected[i] = (p * a[o]! + q * 2 * b[o]! * (x[i]! - mean[o]!)) / row.length;
        });
        tf.tidy(() => {
          const f = (x: tf.Tensor) => {
            const {mean, variance} = tf.moments(x, axes), [m, v] = [mean, variance].map(t => tf.reshape(t, [-1]));
            const terms = [...p ? [tf.mul(m!, a)] : [], ...q ? [tf.mul(v!, b)] : []];
            return tf.sum(tf.addN(terms));
          };
          assertClose(tf.grad(f)(tf.tensor(x, shape)).dataSync(), expected, 2 ** -21);
        });
      }
    }
  });

  const onBoth = async (f: () => tf.Tensor[]) => {
    const run = async (name: string) => {
      await tf.setBackend(name);
      return tf.tidy(() => f().map(t => ({dtype: t.dtype, shape: t.shape, values: Array.from(t.dataSync())})));
    };
    return {expected: await run('cpu'), received: await run('cuda')};
  };

  it('NaN and Infinity are what they are on cpu', async () => {
    const x = [[NaN, 1, 2], [1, Infinity, 2], [Infinity, 1, 2], [-Infinity, 1, Infinity], [1, 2, 3]];
    const {expected, received} = await onBoth(() => Object.values(tf.moments(tf.tensor2d(x), 1)));
    assert.deepEqual(received.slice(0, 1), expected.slice(0, 1));
    const isNaN = (v: number) => Number.isNaN(v);
    assert.deepEqual(received[1]!.values.map(isNaN), expected[1]!.values.map(isNaN));
  });

  it('arrays, other dtypes, empty tensors and scalars go tfjs-core’s way', async () => {
    const {expected, received} = await onBoth(() => [
      [[1, 2], [4, 8]], tf.tensor1d([1, 2, 5], 'int32'), tf.tensor1d([true, false], 'bool'), tf.zeros([2, 0]),
      tf.scalar(3),
    ].flatMap(x => Object.values(tf.moments(x))));
    assert.deepEqual(received, expected);
  });

  it('odd axes and keepDims are refused where the cpu backend refuses them', async () => {
    const odd: [axes: unknown, keepDims?: unknown][] = [[[1, 1]], [[0, -4]], [['0']], [[0], 'yes'], [[4]], [[0.5]], [[]]];
    const {expected, received} = await onBoth(() => odd.flatMap(([axes, keepDims]) => {
      const x = tf.ones([3, 4, 5, 2]);
      try {
        return [tf.tensor(JSON.stringify(axes)), ...Object.values(tf.moments(x, axes as number[], keepDims as boolean))];
      } catch {
        return []; // another backend, another message
      }
    }));
    assert.deepEqual(received, expected);
  });

  it('derivatives of derivatives go tfjs-core’s way', async () => {
    const x = Array.from(input([3, 4], 'float32').values);
    const {expected, received} = await onBoth(() => {
      const f = (x: tf.Tensor) => tf.pow(tf.moments(x, [0]).variance, tf.scalar(3));
      return [tf.grad((x: tf.Tensor) => tf.mul(tf.grad(f)(x), x))(tf.tensor2d(x, [3, 4]))];
    });
    assertClose(received[0]!.values, expected[0]!.values, 2 ** -18);
  });

  it('is what tf.layers.layerNormalization calls', async () => {
    const layer = tfl.layers.layerNormalization({}), x = tf.tensor(Array.from(input([4, 6], 'float32').values), [4, 6]);
    const {kernelNames, result} = await tf.profile(() => layer.apply(x) as tf.Tensor);
    assert.ok(kernelNames.includes('Moments') && !kernelNames.includes('Mean'), kernelNames.join());
    tf.dispose([x, result as tf.Tensor]);
    layer.dispose();
  });

  it('in ES modules depends on what was imported first', () => {
    const [rbn, core] = ["import 'tfjs-rbn/cuda';", "import * as tf from '@tensorflow/tfjs-core';"];
    const rest = `await tf.setBackend('cuda');
        const {kernelNames} = await tf.profile(() => tf.moments(tf.tensor1d([1, 2, 6])));
        console.log(kernelNames.join());`;
    const run = (program: string) => execFileSync(
        process.execPath, ['--no-warnings', '--input-type=module', '-e', program],
        {env: cudaEnvironment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}).trim().split('\n').at(-1)!;
    assert.equal(run(rbn + core + rest), 'Moments');
    assert.match(run(core + rbn + rest), /Mean.*Sub.*Square/);
  });

  it('the operation refuses what does not fit', () => tf.tidy(() => {
    const x = tf.ones([2, 3]), form = (...shape: number[]) => ({shape, dtype: 'float32'} as const);
    const run = (x: tf.Tensor, outputs = [form(2), form(2)], axes = [1]) =>
      () => backend().computeAll('Moments', [x], outputs, axes);
    assertInvalid(run(tf.cast(x, 'int32')), /input 0: expected float32, received int32/);
    assertInvalid(run(x, [form(2), form(3)]), /output: expected 2 elements, received 3/);
    const ints = {shape: [2], dtype: 'int32'} as never;
    assertInvalid(run(x, [form(2), ints]), /output 1: expected float32, received int32/);
    assertInvalid(run(x, undefined, [2]), /axis: expected 0 to 1, received 2/);
    assertInvalid(run(tf.zeros([2, 0])), /input: expected elements, received none/);
  }));
});
