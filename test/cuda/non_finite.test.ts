// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// NaN and infinite values in convolutions and their gradients on the backend `cuda`: they come out where they do on
// tfjs's `cpu`, and nowhere else. Other kernels' are tested with these kernels.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import {againstCpu, Input, runOn} from '../support/against_cpu';
import {integers} from '../support/products';
import {onCuda, withPlainProducts} from '../support/cuda';

/** An image of integers but for NaN and both infinities, in corners or only inside. */
function spoiled(shape: number[], seed: number, where: 'corners' | 'inside' = 'corners'): Input {
  const made = integers(shape, seed), values = Array.from(made.values);
  const [images, height, width, channels] = shape as [number, number, number, number];
  const at = (image: number, row: number, column: number) => ((image * height + row) * width + column) * channels;
  const middle = at(0, height >> 1, width >> 1);
  const places = where === 'corners' ? [at(0, 0, 0), middle, at(images, 0, 0) - 1] : [middle, middle + 1, middle + 2];
  places.forEach((place, i) => { values[place] = [NaN, Infinity, -Infinity][i]!; });
  return {...made, values};
}

describe('cuda: NaN and Infinity', function() {
  this.timeout(60000);
  onCuda();

  for (const pad of ['valid', 'same'] as const) {
    for (const strides of [1, 2]) {
      it(`in convolutions, ${pad}, strides ${strides}`, async () => {
        const attrs = {strides, pad, dilations: 1, dataFormat: 'NHWC'};
        const xShape = [2, 9, 8, 3];
        for (const [kernel, gradients, filterShape] of [
          ['Conv2D', 'Conv2DBackprop', [3, 3, 3, 5]], ['DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackprop', [3, 3, 3, 2]],
        ] as const) {
          const filter = integers([...filterShape], 2);
          const [y] = await againstCpu(kernel, {x: spoiled(xShape, 1), filter}, attrs);
          const broken = y!.values.filter((v) => !Number.isFinite(v)).length;
          assert.ok(broken > 0 && broken < y!.values.length / 2, `${broken} of ${y!.values.length}`);
          await againstCpu(`${gradients}Input`, {dy: spoiled(y!.shape, 3), filter}, {...attrs, inputShape: xShape});
          await againstCpu(`${gradients}Filter`, {x: spoiled(xShape, 1), dy: integers(y!.shape, 3)}, {...attrs, filterShape});
          // At the border of a padded image it differs, see below.
          const dy = spoiled(y!.shape, 3, pad === 'same' ? 'inside' : 'corners');
          await againstCpu(`${gradients}Filter`, {x: integers(xShape, 1), dy}, {...attrs, filterShape});
        }
      });
    }
  }

  // A library may leave them out, as the cpu backend does.
  it('outside of an image are zeros, which plain kernels multiply', () => withPlainProducts(async () => {
    const attrs = {strides: 1, pad: 'same', dilations: 1, dataFormat: 'NHWC'};
    const x: Input = {values: [1, 2, 3, 4], shape: [1, 1, 4, 1], dtype: 'float32'};
    const filter: Input = {values: [Infinity, 1, 1], shape: [1, 3, 1, 1], dtype: 'float32'};
    const [y] = await runOn('cuda', 'Conv2D', {x, filter}, attrs);
    assert.deepEqual(y!.values, [NaN, Infinity, Infinity, Infinity], 'the filter begins outside');
    const dy: Input = {values: [NaN, 1, 1, 1], shape: [1, 1, 4, 1], dtype: 'float32'};
    const [dfilter] = await runOn('cuda', 'Conv2DBackpropFilter', {x, dy}, {...attrs, filterShape: [1, 3, 1, 1]});
    assert.deepEqual(dfilter!.values, [NaN, NaN, NaN]); // on cpu the first is 6: it leaves out what is outside
  }));
});
