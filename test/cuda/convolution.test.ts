// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Convolutions of the backend `cuda` and their gradients: exactly tfjs's `cpu` for whole numbers, and float64 within a
// bound for others.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {againstCpu, firstDifference, Input, input, runOn} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';
import {addProduct, assertSums, integers, Sums, sums} from '../support/products';

const ULP = 2 ** -23;

type Pad = 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];

interface Case {
  /** [batch, height, width, channels] */
  x: [number, number, number, number];
  /** [height, width, channels of x, channels of y or multiplier] */
  filter: [number, number, number, number];
  strides?: [number, number] | number;
  dilations?: [number, number] | number;
  pad?: Pad;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const FULL: readonly Case[] = [
  {x: [1, 1, 1, 1], filter: [1, 1, 1, 1]},
  {x: [1, 5, 4, 3], filter: [1, 1, 3, 2]},
  {x: [2, 7, 5, 3], filter: [3, 3, 3, 4], pad: 'same'},
  {x: [2, 7, 5, 3], filter: [3, 2, 3, 4], pad: 'valid'},
  {x: [1, 8, 9, 2], filter: [3, 3, 2, 5], strides: 2, pad: 'same'},
  {x: [1, 9, 8, 2], filter: [2, 3, 2, 5], strides: [2, 3], pad: 'valid'},
  {x: [1, 9, 8, 2], filter: [1, 1, 2, 3], strides: 2, pad: 'same'},
  {x: [1, 6, 6, 1], filter: [3, 3, 1, 1], pad: [[0, 0], [2, 0], [1, 3], [0, 0]]},
  {x: [1, 6, 5, 2], filter: [2, 2, 2, 3], strides: 2, pad: 1, dimRoundingMode: 'floor'},
  {x: [1, 6, 5, 2], filter: [2, 2, 2, 3], strides: 2, pad: 1, dimRoundingMode: 'ceil'},
  {x: [2, 4, 4, 2], filter: [4, 4, 2, 3], pad: 'valid'},          // one pixel
  {x: [3, 5, 5, 2], filter: [5, 5, 2, 3], pad: 'same'},           // filter as large as the image
  {x: [1, 12, 12, 3], filter: [3, 3, 3, 40], pad: 'same'},        // large tiles
  {x: [1, 9, 9, 40], filter: [2, 2, 40, 3], pad: 'same'},         // splits, and a large tile for the gradient
  {x: [2, 9, 8, 10], filter: [3, 3, 10, 36], strides: [1, 2], pad: 'same'},
  {x: [0, 5, 5, 2], filter: [3, 3, 2, 3], pad: 'same'},
  {x: [2, 3, 3, 0], filter: [2, 2, 0, 3], pad: 'same'},
  {x: [2, 3, 3, 2], filter: [2, 2, 2, 0], pad: 'same'},
];

const DILATED: readonly Case[] = [
  {x: [1, 9, 8, 2], filter: [3, 3, 2, 3], dilations: 2, pad: 'same'},
  {x: [2, 9, 9, 2], filter: [2, 3, 2, 3], dilations: [3, 2], pad: 'valid'},
];

const DEPTHWISE: readonly Case[] = [
  {x: [1, 1, 1, 1], filter: [1, 1, 1, 1]},
  {x: [2, 7, 5, 3], filter: [3, 3, 3, 1], pad: 'same'},
  {x: [2, 7, 5, 3], filter: [3, 2, 3, 2], pad: 'valid'},
  {x: [1, 8, 9, 5], filter: [3, 3, 5, 3], strides: 2, pad: 'same'},
  {x: [1, 8, 9, 2], filter: [2, 3, 2, 1], strides: [2, 3], pad: 'valid'},
  {x: [1, 6, 6, 40], filter: [3, 3, 40, 1], pad: [[0, 0], [2, 0], [1, 3], [0, 0]]}, // more channels than a tile
  {x: [1, 6, 5, 2], filter: [2, 2, 2, 2], strides: 2, pad: 1, dimRoundingMode: 'ceil'},
  {x: [3, 12, 15, 33], filter: [3, 3, 33, 1], pad: 'same'},                         // more than one launch
  {x: [0, 5, 5, 2], filter: [3, 3, 2, 3], pad: 'same'},
  {x: [2, 3, 3, 0], filter: [2, 2, 0, 3], pad: 'same'},
];

const DEPTHWISE_DILATED: readonly Case[] = [
  {x: [1, 9, 8, 2], filter: [3, 3, 2, 2], dilations: 2, pad: 'same'},
  {x: [2, 9, 9, 3], filter: [2, 3, 3, 1], dilations: [3, 2], pad: 'valid'},
];

type Format = 'NHWC' | 'NCHW';
const FORMATS: readonly Format[] = ['NHWC', 'NCHW'];

/** A case as it is under a format. */
function under(format: Format, {x, pad = 'valid', ...rest}: Case) {
  const first = <T>([n, h, w, c]: [T, T, T, T]): [T, T, T, T] => format === 'NCHW' ? [n, c, h, w] : [n, h, w, c];
  return {x: first(x), filter: rest.filter, attrs: {
    strides: rest.strides ?? 1, pad: Array.isArray(pad) ? first(pad) : pad, dilations: rest.dilations ?? 1,
    dataFormat: format, dimRoundingMode: rest.dimRoundingMode,
  }};
}

function infoOf(format: Format, c: Case, depthwise: boolean): tf.backend_util.Conv2DInfo {
  const {x, filter, attrs} = under(format, c);
  return tf.backend_util.computeConv2DInfo(x, filter, attrs.strides, attrs.dilations, attrs.pad as 'same',
      attrs.dimRoundingMode, depthwise, format === 'NCHW' ? 'channelsFirst' : 'channelsLast');
}

/** Calls `f` with the offsets in x, filter and y of all products, by the definition; images have their channels last. */
function eachProduct(c: Case, depthwise: boolean, f: (x: number, filter: number, y: number) => void): void {
  const info = infoOf('NHWC', c, depthwise);
  const {inHeight, inWidth, inChannels, outChannels, filterHeight, filterWidth} = info;
  const [batch, outHeight, outWidth] = info.outShape as [number, number, number, number];
  for (let y = 0; y < batch * outHeight * outWidth; y++) {
    const n = Math.floor(y / (outHeight * outWidth)), i = Math.floor(y / outWidth) % outHeight, j = y % outWidth;
    for (let tap = 0; tap < filterHeight * filterWidth; tap++) {
      const row = i * info.strideHeight + Math.floor(tap / filterWidth) * info.dilationHeight - info.padInfo.top;
      const column = j * info.strideWidth + tap % filterWidth * info.dilationWidth - info.padInfo.left;
      if (row < 0 || row >= inHeight || column < 0 || column >= inWidth) continue;
      const pixel = ((n * inHeight + row) * inWidth + column) * inChannels;
      for (let o = 0; o < outChannels; o++) {
        if (depthwise) {
          f(pixel + Math.floor(o / (outChannels / inChannels)), tap * outChannels + o, y * outChannels + o);
        } else {
          for (let k = 0; k < inChannels; k++) f(pixel + k, (tap * inChannels + k) * outChannels + o, y * outChannels + o);
        }
      }
    }
  }
}

const name = (c: Case) => JSON.stringify(c);

describe('cuda: convolution', function() {
  this.timeout(240_000);
  onCuda();

  for (const format of FORMATS) {
    it(`Conv2D, ${format}`, async () => {
      for (const c of [...FULL, ...DILATED]) {
        const {x, filter, attrs} = under(format, c);
        await againstCpu('Conv2D', {x: integers(x), filter: integers(filter, 2)}, attrs);
      }
    });

    it(`its gradients, ${format}`, async () => {
      for (const c of FULL) {
        const {x, filter, attrs} = under(format, c);
        const dy = integers(infoOf(format, c, false).outShape, 3);
        await againstCpu('Conv2DBackpropInput', {dy, filter: integers(filter, 2)}, {...attrs, inputShape: x});
        await againstCpu('Conv2DBackpropFilter', {x: integers(x), dy}, {...attrs, filterShape: filter});
      }
    });

    it(`bias and activation, ${format}`, async () => {
      const {x, filter, attrs} = under(format, {x: [2, 6, 5, 3], filter: [3, 3, 3, 4], pad: 'same'});
      const shape = infoOf(format, {x: [2, 6, 5, 3], filter: [3, 3, 3, 4], pad: 'same'}, false).outShape;
      const biases = [undefined, [4], [1], [], ...format === 'NHWC' ? [[1, 1, 4], shape.slice(1)] : [[4, 1, 1]]];
      for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu']) {
        for (const [i, bias] of biases.entries()) {
          const w = integers(filter, 2);
          w.values = Array.from(w.values, (v) => v / 256);
          await againstCpu('FusedConv2D', {
            x: integers(x), filter: w, ...bias && {bias: integers(bias, 3)},
            ...activation === 'prelu' && {preluActivationWeights: integers(i % 2 === 0 ? [4] : shape.slice(1), 4)},
          }, {...attrs, activation, leakyreluAlpha: 0.25},
          // As for matrix products.
          activation === 'elu' || activation === 'sigmoid' ? 3 * ULP : 0);
        }
      }
    });
  }

  it('depthwise', async () => {
    for (const c of [...DEPTHWISE, ...DEPTHWISE_DILATED]) {
      const {x, filter, attrs} = under('NHWC', c);
      await againstCpu('DepthwiseConv2dNative', {x: integers(x), filter: integers(filter, 2)}, attrs);
    }
  });

  it('its gradients', async () => {
    for (const c of DEPTHWISE) {
      const {x, filter, attrs} = under('NHWC', c);
      const dy = integers(infoOf('NHWC', c, true).outShape, 3);
      await againstCpu('DepthwiseConv2dNativeBackpropInput', {dy, filter: integers(filter, 2)}, {...attrs, inputShape: x});
      await againstCpu('DepthwiseConv2dNativeBackpropFilter', {x: integers(x), dy}, {...attrs, filterShape: filter});
    }
  });

  // tfjs's cpu backend leaves the dilations out in these two.
  it('depthwise gradients with dilations, by the definition', async () => {
    for (const c of DEPTHWISE_DILATED) {
      const {x: inputShape, filter: filterShape, attrs} = under('NHWC', c);
      const x = integers(inputShape), filter = integers(filterShape, 2), dy = integers(infoOf('NHWC', c, true).outShape, 3);
      const dx = new Array<number>(x.values.length).fill(0), dw = new Array<number>(filter.values.length).fill(0);
      eachProduct(c, true, (i, j, k) => {
        dx[i]! += dy.values[k]! * filter.values[j]!;
        dw[j]! += dy.values[k]! * x.values[i]!;
      });
      const [actualX] = await runOn('cuda', 'DepthwiseConv2dNativeBackpropInput', {dy, filter}, {...attrs, inputShape});
      const [actualW] = await runOn('cuda', 'DepthwiseConv2dNativeBackpropFilter', {x, dy}, {...attrs, filterShape});
      assert.equal(firstDifference(actualX!.values, dx), '', name(c));
      assert.equal(firstDifference(actualW!.values, dw), '', name(c));
    }
  });

  it('depthwise with bias and activation', async () => {
    const {x, filter, attrs} = under('NHWC', {x: [2, 6, 5, 3], filter: [3, 3, 3, 2], pad: 'same'});
    for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu']) {
      for (const bias of [undefined, [6], [6, 5, 6]]) {
        const w = integers(filter, 2);
        w.values = Array.from(w.values, (v) => v / 32);
        await againstCpu('FusedDepthwiseConv2D', {
          x: integers(x), filter: w, ...bias && {bias: integers(bias, 3)},
          ...activation === 'prelu' && {preluActivationWeights: integers([6], 4)},
        }, {...attrs, activation, leakyreluAlpha: 0.25}, activation === 'elu' || activation === 'sigmoid' ? 3 * ULP : 0);
      }
    }
  });

  for (const depthwise of [false, true]) {
    it(`${depthwise ? 'depthwise, ' : ''}float32 sums against float64; two runs give the same bits`, async () => {
      const c: Case = {x: [2, 9, 9, 12], filter: [3, 3, 12, depthwise ? 2 : 40], strides: 2, pad: 'same'};
      const {x: inputShape, filter: filterShape, attrs} = under('NHWC', c);
      const x = input(inputShape, 'float32'), filter = input(filterShape, 'float32', 2);
      const dy = input(infoOf('NHWC', c, true).outShape.slice(0, 3).concat(depthwise ? 24 : 40), 'float32', 3);
      const y = sums(dy.values.length), dx = sums(x.values.length), dw = sums(filter.values.length);
      eachProduct(c, depthwise, (i, j, k) => {
        addProduct(y, k, x.values[i]!, filter.values[j]!);
        addProduct(dx, i, dy.values[k]!, filter.values[j]!);
        addProduct(dw, j, dy.values[k]!, x.values[i]!);
      });
      const prefix = depthwise ? 'DepthwiseConv2dNative' : 'Conv2D';
      const calls: [string, Record<string, Input>, object, Sums, number][] = [
        [prefix, {x, filter}, {}, y, depthwise ? 9 : 108],
        [`${prefix}BackpropInput`, {dy, filter}, {inputShape}, dx, depthwise ? 18 : 360],
        [`${prefix}BackpropFilter`, {x, dy}, {filterShape}, dw, 50],
      ];
      for (const [kernel, inputs, shapes, expected, terms] of calls) {
        const [first] = await runOn('cuda', kernel, inputs, {...attrs, ...shapes});
        const [second] = await runOn('cuda', kernel, inputs, {...attrs, ...shapes});
        assertSums(first!.values, expected, terms, kernel);
        assert.deepEqual(first!.values, second!.values);
      }
    });

    it(`${depthwise ? 'depthwise, ' : ''}gradients through tf.grads`, async () => {
      const gradients = async (name: string) => {
        await tf.setBackend(name);
        const results = tf.tidy(() => {
          const tensor = ({values, shape}: Input) => tf.tensor4d(Array.from(values), shape as Case['x']);
          const x = tensor(integers([2, 8, 7, 3])), filter = tensor(integers([3, 3, 3, 4], 2));
          return tf.grads((x, filter) => {
            const [a, b] = [x as tf.Tensor4D, filter as tf.Tensor4D];
            return depthwise ? tf.depthwiseConv2d(a, b, 2, 'same') : tf.conv2d(a, b, 2, 'same');
          })([x, filter], tensor(integers([2, 4, 4, depthwise ? 12 : 4], 3)));
        });
        const values = results.map((t) => Array.from(t.dataSync()));
        tf.dispose(results);
        return values;
      };
      const expected = await gradients('cpu'), actual = await gradients('cuda');
      actual.forEach((values, i) => assert.equal(firstDifference(values, expected[i]!), ''));
    });
  }

  it("leakyrelu without an alpha has tf.leakyRelu's", async () => {
    const inputs = {x: integers([1, 3, 3, 2]), filter: integers([2, 2, 2, 3], 2)};
    const attrs = {strides: 1, pad: 'same', dilations: 1, dataFormat: 'NHWC', activation: 'leakyrelu'};
    const [actual] = await runOn('cuda', 'FusedConv2D', inputs, attrs);
    const [expected] = await runOn('cpu', 'FusedConv2D', inputs, {...attrs, leakyreluAlpha: 0.2});
    assert.equal(firstDifference(actual!.values, expected!.values, ULP), '');
  });

  it('a gradient that is larger than the output counts at the top left', async () => {
    const attrs = {strides: 1, pad: 'same', dataFormat: 'NHWC'};
    const x = integers([1, 4, 5, 2]), filter = integers([3, 3, 2, 3], 2), dy = integers([1, 8, 7, 3], 3);
    const filterShape = filter.shape;
    await againstCpu('Conv2DBackpropInput', {dy, filter}, {...attrs, inputShape: x.shape});
    await againstCpu('Conv2DBackpropFilter', {x, dy}, {...attrs, filterShape});
    await assert.rejects(runOn('cuda', 'Conv2DBackpropFilter', {x, dy: integers([1, 4, 4, 3])}, {...attrs, filterShape}),
        /dy: expected shape \[1,4,5,3\], received \[1,4,4,3\]/);
  });

  it('what does not fit is an error', async () => {
    const [x, filter] = [tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 3])];
    const run = (operation: string, shape: number[], attributes: number[]) =>
      () => backend().compute(operation, [x, filter], {shape, dtype: 'float32'}, attributes);
    const plain = [0, 1, 1, 1, 1, 0, 0];
    assert.throws(run('Conv2D', [1, 2, 2, 4], [...plain, 0, 0, 0]), /filter: expected to lead from 2 to 4 channels/);
    assert.throws(run('Conv2D', [2, 2, 2, 3], [...plain, 0, 0, 0]), /y has not the batch of x/);
    assert.throws(run('Conv2D', [1, 2, 2], [...plain, 0, 0, 0]), /rank 4/);
    assert.throws(run('Conv2D', [1, 2, 2, 3], [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]), /attribute 1: expected a whole number from 1/);
    assert.throws(run('Conv2D', [1, 2, 2, 3], [0, 1, 1, 1, 1, -1, 0, 0, 0, 0]), /attribute 5: expected a whole number from 0/);
    assert.throws(run('Conv2D', [1, 2, 2, 3], plain), /10 attributes/);
    assert.throws(run('DepthwiseConv2dNative', [1, 2, 2, 3], [...plain, 0, 0, 0]), /filter: expected to lead/);
    assert.throws(run('DepthwiseConv2dNative', [1, 6, 2, 2], [1, ...plain.slice(1), 0, 0, 0]), /channels/);
    tf.dispose([x, filter]);
    await assert.rejects(runOn('cuda', 'DepthwiseConv2dNative', {x: integers([1, 4, 4, 2]), filter: integers([3, 3, 2, 1])},
        {strides: 2, dilations: 2, pad: 'same'}), /expected strides or dilations of 1/);
    await assert.rejects(runOn('cuda', 'DepthwiseConv2dNative', {x: integers([1, 2, 4, 4]), filter: integers([3, 3, 2, 1])},
        {strides: 1, dilations: 1, pad: 'same', dataFormat: 'NCHW'}), /dataFormat: expected NHWC, received NCHW/);
  });
});
