// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The same kernel call on the backend `cuda` and on tfjs's `cpu`: same dtypes, same shapes, same values.
import * as assert from 'node:assert/strict';

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

/** A tensor's content, to be made on any backend. */
export interface Input {
  values: ArrayLike<number>;
  shape: number[];
  dtype: 'float32' | 'int32' | 'bool';
}

export interface Output {
  dtype: string;
  shape: number[];
  values: number[];
}

export type Inputs = Record<string, Input>;

/** What a kernel gives on a backend, which stays the active one. */
export async function runOn(backend: string, kernel: string, inputs: Inputs, attrs: object): Promise<Output[]> {
  await tf.setBackend(backend);
  const made = Object.entries(inputs).map(([name, {values, shape, dtype}]) =>
    [name, tf.tensor(Array.from(values), shape, dtype)] as const);
  let results: tf.Tensor[] = [];
  try {
    const returned = tf.engine().runKernel<tf.Tensor | tf.Tensor[]>(
        kernel, Object.fromEntries(made) as unknown as tf.NamedTensorMap, attrs as unknown as tf.NamedAttrMap);
    results = Array.isArray(returned) ? returned : [returned];
    return await Promise.all(results.map(async (t) =>
      ({dtype: t.dtype, shape: t.shape, values: Array.from(await t.data<'float32'>())})));
  } finally {
    tf.dispose([results, made.map(([, tensor]) => tensor)]);
  }
}

/** '' or the first value that is further from the expected one than `relative` of it. NaN equals NaN. */
export function firstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>, relative = 0): string {
  if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!, b = expected[i]!;
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (!(Math.abs(a - b) <= relative * Math.abs(b))) return `[${i}]: expected ${b}, received ${a}`;
  }
  return '';
}

/** Runs a kernel on both and compares; returns what `cuda` gave. */
export async function againstCpu(kernel: string, inputs: Inputs, attrs: object, relative = 0): Promise<Output[]> {
  const expected = await runOn('cpu', kernel, inputs, attrs);
  const actual = await runOn('cuda', kernel, inputs, attrs);
  const call = `${kernel} ${Object.values(inputs).map(({dtype, shape}) => `${dtype}[${shape}]`)} ${JSON.stringify(attrs)}`;
  assert.equal(actual.length, expected.length, call);
  actual.forEach(({dtype, shape, values}, i) => {
    assert.equal(dtype, expected[i]!.dtype, `${call}: dtype`);
    assert.deepEqual(shape, expected[i]!.shape, `${call}: shape`);
    assert.equal(firstDifference(values, expected[i]!.values, relative), '', call);
  });
  return actual;
}

/** Values of a dtype that repeat the same at each run: floats in ±4, integers in ±9. */
export function input(shape: number[], dtype: Input['dtype'], seed = 1): Input {
  let state = seed;
  const values = Array.from({length: tf.util.sizeFromShape(shape)}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const uniform = state / 2 ** 32;
    return dtype === 'float32' ? Math.fround(8 * uniform - 4) : dtype === 'int32' ? Math.floor(19 * uniform) - 9 : Math.floor(2 * uniform);
  });
  return {values, shape, dtype};
}
