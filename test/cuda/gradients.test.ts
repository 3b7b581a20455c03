// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Gradients that the backend `cuda` has of its own, against tfjs-core's on the backend `cpu`: same values, and nothing
// of an activation's size comes from the host.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import {RbnParams, representativeBatchNormTraining} from 'tfjs-rbn';

import {againstCpu, firstDifference, Input, input} from '../support/against_cpu';
import {backend, onCuda} from '../support/cuda';

type Loss = (...inputs: tf.Tensor[]) => tf.Tensor;

const tensor = ({values, shape, dtype}: Input): tf.Tensor => tf.tensor(Array.from(values), shape, dtype);

/** The gradients of `f` in all inputs. */
async function gradientsOn(name: string, f: Loss, inputs: Input[]): Promise<number[][]> {
  await tf.setBackend(name);
  return tf.tidy(() => tf.grads(f)(inputs.map(tensor)).map(dx => Array.from(dx.dataSync())));
}

async function sameGradients(f: Loss, inputs: Input[], relative = 0): Promise<void> {
  const expected = await gradientsOn('cpu', f, inputs), actual = await gradientsOn('cuda', f, inputs);
  expected.forEach((dx, i) => assert.equal(firstDifference(actual[i]!, dx, relative), '', `input ${i} of [${inputs[i]!.shape}]`));
}

/** The bytes that `f` copies to the device. */
function uploaded(f: () => void): number {
  const {context} = backend(), {upload} = context;
  let bytes = 0;
  context.upload = (address, array) => {
    bytes += array.byteLength;
    upload.call(context, address, array);
  };
  try {
    f();
  } finally {
    context.upload = upload;
  }
  return bytes;
}

describe('cuda: gradients', function() {
  this.timeout(60000);
  onCuda();

  const SHAPES: readonly [number[], number[][]][] = [
    [[], [[]]], [[1], [[0]]], [[7], [[0], [-1], []]], [[3, 5], [[0], [1], [0, 1]]], [[2, 3, 4, 5], [[1, 2], [0, 1, 2], [3], [-1, 0]]],
    [[2, 1, 3, 2, 2, 3], [[0, 2, 4], [1, 5]]], [[0, 3], [[0], [1]]], [[40, 70], [[0], [1]]],
  ];
  for (const reduce of ['sum', 'mean'] as const) {
    it(`${reduce} over any axes`, async () => {
      for (const [shape, sets] of SHAPES) {
        for (const axes of sets) {
          for (const keepDims of [false, true]) {
            // Squared: dy is not the same everywhere.
            await sameGradients(x => tf.square(tf[reduce](x!, axes, keepDims)), [input(shape, 'float32')], 2 ** -18);
          }
        }
      }
    });

    it(`${reduce} of int32 and bool`, async () => {
      for (const dtype of ['int32', 'bool'] as const) {
        const shape = [3, 5], f: Loss = (x, w) => tf.mul(tf[reduce](x!, [0]), w!);
        await sameGradients(f, [input(shape, dtype), input([5], 'float32', 2)], 2 ** -22);
      }
    });

    it(`the derivative of the derivative of a ${reduce}`, async () => {
      const f: Loss = x => tf.grad(y => tf.pow(tf[reduce](tf.square(y), [0, 2]), tf.scalar(2)))(x!);
      await sameGradients(f, [input([3, 2, 4], 'float32')], 2 ** -20);
      await sameGradients(f, [input([2, 2, 2, 1, 2], 'float32')], 2 ** -20);
    });
  }

  for (const [kernel, activation] of [['ReluGrad', tf.relu], ['Relu6Grad', tf.relu6]] as const) {
    const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 6, 6.0000005, 5.9999995];
    const pairs = special.flatMap(dy => special.map(x => [dy, x] as const));

    it(`${kernel} is dy times a step, to the bit`, async () => {
      const f: Loss = (x, dy) => tf.mul(activation(x!), dy!);
      for (const shape of [[], [1], [5], [3, 7], [4, 1025], [0, 2]]) await sameGradients(f, [input(shape, 'float32'), input(shape, 'float32', 2)]);
      const dy: Input = {values: pairs.map(([dy]) => dy), shape: [pairs.length], dtype: 'float32'};
      const x: Input = {...dy, values: pairs.map(([, x]) => x)};
      const [dx] = await gradientsOn('cpu', f, [x, dy]), [actual] = await gradientsOn('cuda', f, [x, dy]);
      dx!.forEach((value, i) => assert.ok(Object.is(actual![i], value), `dy ${pairs[i]![0]}, x ${pairs[i]![1]}: ${actual![i]} instead of ${value}`));
    });

    it(`${kernel} of int32`, () => sameGradients(x => tf.cast(activation(x!), 'float32'), [input([40], 'int32')]));
  }

  it('the derivative of the derivative behind ReluGrad', () =>
    sameGradients(x => tf.grad(y => tf.pow(tf.relu(y), tf.scalar(3)))(x!), [input([40], 'float32')], 2 ** -20));

  it('leave other backends what they had', async () => {
    // This kernel is nowhere but on cuda: on cpu the call would fail.
    await assert.rejects(() => againstCpu('ReluGrad', {dy: input([2], 'float32'), x: input([2], 'float32')}, {}), /ReluGrad/);
    await gradientsOn('cpu', x => tf.relu(x!), [input([2], 'float32')]);
    await tf.setBackend('cuda');
  });

  it('of outputs that nobody uses are zeros of the device', async () => {
    const f: Loss = x => tf.unstack(x!, 1)[1]!;
    await sameGradients(f, [input([3, 4, 2], 'float32')]);
    await sameGradients(x => tf.split(x!, 2, 1)[0]!, [input([3, 4, 2], 'float32')]);
    tf.tidy(() => {
      const x = tf.add(tf.zeros([8, 6, 5, 4]), 1), [one, zero, dy] = [tf.fill([4], 1), tf.fill([4], 0), tf.fill(x.shape, 1)];
      assert.equal(uploaded(() => { tf.grad(x => tf.unstack(x)[0]!)(x, tf.fill([6, 5, 4], 1)); }), 0);
      const rbn = (x: tf.Tensor) => representativeBatchNormTraining(x,
          {centerWeight: zero, scaleWeight: zero, scaleBias: one} as RbnParams, {activation: 'relu', residual: x}).output;
      assert.equal(uploaded(() => { tf.grad(rbn)(x, dy); }), 0);
    });
  });

  it('upload nothing of an activation', () => tf.tidy(() => {
    const x = tf.add(tf.zeros([8, 6, 5, 4]), 1), dy = tf.add(tf.zeros([4]), 2), one = tf.scalar(1);
    const step = (f: (x: tf.Tensor) => tf.Tensor, dy: tf.Tensor) => uploaded(() => { tf.grad(f)(x, dy); });
    assert.equal(step(x => tf.sum(x), one), 0);
    assert.equal(step(x => tf.mean(x), one), 0);
    assert.equal(step(x => tf.mean(x, [0, 1, 2]), dy), 0);
    assert.equal(step(x => tf.sum(tf.relu6(tf.relu(x)), [0, 1, 2]), dy), 0);
    assert.equal(step(x => tf.moments(x, [0, 1, 2]).variance, dy), 0);
    // The count counts.
    assert.equal(uploaded(() => { tf.ones([3, 5]); }), 60);
  }));
});
