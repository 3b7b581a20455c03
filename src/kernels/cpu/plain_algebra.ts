// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the plain TypeScript forward and backward share. The algebra is that of native/rbn/algebra.h, in
// double precision throughout; the names are the same.
import {Sizes} from '../../ops';
import {maskBytes, maskRowBytes} from '../shared/decode';

export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** From the float32 variance that callers store, so that forward and backward agree. */
export function inverseStd(variance: number, epsilon: number): number {
  return 1 / Math.sqrt(variance + epsilon);
}

/** One element before residual and activation, rounded as it is stored: backward asks for its sign. */
export function forwardElement(x: number, h: number, A: number, B: number): number {
  return Math.fround(A * (x - h) + B);
}

/** S = 1: one element before residual and activation, from its x_s and its gate. */
export function singleElement(standardized: number, gate: number, gamma: number, beta: number): number {
  return Math.fround(gamma * standardized * gate + beta);
}

/**
 * dL/dx_c = scale·(u − m1 − x_s·m2), u = dL/dx_s, from Σ u and Σ u·x_s over the batch. Of two elements both x_s²
 * are 1 − ε·r²: what the term of m2 leaves is put into the scale.
 */
export function batchGradient(
    sumU: number, sumUX: number, r: number, epsilon: number, elements: number,
    training: boolean): {scale: number; m1: number; m2: number} {
  if (!training) return {scale: r, m1: 0, m2: 0};
  if (elements === 2) return {scale: epsilon * r ** 3, m1: sumU / elements, m2: 0};
  return {scale: r, m1: sumU / elements, m2: sumUX / elements};
}

/** ReLU lets a NaN pass. */
export function reluPasses(y: number): boolean {
  return !(y <= 0);
}

/**
 * Positions of one (n, c) that are taken in one go where channels are last: few enough that 16 rows of some
 * hundred channels stay in the first-level cache, enough that what belongs to (n, c) is loaded seldom.
 */
const TILE = 16;

/**
 * Calls visit(j, from, to, step) for runs of elements of one (n, c), where j = n·C + c: elements from,
 * from + step, … below to.
 */
export function forEachRun(
    {instances, positions, channels, channelsLast}: Sizes,
    visit: (j: number, from: number, to: number, step: number) => void): void {
  const step = channelsLast ? channels : 1, nextChannel = channelsLast ? 1 : positions;
  const tile = channelsLast ? TILE : positions;
  for (let n = 0; n < instances; n++) {
    for (let s = 0; s < positions; s += tile) {
      const end = Math.min(s + tile, positions);
      for (let c = 0; c < channels; c++) {
        const first = n * positions * channels + c * nextChannel;
        visit(n * channels + c, first + s * step, first + end * step, step);
      }
    }
  }
}

/** Calls visit(i, byte, bit) for each element of x with its place in a mask (native/rbn/problem.h). */
export function forEachMaskBit(
    sizes: Sizes, visit: (i: number, byte: number, bit: number) => void): void {
  const rowBytes = maskRowBytes(sizes), rows = maskBytes(sizes) / rowBytes;
  const length = sizes.channelsLast ? sizes.channels : sizes.positions;
  for (let r = 0, i = 0; r < rows; r++) {
    for (let e = 0; e < length; e++, i++) visit(i, r * rowBytes + (e >> 3), 1 << (e & 7));
  }
}

/** The element of x at position 0 of each (n, c): sums are taken from there. */
export function pivotsOf(x: Float32Array, {instances, positions, channels, channelsLast}: Sizes): Float64Array {
  const pivots = new Float64Array(instances * channels);
  for (let n = 0; n < instances; n++) {
    for (let c = 0; c < channels; c++) {
      const first = channelsLast ? n * positions * channels + c : (n * channels + c) * positions;
      pivots[n * channels + c] = x[first];
    }
  }
  return pivots;
}

/** The mean over instances of each channel, from one value k[n·C + c] an instance. */
export function meanOverInstances(k: ArrayLike<number>, instances: number, channels: number): Float64Array {
  const mean = new Float64Array(channels);
  for (let j = 0; j < instances * channels; j++) mean[j % channels] += k[j] - k[j % channels]; // from a pivot
  for (let c = 0; c < channels; c++) mean[c] = k[c] + mean[c] / instances;
  return mean;
}
