// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The filter gradient that `train` puts in the place of tfjs-backend-cpu's: the same bits as the original over a table
// of shapes, taken back on request, and never put in by importing the package.
import * as assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import {replaceConv2DBackpropFilter} from '#dist/train/conv2d_backprop_filter';

type Pad = 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;

interface Case {
  x: [number, number, number, number]; // NHWC
  filter: [number, number]; // height, width
  out: number;
  strides: number | [number, number];
  pad: Pad;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const CASES: Case[] = [
  {x: [2, 8, 8, 1], filter: [3, 3], out: 8, strides: 1, pad: 'same'},
  {x: [3, 8, 8, 8], filter: [3, 3], out: 16, strides: 2, pad: 'same'},
  {x: [3, 8, 8, 8], filter: [1, 1], out: 16, strides: 2, pad: 'same'},
  {x: [2, 7, 5, 3], filter: [3, 3], out: 5, strides: 2, pad: 'same'},
  {x: [2, 7, 5, 3], filter: [3, 2], out: 7, strides: [2, 1], pad: 'valid'},
  {x: [1, 9, 4, 2], filter: [5, 4], out: 1, strides: [3, 2], pad: 'same'},
  {x: [2, 6, 6, 5], filter: [2, 2], out: 4, strides: 3, pad: 'valid'},
  {x: [2, 5, 5, 2], filter: [3, 3], out: 3, strides: 1, pad: 1},
  {x: [1, 5, 6, 1], filter: [3, 3], out: 2, strides: 2, pad: [[0, 0], [2, 1], [0, 2], [0, 0]],
   dimRoundingMode: 'floor'},
  {x: [1, 1, 1, 1], filter: [1, 1], out: 1, strides: 1, pad: 'valid'},
  {x: [1, 2, 2, 3], filter: [5, 5], out: 6, strides: 1, pad: 'same'}, // taps that never meet the input
  {x: [2, 3, 3, 2], filter: [1, 1], out: 9, strides: 4, pad: 'valid'},
];

function filterGradient(c: Case, format: 'NHWC' | 'NCHW'): {shape: number[]; values: Float32Array} {
  return tf.tidy(() => {
    const [n, h, w, channels] = c.x;
    const shape: [number, number, number, number] = format === 'NHWC' ? c.x : [n, channels, h, w];
    const x = tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', 1);
    const filter = tf.randomNormal<tf.Rank.R4>([...c.filter, channels, c.out], 0, 1, 'float32', 2);
    const convolve = (f: tf.Tensor) => tf.conv2d(x, f as tf.Tensor4D, c.strides, c.pad, format, 1, c.dimRoundingMode);
    const dy = tf.randomNormal(convolve(filter).shape, 0, 1, 'float32', 3);
    const dw = tf.grad(convolve)(filter, dy);
    return {shape: dw.shape, values: dw.dataSync() as Float32Array};
  });
}

describe('Conv2DBackpropFilter on typed arrays', () => {
  before(() => tf.setBackend('cpu'));

  for (const c of CASES) {
    for (const format of ['NHWC', 'NCHW'] as const) {
      it(`has the bits of the original: ${format} ${JSON.stringify(c)}`, () => {
        const original = filterGradient(c, format);
        const restore = replaceConv2DBackpropFilter();
        let ours;
        try {
          ours = filterGradient(c, format);
        } finally {
          restore();
        }
        assert.deepEqual(ours.shape, original.shape);
        assert.deepEqual(ours.values, original.values);
        if (c.filter[0] <= c.x[1]) assert.ok(original.values.some(v => v !== 0));
      });
    }
  }

  it('is taken back by the function that it returns', () => {
    const original = tf.getKernel(tf.Conv2DBackpropFilter, 'cpu');
    const restore = replaceConv2DBackpropFilter();
    assert.notEqual(tf.getKernel(tf.Conv2DBackpropFilter, 'cpu').kernelFunc, original.kernelFunc);
    restore();
    assert.equal(tf.getKernel(tf.Conv2DBackpropFilter, 'cpu'), original);
  });

  it('is not put in by importing the package', () => {
    // In a process of its own: here the replacement may have been loaded already.
    const output = execFileSync(process.execPath, ['-e', `
        const tf = require('@tensorflow/tfjs-core');
        require('@tensorflow/tfjs-backend-cpu');
        const before = tf.getKernel('Conv2DBackpropFilter', 'cpu').kernelFunc;
        require('tfjs-rbn');
        console.log(before !== undefined && before === tf.getKernel('Conv2DBackpropFilter', 'cpu').kernelFunc);`,
    ], {encoding: 'utf8'});
    assert.equal(output.trim(), 'true');
  });
});
