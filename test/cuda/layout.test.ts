// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels of the `cuda` backend that only move elements, against tfjs's `cpu` backend, bit by bit. Shapes
// reach each of the engine's ways: plain copies, units of 1 to 16 bytes, tiles, several launches.
import * as tf from '@tensorflow/tfjs-core';

import {backend, onCuda} from '../support/cuda';
import {assertInvalid, assertSame, Dtype, DTYPES, Given, given} from '../support/exact';

type Result = tf.Tensor | tf.Tensor[];

/** A test for each dtype and row: the row's shapes become tensors. */
function table(rows: Record<string, [shapes: number[][], f: (...x: tf.Tensor[]) => Result]>, dtypes: readonly Dtype[] = DTYPES): void {
  for (const [name, [shapes, f]] of Object.entries(rows)) {
    it(name, async () => {
      for (const dtype of dtypes) await assertSame(f, ...shapes.map(shape => given(dtype, ...shape)));
    });
  }
}

/** What stands in for an operation that tfjs's cpu backend refuses. */
const onCpu = (x: tf.Tensor, reference: (x: tf.Tensor) => tf.Tensor, f: (x: tf.Tensor) => tf.Tensor) =>
  tf.getBackend() === 'cpu' ? reference(x) : f(x);

function permutations(rank: number): number[][] {
  if (rank === 0) return [[]];
  return permutations(rank - 1).flatMap(p => Array.from({length: rank}, (_, i) => [...p.slice(0, i), rank - 1, ...p.slice(i)]));
}

describe('cuda: layout', function() {
  this.timeout(60000);
  onCuda();

  describe('Transpose', () => {
    it('by every permutation of ranks 2 to 4', async () => {
      for (const shape of [[3, 5], [2, 3, 5], [2, 3, 4, 5]]) {
        for (const perm of permutations(shape.length)) {
          for (const dtype of DTYPES) await assertSame(x => tf.transpose(x, perm), given(dtype, ...shape));
        }
      }
    });

    const shapes: Array<[number[], number[]]> = [
      [[1, 7], [1, 0]], [[0, 3], [1, 0]], [[2, 0, 3], [2, 0, 1]],
      [[32, 32], [1, 0]], [[33, 65], [1, 0]], [[70, 64], [1, 0]],             // tiles, whole and cut
      [[3, 700], [1, 0]], [[700, 3], [1, 0]], [[2, 600], [1, 0]], [[17, 40], [1, 0]],  // thin tiles
      [[2, 33, 5, 40], [0, 3, 2, 1]], [[3, 40, 50], [0, 2, 1]], [[40, 3, 50], [2, 1, 0]], // tiles in a batch
      [[40, 50, 4], [1, 0, 2]], [[40, 50, 2], [1, 0, 2]], [[9, 7, 16], [1, 0, 2]],     // units of 16 and 8 bytes
      [[5, 6, 8], [1, 0, 2]], [[5, 6, 64], [1, 0, 2]], [[5, 6, 7], [1, 0, 2]],
      [[2, 3, 2, 3, 4], [4, 2, 0, 3, 1]], [[2, 3, 2, 3, 4], [1, 0, 2, 3, 4]],
      [[2, 3, 2, 4, 3, 2], [5, 4, 3, 2, 1, 0]], [[2, 1, 2, 4, 1, 3], [3, 1, 5, 0, 4, 2]],
      [[150, 130], [1, 0]], [[3, 90, 64], [1, 0, 2]],                                // several launches
    ];
    table(Object.fromEntries(shapes.map(([shape, perm]) => [`[${shape}] by [${perm}]`, [[shape], x => tf.transpose(x, perm)]])));
  });

  describe('Slice', () => table({
    'of a vector': [[[10]], x => tf.slice(x, 3, 4)],
    'aligned': [[[8, 16]], x => tf.slice(x, [2, 4], [4, 8])],
    'not aligned': [[[8, 16]], x => tf.slice(x, [2, 3], [4, 9])],
    'not aligned but for its size': [[[8, 16]], x => tf.slice(x, [2, 3], [4, 8])],
    'of rows': [[[9, 5]], x => tf.slice(x, [2, 0], [3, 5])],
    'of all': [[[3, 4]], x => tf.slice(x, [0, 0], [-1, -1])],
    'of one element': [[[3, 4]], x => tf.slice(x, [1, 2], [1, 1])],
    'of nothing': [[[3, 4]], x => tf.slice(x, [1, 2], [0, 2])],
    'of a scalar in a matrix of one': [[[1, 1]], x => tf.slice(x, [0, 0], [1, 1])],
    'of rank 6': [[[3, 2, 3, 4, 2, 5]], x => tf.slice(x, [1, 0, 1, 1, 0, 2], [2, 2, 1, 2, 1, 3])],
    'in several launches': [[[160, 130]], x => tf.slice(x, [3, 1], [150, 127])],
  }));

  describe('StridedSlice', () => table({
    'forward': [[[10]], x => tf.stridedSlice(x, [1], [9], [3])],
    'backward': [[[10]], x => tf.stridedSlice(x, [8], [1], [-2])],
    'backward to the begin': [[[10]], x => tf.stridedSlice(x, [-1], [0], [-1], 0, 1)],
    'of a matrix, both ways': [[[5, 7]], x => tf.stridedSlice(x, [4, 0], [0, 7], [-2, 3])],
    'begin and end masks': [[[5, 7]], x => tf.stridedSlice(x, [2, 2], [3, 3], [1, 2], 1, 2)],
    'an ellipsis': [[[3, 4, 5]], x => tf.stridedSlice(x, [1, 0, 1], [3, 0, 5], [1, 1, 2], 0, 0, 2)],
    'a new axis': [[[4, 5]], x => tf.stridedSlice(x, [0, 1], [0, 4], [1, 2], 0, 0, 0, 1)],
    'a dropped axis': [[[4, 5]], x => tf.stridedSlice(x, [2, 0], [3, 5], [1, 1], 0, 0, 0, 0, 1)],
    'a dropped axis and steps': [[[4, 5]], x => onCpu(x!, x => tf.gather(tf.gather(x, 2), tf.tensor1d([0, 2, 4], 'int32')),
        x => tf.stridedSlice(x, [2, 0], [3, 5], [1, 2], 0, 0, 0, 0, 1))],
    'nothing': [[[4, 5]], x => onCpu(x!, x => tf.slice(x, [0, 0], [0, 5]), x => tf.stridedSlice(x, [3, 0], [1, 5], [1, 1]))],
    'nothing, by steps': [[[4, 5]], x => tf.stridedSlice(x, [3, 0], [1, 5], [1, 2])],
    'all': [[[4, 5]], x => tf.stridedSlice(x, [0, 0], [4, 5], [1, 1])],
    'rows': [[[6, 5]], x => tf.stridedSlice(x, [1, 0], [4, 5], [1, 1])],
    'of rank 4': [[[4, 5, 6, 7]], x => tf.stridedSlice(x, [3, 0, 5, 1], [0, 5, 0, 7], [-1, 2, -3, 4])],
  }));

  describe('SplitV, Unpack', () => table({
    'halves': [[[6, 4]], x => tf.split(x, 2, 0)],
    'columns': [[[3, 9]], x => tf.split(x, [2, 3, 4], 1)],
    'a rest, an empty part': [[[3, 9]], x => tf.split(x, [2, -1, 0], 1)],
    'a negative axis': [[[2, 3, 8]], x => tf.split(x, 4, -1)],
    'unstack': [[[3, 4, 5]], x => tf.unstack(x, 0)],
    'unstack the middle': [[[3, 4, 5]], x => tf.unstack(x, 1)],
    'unstack the last': [[[3, 4, 5]], x => tf.unstack(x, -1)],
    'unstack a vector': [[[3]], x => tf.unstack(x)],
    'unstack one': [[[1, 4]], x => tf.unstack(x)],
    'unstack empty ones': [[[2, 0]], x => tf.unstack(x)],
  }));

  describe('Concat, Pack', () => table({
    'vectors': [[[3], [1], [5]], (...x) => tf.concat(x)],
    'scalars as vectors': [[[1], [1], [1]], (...x) => tf.concat(x)],
    'one': [[[3, 2]], (...x) => tf.concat(x)],
    'rows': [[[2, 4], [3, 4]], (...x) => tf.concat(x, 0)],
    'columns, aligned': [[[5, 4], [5, 8]], (...x) => tf.concat(x, 1)],
    'columns, not aligned': [[[5, 3], [5, 4], [5, 1]], (...x) => tf.concat(x, 1)],
    'columns, one to an odd place': [[[5, 3], [5, 8], [5, 1]], (...x) => tf.concat(x, 1)],
    'the middle': [[[2, 1, 3], [2, 4, 3]], (...x) => tf.concat(x, 1)],
    'a negative axis': [[[2, 2, 3], [2, 2, 1]], (...x) => tf.concat(x, -1)],
    'with empty ones': [[[2, 0], [2, 3], [2, 0], [2, 2]], (...x) => tf.concat(x, 1)],
    'only empty ones': [[[2, 0], [2, 0]], (...x) => tf.concat(x, 1)],
    'one tensor twice': [[[3, 5]], x => tf.concat([x!, x!], 1)],
    'of rank 6': [[[2, 1, 3, 2, 2, 2], [2, 1, 3, 5, 2, 2]], (...x) => tf.concat(x, 3)],
    'in several launches': [[[160, 65], [160, 67]], (...x) => tf.concat(x, 1)],
    'stack scalars': [[[], [], []], (...x) => tf.stack(x)],
    'stack one': [[[3, 2]], (...x) => tf.stack(x, 1)],
    'stack first': [[[3, 2], [3, 2]], (...x) => tf.stack(x, 0)],
    'stack the middle': [[[3, 2], [3, 2], [3, 2]], (...x) => tf.stack(x, 1)],
    'stack last': [[[3, 2], [3, 2]], (...x) => tf.stack(x, -1)],
    'stack empty ones': [[[0], [0]], (...x) => tf.stack(x, 1)],
  }));

  describe('Tile, BroadcastTo', () => {
    table({
      'a vector': [[[3]], x => tf.tile(x!, [4])],
      'a matrix': [[[3, 5]], x => tf.tile(x!, [2, 3])],
      'aligned': [[[3, 8]], x => tf.tile(x!, [2, 3])],
      'once': [[[3, 5]], x => tf.tile(x!, [1, 1])],
      'never': [[[3, 5]], x => tf.tile(x!, [0, 2])],
      'a scalar': [[[]], x => tf.tile(x!, [])],
      'one element': [[[1, 1]], x => tf.tile(x!, [3, 5])],
      'of rank 4': [[[2, 1, 3, 4]], x => tf.tile(x!, [1, 3, 2, 2])],
      'of rank 6': [[[2, 3, 2, 1, 3, 2]], x => tf.tile(x!, [2, 1, 2, 3, 2, 2])],
      'in several launches': [[[1, 130]], x => tf.tile(x!, [150, 1])],
    });
    // tf.broadcastTo runs Tile, and leaves a dimension of one as it is where none is asked for.
    const broadcast = (x: tf.Tensor, shape: number[]) => onCpu(x, x => shape[0] === 0 ? tf.slice(x, 0, 0) : tf.broadcastTo(x, shape),
        x => tf.engine().runKernel('BroadcastTo', {x}, {shape}) as tf.Tensor);
    table({
      'the kernel BroadcastTo: rows': [[[4]], x => broadcast(x!, [3, 4])],
      'the kernel BroadcastTo: columns': [[[3, 1]], x => broadcast(x!, [2, 3, 5])],
      'the kernel BroadcastTo: a scalar': [[[]], x => broadcast(x!, [2, 3])],
      'the kernel BroadcastTo: the same shape': [[[2, 3]], x => broadcast(x!, [2, 3])],
      'the kernel BroadcastTo: nothing': [[[1, 3]], x => broadcast(x!, [0, 3])],
    });
    it('refuses a shape that x does not fit', () => {
      tf.tidy(() => assertInvalid(() => broadcast(tf.zeros([3]), [4]), /broadcast/));
    });
  });

  describe('Reverse', () => table({
    'a vector': [[[7]], x => tf.reverse(x!)],
    'rows': [[[5, 8]], x => tf.reverse(x!, 0)],
    'columns': [[[5, 8]], x => tf.reverse(x!, -1)],
    'both': [[[5, 8]], x => tf.reverse(x!, [0, 1])],
    'the middle of rank 6': [[[2, 3, 4, 2, 3, 2]], x => tf.reverse(x!, [1, 4])],
    'nothing': [[[2, 0]], x => tf.reverse(x!)],
    'a scalar': [[[]], x => tf.reverse(x!)],
    'in several launches': [[[150, 130]], x => tf.reverse(x!, [0])],
  }));
  describe('FlipLeftRight', () => table({
    'images': [[[2, 3, 5, 4]], x => tf.image.flipLeftRight(x as tf.Tensor4D)],
  }, ['float32']));

  describe('PadV2', () => table({
    'a vector': [[[5]], x => tf.pad(x!, [[2, 3]], 7)],
    'a matrix': [[[3, 5]], x => tf.pad(x!, [[1, 2], [3, 4]])],
    'units of 16 bytes': [[[3, 16]], x => tf.pad(x!, [[1, 2], [16, 32]], 1)],
    'whole units to an odd place': [[[3, 16]], x => tf.pad(x!, [[1, 2], [3, 13]], 1)],
    'rows only': [[[3, 5]], x => tf.pad(x!, [[1, 2], [0, 0]], 1)],
    'images': [[[2, 5, 6, 8]], x => tf.pad(x!, [[0, 0], [1, 1], [2, 1], [0, 0]])],
    'nowhere': [[[2, 3]], x => tf.pad(x!, [[0, 0], [0, 0]], 3)],
    'an empty tensor': [[[0, 3]], x => tf.pad(x!, [[1, 2], [1, 0]], 1)],
    'to an empty tensor': [[[0, 3]], x => tf.pad(x!, [[0, 0], [1, 0]], 1)],
    'of rank 6': [[[2, 1, 3, 2, 1, 2]], x => tf.pad(x!, [[1, 0], [0, 1], [1, 1], [0, 0], [2, 0], [1, 0]], 1)],
    'in several launches': [[[120, 130]], x => tf.pad(x!, [[7, 5], [3, 4]], 1)],
  }));
  describe('PadV2 with numbers that are no element', () => {
    table({'a fraction': [[[3]], x => tf.pad(x!, [[1, 1]], -1.75)], 'NaN': [[[3]], x => tf.pad(x!, [[1, 1]], NaN)]}, ['float32', 'int32']);
    it('refuses a negative padding', () => {
      tf.tidy(() => assertInvalid(() => tf.pad(tf.zeros([5]), [[-1, 3]]), /PadV2: paddings: dimension 0/));
    });
  });

  describe('MirrorPad', () => {
    for (const mode of ['reflect', 'symmetric'] as const) {
      table({
        [`${mode}: a vector`]: [[[5]], x => tf.mirrorPad(x!, [[3, 4]], mode)],
        [`${mode}: a matrix`]: [[[3, 5]], x => tf.mirrorPad(x!, [[1, 2], [4, 3]], mode)],
        [`${mode}: units of 16 bytes`]: [[[3, 4, 16]], x => tf.mirrorPad(x!, [[1, 2], [0, 3], [0, 0]], mode)],
        [`${mode}: nowhere`]: [[[1, 5]], x => tf.mirrorPad(x!, [[0, 0], [0, 0]], mode)],
        [`${mode}: of rank 4`]: [[[2, 3, 2, 3]], x => tf.mirrorPad(x!, [[1, 1], [2, 0], [1, 1], [0, 2]], mode)],
        [`${mode}: in several launches`]: [[[120, 130]], x => tf.mirrorPad(x!, [[7, 100], [30, 4]], mode)],
      });
    }
  });

  describe('DepthToSpace', () => {
    table({
      'blocks of 2': [[[2, 3, 4, 12]], x => tf.depthToSpace(x as tf.Tensor4D, 2, 'NHWC')],
      'blocks of 3': [[[1, 2, 1, 9]], x => tf.depthToSpace(x as tf.Tensor4D, 3, 'NHWC')],
      'units of 16 bytes': [[[2, 3, 5, 16]], x => tf.depthToSpace(x as tf.Tensor4D, 2, 'NHWC')],
      // tfjs's cpu backend has NHWC alone.
      'NCHW': [[[2, 12, 3, 4]], x => onCpu(x!,
          x => tf.transpose(tf.depthToSpace(tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D, 2, 'NHWC'), [0, 3, 1, 2]),
          x => tf.depthToSpace(x as tf.Tensor4D, 2, 'NCHW'))],
    }, ['float32']);
  });

  describe('SpaceToBatchND, BatchToSpaceND', () => table({
    'without paddings': [[[2, 4, 6, 3]], x => tf.spaceToBatchND(x!, [2, 3], [[0, 0], [0, 0]])],
    'with paddings': [[[2, 3, 5, 3]], x => tf.spaceToBatchND(x!, [2, 3], [[1, 0], [0, 1]])],
    'one spatial dimension': [[[2, 5, 4]], x => tf.spaceToBatchND(x!, [3], [[1, 0]])],
    'back, without crops': [[[12, 2, 2, 3]], x => tf.batchToSpaceND(x!, [2, 3], [[0, 0], [0, 0]])],
    'back, with crops': [[[12, 2, 2, 3]], x => tf.batchToSpaceND(x!, [2, 3], [[1, 0], [2, 1]])],
    'back, one spatial dimension': [[[6, 2, 4]], x => tf.batchToSpaceND(x!, [3], [[1, 2]])],
  }));

  describe('Diag', () => table({
    'of a vector': [[[5]], x => tf.diag(x!)],
    'of a matrix': [[[2, 3]], x => tf.diag(x!)],
    'of one element': [[[1]], x => tf.diag(x!)],
    'of nothing': [[[0]], x => tf.diag(x!)],
  }));

  describe('a strided copy', () => {
    const copy = (attributes: number[], from: Given = given('float32', 6), shape = [6], dtype: Dtype = 'float32') => tf.tidy(() => {
      const x = tf.tensor(from.values, from.shape, from.dtype);
      backend().release(backend().compute('CopyStrided', [x], {shape, dtype}, attributes));
    });
    const rows: Array<[string, number[], RegExp]> = [
      ['no attributes', [], /a rank of at most 16/],
      ['a rank that is none', [1.5, 6, 0, 1, 0, 1], /a rank of at most 16/],
      ['a rank beyond the attributes', [2, 6, 0, 1, 0, 1], /2 \+ 3·rank/],
      ['a fraction', [1, 6, 0.5, 1, 0, 1], /whole numbers/],
      ['NaN', [1, 6, NaN, 1, 0, 1], /whole numbers/],
      ['a negative size', [1, -6, 0, 1, 0, 1], /whole numbers/],
      ['reading past the end', [1, 6, 1, 1, 0, 1], /source: expected addresses from 0 to 5, received 1 to 6/],
      ['reading before the begin', [1, 6, 4, -1, 0, 1], /source: .* received -1 to 4/],
      ['an overflow', [2, 2 ** 53, 2 ** 53, 0, 2 ** 53, 2 ** 53, 0, 1, 1], /source: expected addresses/],
      ['writing past the end', [1, 6, 0, 1, 1, 1], /destination: .* received 1 to 6/],
      ['writing backwards', [1, 6, 0, 1, 5, -1], /only strides of the source negative/],
      ['writing twice', [1, 6, 0, 1, 0, 0], /no element twice/],
      ['writing twice by two strides', [2, 3, 2, 0, 2, 1, 0, 1, 2], /no element twice/],
    ];
    for (const [name, attributes, text] of rows) it(`refuses ${name}`, () => assertInvalid(() => copy(attributes), text));
    it('refuses another dtype', () => assertInvalid(() => copy([1, 6, 0, 1, 0, 1], given('int32', 6)), /one dtype/));
    it('takes no addresses where there is nothing to copy', () => copy([2, 0, 9, 99, 7, 1, 99, 1, 1]));
  });
});
