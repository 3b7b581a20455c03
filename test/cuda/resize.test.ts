// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// ResizeBilinear on the backend `cuda`: the forward pass against tfjs's `cpu`, the gradient against the forward pass
// in float64, turned round: tfjs's cpu backend has it wrong for halfPixelCenters and for images that are not square.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {Input, input, runOn} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {assertInvalid} from '../support/exact';

interface Options {
  alignCorners: boolean;
  halfPixelCenters: boolean;
}

const OPTIONS: readonly Options[] = [
  {alignCorners: false, halfPixelCenters: false}, {alignCorners: true, halfPixelCenters: false}, {alignCorners: false, halfPixelCenters: true},
];

const ROWS: ReadonlyArray<[shape: number[], size: [number, number]]> = [
  [[1, 1, 1, 1], [1, 1]], [[1, 1, 1, 3], [3, 4]], [[2, 3, 4, 3], [3, 4]], [[2, 3, 4, 4], [6, 8]], [[2, 3, 4, 4], [7, 9]],
  [[1, 6, 8, 3], [3, 4]], [[1, 7, 9, 4], [3, 2]], [[1, 5, 7, 2], [1, 1]], [[1, 4, 1, 5], [2, 6]], [[2, 2, 9, 1], [9, 2]],
  [[1, 2, 3, 1], [11, 20]], [[1, 20, 11, 1], [3, 2]], [[0, 2, 3, 1], [4, 4]], [[1, 2, 3, 0], [4, 4]], [[2, 16, 15, 8], [33, 31]],
  [[2, 33, 40, 8], [20, 21]], [[1, 30, 25, 12], [60, 50]],
];

/** Along one dimension: the two elements of the image that element i of the output is made of, and the part of the second. */
function source(i: number, from: number, to: number, {alignCorners, halfPixelCenters}: Options): [number, number, number] {
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  const at = Math.min(Math.max(halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i, 0), from - 1);
  return [Math.floor(at), Math.ceil(at), at - Math.floor(at)];
}

/** dy taken back to the image, in float64; and what is added up, without signs. */
function gradient({values, shape}: Input, [rows, columns]: [number, number], options: Options): {dx: Float64Array; size: Float64Array} {
  const [images, height, width, channels] = shape as [number, number, number, number];
  const size = new Float64Array(images * rows * columns * channels), dx = new Float64Array(size.length);
  let k = 0;
  for (let n = 0; n < images; ++n) {
    for (let i = 0; i < height; ++i) {
      const [top, bottom, r] = source(i, rows, height, options);
      for (let j = 0; j < width; ++j) {
        const [left, right, c] = source(j, columns, width, options);
        for (let d = 0; d < channels; ++d, ++k) {
          for (const [row, column, weight] of [[top, left, (1 - r) * (1 - c)], [top, right, (1 - r) * c],
            [bottom, left, r * (1 - c)], [bottom, right, r * c]] as const) {
            const at = ((n * rows + row) * columns + column) * channels + d;
            dx[at]! += weight * values[k]!;
            size[at]! += weight * Math.abs(values[k]!);
          }
        }
      }
    }
  }
  return {dx, size};
}

describe('cuda: resizing', function() {
  this.timeout(60000);
  onCuda();

  for (const [shape, size] of ROWS) {
    for (const options of OPTIONS) {
      it(`[${shape}] to ${size}, ${Object.entries(options).filter(([, on]) => on).map(([name]) => name).join() || 'corners'}`, async () => {
        for (const dtype of ['float32', 'int32', 'bool'] as const) {
          const images = input(shape, dtype), attrs = {...options, size};
          const [expected] = await runOn('cpu', 'ResizeBilinear', {images}, attrs), [y] = await runOn('cuda', 'ResizeBilinear', {images}, attrs);
          assert.deepEqual([y!.dtype, y!.shape], [expected!.dtype, expected!.shape]);
          // Three interpolations of values up to 9, a few roundings each.
          const off = y!.values.findIndex((v, i) => !(Math.abs(v - expected!.values[i]!) <= 9 * 2 ** -21));
          assert.equal(off, -1, `${dtype} [${off}]: ${y!.values[off]} instead of ${expected!.values[off]}`);
        }
        const dy = input([shape[0]!, ...size, shape[3]!], 'float32', 2);
        const [dx] = await runOn('cuda', 'ResizeBilinearGrad', {dy, images: input(shape, 'float32')}, {...options, size});
        const expected = gradient(dy, [shape[1]!, shape[2]!], options);
        assert.deepEqual([dx!.dtype, dx!.shape], ['float32', shape]);
        // Two sums of float32, row by row; a weight in float32 besides.
        const terms = 8 + size[0] + size[1];
        const off = dx!.values.findIndex((v, i) => !(Math.abs(v - expected.dx[i]!) <= terms * 2 ** -24 * expected.size[i]!));
        assert.equal(off, -1, `gradient [${off}]: ${dx!.values[off]} instead of ${expected.dx[off]}`);
      });
    }
  }

  it('NaN stays where it is', async () => {
    const images: Input = {values: [1, NaN, 3, 4, 5, 6, 7, 8, 9], shape: [1, 3, 3, 1], dtype: 'float32'};
    for (const options of OPTIONS) {
      const attrs = {...options, size: [7, 7]};
      const [expected] = await runOn('cpu', 'ResizeBilinear', {images}, attrs), [y] = await runOn('cuda', 'ResizeBilinear', {images}, attrs);
      assert.deepEqual(y!.values.map(Number.isNaN), expected!.values.map(Number.isNaN));
    }
  });

  it('the tape takes images that are not square', () => tf.tidy(() => {
    const dx = tf.grad(x => tf.image.resizeBilinear(x as tf.Tensor4D, [4, 2], false, true))(tf.ones([1, 2, 4, 1]));
    assert.deepEqual([dx.shape, tf.sum(dx).arraySync()], [[1, 2, 4, 1], 8]);
  }));

  it('operations refuse what does not fit', () => tf.tidy(() => {
    const run = (operation: string, x: tf.Tensor, shape: number[], dtype: 'float32' | 'int32' = 'float32') =>
      () => backend().compute(operation, [x], {shape, dtype}, [0, 0]);
    const x = tf.ones([2, 4, 4, 3]);
    assertInvalid(run('ResizeBilinear', x, [2, 4, 4, 2]), /as many images and channels/);
    assertInvalid(run('ResizeBilinearGrad', x, [1, 4, 4, 3]), /as many images and channels/);
    assertInvalid(run('ResizeBilinear', x, [2, 4, 12]), /rank 4/);
    assertInvalid(run('ResizeBilinear', x, [2, 4, 4, 3], 'int32'), /output 0: expected float32/);
    assertInvalid(run('ResizeBilinear', tf.cast(x, 'int32'), [2, 4, 4, 3]), /input 0: expected float32/);
    assertInvalid(run('ResizeBilinear', tf.zeros([2, 0, 4, 3]), [2, 4, 4, 3]), /at least one pixel/);
  }));
});
