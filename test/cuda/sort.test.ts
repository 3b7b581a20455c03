// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the backend `cuda` does by sorting, against tfjs's `cpu` and against the definition.
import * as assert from 'node:assert/strict';

import {againstCpu, firstDifference, Input, input, Output, runOn} from '../support/against_cpu';
import {onCuda} from '../support/cuda';

describe('cuda: TopK', function() {
  this.timeout(120_000);
  onCuda();

  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    it(`${dtype}, with many equal values`, async () => {
      // A tile is 2048 elements: one, several, and an odd one left over at several levels.
      for (const [rows, length] of [[1, 1], [3, 17], [2, 64], [2, 65], [1, 1025], [2, 2048], [1, 2049], [3, 5000], [2, 6145], [2, 10241]] as const) {
        const {values} = input([rows, length], dtype, rows * length);
        const x: Input = {values: Array.from(values, (v) => Math.round(v * 50) / 50), shape: [rows, length], dtype};
        for (const k of new Set([0, 1, 5, length >> 1, 2050, 3000, length - 1, length])) {
          if (k <= length) await againstCpu('TopK', {x}, {k, sorted: true});
        }
      }
    });
  }

  it('higher ranks and no rows', async () => {
    await againstCpu('TopK', {x: input([2, 3, 4, 5], 'float32')}, {k: 3, sorted: true});
    await againstCpu('TopK', {x: input([7], 'int32')}, {k: 2, sorted: true});
    await againstCpu('TopK', {x: input([0, 3], 'float32')}, {k: 2, sorted: true});
  });

  it('sorted: false gives the same', async () => {
    const x = input([2, 100], 'float32');
    assert.deepEqual(await runOn('cuda', 'TopK', {x}, {k: 9, sorted: false}), await runOn('cuda', 'TopK', {x}, {k: 9, sorted: true}));
  });

  it('extremes; 0 and -0 are equal; NaN is the greatest', async () => {
    const infinities: Input = {values: [Infinity, 1, -Infinity, Infinity, -0, 0, -0, -Infinity], shape: [8], dtype: 'float32'};
    await againstCpu('TopK', {x: infinities}, {k: 8, sorted: true});
    await againstCpu('TopK', {x: {values: [0, -(2 ** 31), 2 ** 31 - 1, 0], shape: [4], dtype: 'int32'}}, {k: 4, sorted: true});
    // On cpu the place of a NaN depends on where it stands.
    const [values, indices] = await runOn('cuda', 'TopK',
        {x: {values: [1, NaN, 3, Infinity, -NaN, 2], shape: [6], dtype: 'float32'}}, {k: 4, sorted: true}) as [Output, Output];
    assert.deepEqual(values.values, [NaN, NaN, Infinity, 3]);
    assert.deepEqual(indices.values, [1, 4, 3, 2]);
  });

  it('k past the end is an error', async () => {
    await assert.rejects(runOn('cuda', 'TopK', {x: input([2, 3], 'float32')}, {k: 4, sorted: true}), /TopK: k: expected a whole number from 0 to 3, received 4/);
  });
});

describe('cuda: UnsortedSegmentSum', function() {
  this.timeout(120_000);
  onCuda();

  /** Rows of ids that name no segment are left out. */
  function reference(x: Input, ids: ArrayLike<number>, numSegments: number): number[] {
    const columns = x.values.length / ids.length;
    const sums = new Array<number>(numSegments * columns).fill(0);
    for (let row = 0; row < ids.length; row++) {
      if (ids[row]! < 0 || ids[row]! >= numSegments) continue;
      for (let c = 0; c < columns; c++) sums[ids[row]! * columns + c]! += x.values[row * columns + c]!;
    }
    return sums;
  }

  const ids = (rows: number, numSegments: number): Input => {
    const {values} = input([rows], 'float32', 7);
    // In ±4: from two below the first segment to two past the last.
    return {values: Array.from(values, (v) => Math.floor((v + 4) / 8 * (numSegments + 4)) - 2), shape: [rows], dtype: 'int32'};
  };

  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    it(`${dtype}: against cpu`, async () => {
      for (const [shape, numSegments] of [[[0, 3], 2], [[1], 1], [[17], 4], [[17, 3], 4], [[40, 2, 3], 5], [[1025], 3], [[3, 0], 2]] as const) {
        await againstCpu('UnsortedSegmentSum', {x: input([...shape], dtype), segmentIds: ids(shape[0], numSegments)}, {numSegments}, 2 ** -23);
      }
    });

    it(`${dtype}: against float64, the same bits each time`, async () => {
      // Few long segments, many short ones, one a row; fewer and more columns than a warp.
      for (const [rows, columns, numSegments] of [[5000, 2, 3], [300, 40, 100], [3000, 5, 1], [10, 70, 1000], [4096, 33, 2], [5000, 1, 5000]] as const) {
        const x = input([rows, columns], dtype), segmentIds = ids(rows, numSegments);
        const [first] = await runOn('cuda', 'UnsortedSegmentSum', {x, segmentIds}, {numSegments}) as [Output];
        assert.equal(firstDifference(first.values, reference(x, segmentIds.values, numSegments), 2 ** -23), '', `${rows} ${columns} ${numSegments}`);
        assert.deepEqual((await runOn('cuda', 'UnsortedSegmentSum', {x, segmentIds}, {numSegments}))[0], first);
      }
    });
  }

  it('ids at the ends of int32, and no segments', async () => {
    const x = input([4, 2], 'float32');
    const segmentIds: Input = {values: [2 ** 31 - 1, -(2 ** 31), -1, 0], shape: [4], dtype: 'int32'};
    await againstCpu('UnsortedSegmentSum', {x, segmentIds}, {numSegments: 2});
    assert.deepEqual(await runOn('cuda', 'UnsortedSegmentSum', {x, segmentIds}, {numSegments: 0}), [{dtype: 'float32', shape: [0, 2], values: []}]);
  });

  it('other ids than one a row are an error', async () => {
    const x = input([4, 2], 'float32');
    for (const shape of [[3], [2, 2]]) {
      await assert.rejects(runOn('cuda', 'UnsortedSegmentSum', {x, segmentIds: input(shape, 'int32')}, {numSegments: 2}),
          /segmentIds: expected the shape \[4\] for x of shape \[4,2\], received/);
    }
  });
});
