// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Inputs and bounds for kernels that add up products.
import * as assert from 'node:assert/strict';

import {Input, input} from './against_cpu';

/** Whole numbers from −9 to 9 in float32: their sums of products are exact in any order, so results must be equal. */
export function integers(shape: number[], seed = 1): Input {
  return {...input(shape, 'int32', seed), dtype: 'float32'};
}

/** Sums of products in float64, and the sums of their magnitudes. */
export interface Sums {
  exact: Float64Array;
  magnitude: Float64Array;
}

export function sums(count: number): Sums {
  return {exact: new Float64Array(count), magnitude: new Float64Array(count)};
}

export function addProduct({exact, magnitude}: Sums, i: number, a: number, b: number): void {
  exact[i]! += a * b;
  magnitude[i]! += Math.abs(a * b);
}

/**
 * Float32 sums of `terms` products against float64. Roundings, each of half a unit in the last place, partly cancel: all
 * but one in 10^5 sums stay within 5·√terms·2^-24 of the magnitude (Higham and Mary, SIAM J. Sci. Comput. 41, 2019,
 * theorem 3.1); inputs of 10 or 7 bits (TF32, bfloat16) would miss that by far.
 */
export function assertSums(actual: ArrayLike<number>, {exact, magnitude}: Sums, terms: number, what: string): void {
  assert.equal(actual.length, exact.length, what);
  const tolerance = 5 * Math.sqrt(terms) * 2 ** -24;
  for (let i = 0; i < exact.length; i++) {
    assert.ok(Math.abs(actual[i]! - exact[i]!) <= tolerance * magnitude[i]!,
        `${what}: [${i}]: expected ${exact[i]}, received ${actual[i]}, of magnitude ${magnitude[i]}`);
  }
}
