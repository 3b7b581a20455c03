// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Reductions, softmax and running sums of the backend `cuda` against tfjs's `cpu`, and sums against float64.
import * as assert from 'node:assert/strict';

import {againstCpu, firstDifference, Input, input, Output, runOn} from '../support/against_cpu';
import {onCuda} from '../support/cuda';

/** One rounding to float32 more or less than the other side. */
const ULP = 2 ** -23;

/** Axes for shapes. Small shapes: all kinds of sets. Large ones: several tiles, and several chunks an output. */
const CASES: readonly [number[], number[][]][] = [
  [[], [[]]],
  [[1], [[0], []]],
  [[17], [[0], [-1], []]],
  [[1025], [[0]]],
  [[3, 7], [[0], [1], [0, 1], [-2]]],
  [[40, 70], [[0], [1]]],
  [[2, 5, 3], [[0], [1], [2], [0, 2], [1, 0], [0, 1, 2]]],
  [[4, 3, 2, 5], [[1], [0, 1, 2], [1, 2], [0, 2], [1, 3], [0, 2, 3], [3, 0]]],
  [[2, 3, 2, 3, 2, 3], [[0, 2, 4], [1, 3, 5], [0, 5], [2, 3]]],
  [[2, 1, 9, 1], [[1], [2, 3]]],
  [[9000], [[0]]],            // along rows, chunks
  [[2, 9000], [[1]]],
  [[9000, 3], [[0]]],         // along columns, chunks; fewer columns than a warp
  [[300, 33], [[0]]],         // more columns than a warp
  [[3000, 2], [[1]]],         // a thread an output
  [[5, 60, 50], [[0, 2]]],    // two groups
  [[2, 40, 5, 40], [[1, 3]]],
];

const EMPTY: readonly [number[], number[][]][] = [
  [[0], [[0]]],
  [[2, 0], [[1], [0]]],
  [[0, 3], [[0], [1]]],
  [[2, 0, 3], [[1], [0, 1, 2]]],
];

/** Calls `f` for all axes of a table, with and without keepDims. */
async function each(cases: typeof CASES, f: (shape: number[], axis: number[], keepDims: boolean) => Promise<unknown>): Promise<void> {
  for (const [shape, sets] of cases) {
    for (const [i, axis] of sets.entries()) await f(shape, axis, i % 2 === 0);
  }
}

/** The reduction of each output in float64, by the definition. */
function reference({values, shape}: Input, axes: number[], reduce: (values: number[]) => number): number[] {
  const reduced = new Set(axes.map((axis) => axis < 0 ? axis + shape.length : axis));
  const groups = new Map<number, number[]>();
  for (let i = 0; i < values.length; i++) {
    let rest = i, output = 0, stride = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      if (!reduced.has(d)) {
        output += rest % shape[d]! * stride;
        stride *= shape[d]!;
      }
      rest = Math.floor(rest / shape[d]!);
    }
    const group = groups.get(output);
    if (group === undefined) groups.set(output, [values[i]!]);
    else group.push(values[i]!);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => reduce(group));
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

describe('cuda: reductions', function() {
  this.timeout(120_000);
  onCuda();

  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    for (const kernel of ['Sum', 'Max', 'Min']) {
      it(`${kernel} of ${dtype}`, () => each([...CASES, ...EMPTY], (shape, axis, keepDims) =>
        againstCpu(kernel, {x: input(shape, dtype)}, {[kernel === 'Max' ? 'reductionIndices' : 'axis']: axis, keepDims},
            kernel === 'Sum' ? ULP : 0)));
    }

    it(`Prod of ${dtype}`, () => each([...CASES, ...EMPTY], (shape, axis, keepDims) => {
      // Most factors 1, so that neither side overflows.
      const {values} = input(shape, 'int32');
      const factors = Array.from(values, (v, i) => i % 97 === 5 ? v : dtype === 'float32' ? 1 + v / 1024 : 1);
      return againstCpu('Prod', {x: {values: dtype === 'bool' ? factors.map((v) => v === 0 ? 0 : 1) : factors, shape, dtype}},
          {axis, keepDims}, ULP);
    }));

    // tfjs's cpu backend divides in float32 before it adds: dtypes and shapes are compared with it, values with float64.
    it(`Mean of ${dtype}`, () => each(CASES, async (shape, axis, keepDims) => {
      const x = input(shape, dtype);
      const [expected] = await runOn('cpu', 'Mean', {x}, {axis, keepDims});
      const [actual] = await runOn('cuda', 'Mean', {x}, {axis, keepDims});
      assert.deepEqual({...actual, values: []}, {...expected, values: []});
      assert.equal(firstDifference(actual!.values, reference(x, axis, (values) => sum(values) / values.length), ULP), '', `[${shape}] ${axis}`);
    }));
    it(`Mean of nothing, ${dtype}`, () => each(EMPTY, (shape, axis, keepDims) =>
      againstCpu('Mean', {x: input(shape, dtype)}, {axis, keepDims})));

    for (const kernel of ['ArgMax', 'ArgMin']) {
      it(`${kernel} of ${dtype}: the first of equals`, () => each([...CASES, ...EMPTY], async (shape, axis) => {
        const x = input(shape, dtype);
        if (axis.length === 1) await againstCpu(kernel, {x: {...x, values: Array.from(x.values, Math.round)}}, {axis: axis[0]});
      }));
    }
  }

  for (const kernel of ['All', 'Any']) {
    it(kernel, () => each([...CASES, ...EMPTY], (shape, axis, keepDims) => {
      // Rare zeros or rare ones, so that long reductions have both results.
      const {values} = input(shape, 'int32');
      const rare = Array.from(values, (v, i) => (v === 3 && i % 11 === 0) === (kernel === 'Any') ? 1 : 0);
      return againstCpu(kernel, {x: {values: rare, shape, dtype: 'bool'}}, {axis, keepDims});
    }));
  }

  it('NaN, Infinity and -0 are what they are on cpu, wherever they stand', async () => {
    const special = [NaN, Infinity, -Infinity, 0, -0, 1];
    for (const length of [3, 40, 9000]) {
      for (const at of [0, 1, length - 1]) {
        for (const value of special) {
          for (const base of [-Infinity, 0.5, Infinity]) {
            const values = new Array<number>(length).fill(base);
            values[at] = value;
            const x: Input = {values, shape: [length], dtype: 'float32'};
            for (const [kernel, attrs] of [['ArgMax', {axis: 0}], ['ArgMin', {axis: 0}], ['Max', {reductionIndices: [0]}],
              ['Min', {axis: [0]}], ['Sum', {axis: [0]}]] as const) {
              if (length < 9000 || base === 0.5) await againstCpu(kernel, {x}, attrs);
            }
          }
        }
      }
    }
  });

  it('integers: the extremes, and sums that wrap as on cpu', async () => {
    const x: Input = {values: [2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, 7, 2 ** 31 - 1], shape: [5], dtype: 'int32'};
    for (const kernel of ['Sum', 'Min', 'ArgMin', 'ArgMax']) await againstCpu(kernel, {x}, {axis: 0});
    await againstCpu('Max', {x}, {reductionIndices: 0});
    await againstCpu('Prod', {x: {...x, values: [65536, 32767, 3, 1, -1]}}, {axis: 0});
  });

  it('a float32 sum of many elements is the float64 sum, rounded', async () => {
    // 1e4 + noise: float32 additions one after the other would lose four digits.
    const noise = input([40000], 'float32').values;
    const x: Input = {values: Array.from(noise, (v, i) => Math.fround(i % 2 === 0 ? 1e4 + v : v - 1e4)), shape: [40000], dtype: 'float32'};
    const exact = sum(Array.from(x.values));
    for (const shape of [[40000], [5, 8000], [4, 2, 5000]]) {
      const [result] = await runOn('cuda', 'Sum', {x: {...x, shape}}, {axis: shape.map((_, d) => d)});
      assert.equal(firstDifference(result!.values, [exact], ULP), '', `[${shape}]`);
    }
    // More than float32 can hold on the way, though not in the end.
    const [large] = await runOn('cuda', 'Sum', {x: {values: [3e38, 3e38, -3e38], shape: [3], dtype: 'float32'}}, {axis: 0});
    assert.equal(large!.values[0], Math.fround(3e38));
  });

  it('two axes for ArgMax are an error', async () => {
    await assert.rejects(runOn('cuda', 'ArgMax', {x: input([2, 3], 'float32')}, {axis: [0, 1]}), /ArgMax: axis: expected one axis, received \[0,1\]/);
  });
});

describe('cuda: softmax', function() {
  this.timeout(120_000);
  onCuda();

  /** exp may be wrong by two units in the last place, division and the sum's rounding add one. */
  const TOLERANCE = 3 * ULP;

  function expected({values, shape}: Input): number[] {
    const columns = shape[shape.length - 1]!, out: number[] = [];
    for (let row = 0; row < values.length; row += columns) {
      const x = Array.from({length: columns}, (_, i) => values[row + i]!);
      const max = x.reduce((a, b) => Math.max(a, b), -Infinity);
      // The difference is one of float32, as on cpu: for large ones that decides.
      const e = x.map((v) => Math.exp(Math.fround(v - max)));
      const divisor = sum(e);
      for (const v of e) out.push(v / divisor);
    }
    return out;
  }

  it('rows in registers, in shared memory and in neither', async () => {
    for (const shape of [[1], [17], [3, 7], [2, 3, 32], [5, 33], [9, 256], [2, 257], [1, 1024], [2, 1025], [2, 8192], [2, 8193], [1, 12192], [2, 12193], [300, 2]]) {
      const logits = input(shape, 'float32');
      logits.values = Array.from(logits.values, (v) => Math.fround(5 * v));
      const [actual] = await runOn('cuda', 'Softmax', {logits}, {dim: shape.length % 2 === 0 ? -1 : shape.length - 1});
      assert.deepEqual(actual!.shape, shape);
      assert.equal(firstDifference(actual!.values, expected(logits), TOLERANCE), '', `[${shape}]`);
    }
  });

  it('NaN, Infinity and no elements as on cpu', async () => {
    for (const columns of [2, 40, 300, 1100, 12000]) {
      for (const [value, rest] of [[NaN, 1], [Infinity, 1], [-Infinity, 1], [-Infinity, -Infinity], [-1e38, 3e38], [NaN, Infinity]] as const) {
        const values = new Array<number>(columns).fill(rest);
        values[columns - 1] = value;
        await againstCpu('Softmax', {logits: {values, shape: [1, columns], dtype: 'float32'}}, {dim: -1}, TOLERANCE);
      }
    }
    await againstCpu('Softmax', {logits: input([2, 0], 'float32')}, {dim: 1});
    await againstCpu('Softmax', {logits: input([0, 2], 'float32')}, {dim: 1});
  });

  it('a dimension that is not the last is an error', async () => {
    await assert.rejects(runOn('cuda', 'Softmax', {logits: input([2, 3], 'float32')}, {dim: 0}), /Softmax: dim: expected the last dimension, 1, received 0/);
  });
});

describe('cuda: running sums and products', function() {
  this.timeout(120_000);
  onCuda();

  const SHAPES: readonly [number[], number][] = [
    [[1], 0], [[17], 0], [[65], 0], [[1025], 0], [[2500], 0], [[3, 70], 1], [[70, 3], 0], [[2, 100, 3], 1], [[64, 4096], 0],
    [[65, 4096], 0], [[2, 3, 4, 5], 2], [[0, 3], 1], [[3, 0], 1],
  ];

  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    it(`Cumsum and Cumprod of ${dtype}`, async () => {
      for (const [shape, axis] of SHAPES) {
        const {values} = input(shape, dtype);
        // Eighths: float32 holds every sum exactly, so that cpu, which rounds each, may be compared with.
        const x: Input = {values: Array.from(values, (v) => Math.round(8 * v) / (dtype === 'float32' ? 8 : 1)), shape, dtype};
        const y: Input = {...x, values: Array.from(x.values, (v, i) => i % 13 === 0 ? Math.sign(v) : dtype === 'float32' && i % 26 < 2 ? 0.5 + i % 2 * 1.5 : 1)};
        if (dtype !== 'float32') x.values = values;
        for (const exclusive of flags(shape)) {
          for (const reverse of flags(shape)) {
            await againstCpu('Cumsum', {x}, {axis, exclusive, reverse});
            await againstCpu('Cumprod', {x: y}, {axis, exclusive, reverse});
          }
        }
      }
    });
  }

  it('float32 is rounded once an element', async () => {
    const x = input([3000], 'float32');
    const [actual] = await runOn('cuda', 'Cumsum', {x}, {axis: 0, exclusive: false, reverse: false}) as [Output];
    let running = 0;
    assert.equal(firstDifference(actual.values, Array.from(x.values, (v) => running += v), ULP), '');
  });

  it('NaN and Infinity go on from where they stand', async () => {
    for (const length of [20, 1500]) {
      const values = new Array<number>(length).fill(1);
      values[length - 9] = Infinity;
      values[length - 5] = -Infinity;
      const x: Input = {values, shape: [length], dtype: 'float32'};
      await againstCpu('Cumsum', {x}, {axis: 0, exclusive: false, reverse: false});
      await againstCpu('Cumsum', {x}, {axis: 0, exclusive: true, reverse: true});
    }
  });

  it('a negative axis counts from the end', async () => {
    const x = input([3, 4, 5], 'int32');
    const expected = await runOn('cpu', 'Cumsum', {x}, {axis: 1, exclusive: false, reverse: false});
    assert.deepEqual(await runOn('cuda', 'Cumsum', {x}, {axis: -2, exclusive: false, reverse: false}), expected);
  });
});

/** Both, or one for a large shape. */
function flags(shape: number[]): boolean[] {
  return shape.reduce((a, b) => a * b, 1) > 10000 ? [true] : [false, true];
}
