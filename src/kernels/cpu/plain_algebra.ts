// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the plain TypeScript forward and backward share. The algebra is that of native/rbn/algebra.h, in
// double precision throughout; the names are the same.
import {maskRowBytes} from './memory';
import {Sizes} from '../../ops';

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

/** ReLU lets a NaN pass. */
export function reluPasses(y: number): boolean {
  return !(y <= 0);
}

/**
 * x as rows, the runs of its fastest axis: C elements, one of each channel (channels last), or the S
 * elements of one channel. Element e of row r belongs to (n, c) number n·C + c = first(r) + step·e.
 */
export class Rows {
  readonly count: number;
  readonly length: number;
  readonly step: 0 | 1;
  readonly maskBytes: number; // of one row

  constructor(private readonly sizes: Sizes) {
    const {instances, positions, channels, channelsLast} = sizes;
    this.count = instances * (channelsLast ? positions : channels);
    this.length = channelsLast ? channels : positions;
    this.step = channelsLast ? 1 : 0;
    this.maskBytes = maskRowBytes(sizes);
  }

  first(r: number): number {
    return this.sizes.channelsLast ? Math.floor(r / this.sizes.positions) * this.sizes.channels : r;
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
