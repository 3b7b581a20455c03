// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The backend `cuda` against tfjs's `cpu`, bit by bit: for kernels that move elements or choose among them.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

export type Dtype = 'float32' | 'int32' | 'bool';
export const DTYPES: readonly Dtype[] = ['float32', 'int32', 'bool'];

/** A tensor to be made on each backend. */
export interface Given {
  dtype: Dtype;
  shape: number[];
  values: number[];
}

/** Values that tell elements apart; among floats also NaN, −0 and ∞. */
export function given(dtype: Dtype, ...shape: number[]): Given {
  const size = shape.reduce((a, b) => a * b, 1);
  const float = (i: number) => i % 17 === 3 ? NaN : i % 19 === 5 ? -0 : i % 23 === 7 ? -Infinity : i + 0.5;
  const value = (i: number) => dtype === 'float32' ? float(i) : dtype === 'int32' ? i * 7919 - 12345 : (Math.imul(i, 0x9e3779b1) >>> 20) & 1;
  return {dtype, shape, values: Array.from({length: size}, (_, i) => value(i))};
}

export function ints(values: number[], shape = [values.length]): Given {
  return {dtype: 'int32', shape, values};
}

type Result = tf.Tensor | tf.Tensor[];

/** Runs `f` on both backends; ends on `cuda`. */
export async function assertSame(f: (...inputs: tf.Tensor[]) => Result, ...inputs: Given[]): Promise<void> {
  const run = async (backend: string) => {
    assert.ok(await tf.setBackend(backend));
    tf.engine().startScope();
    try {
      const out = f(...inputs.map(({values, shape, dtype}) => tf.tensor(values, shape, dtype)));
      return (Array.isArray(out) ? out : [out]).map(t => ({
        shape: t.shape, dtype: t.dtype, values: Array.from(t.dataSync() as ArrayLike<number>)}));
    } finally {
      tf.engine().endScope();
    }
  };
  try {
    const expected = await run('cpu'), received = await run('cuda');
    assert.deepEqual(received.map(({shape, dtype}) => ({shape, dtype})), expected.map(({shape, dtype}) => ({shape, dtype})));
    expected.forEach(({values, shape}, i) => {
      assert.equal(received[i]!.values.length, values.length);
      const k = values.findIndex((value, k) => !Object.is(value, received[i]!.values[k]));
      assert.equal(k, -1, `result ${i}, element ${k} of [${shape}]: expected ${values[k]}, received ${received[i]!.values[k]}`);
    });
  } finally {
    await tf.setBackend('cuda');
  }
}

/** `f` throws an error of the engine's that says `text`. */
export function assertInvalid(f: () => unknown, text: RegExp): void {
  assert.throws(f, (e: unknown) => text.test((e as Error).message));
}
