// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward pass in plain TypeScript, for installs without the native addon. Same arguments and same
// state and mask as the addon's cpuForward (native/rbn/problem.h).
import {Activation, ForwardArguments, Layout} from '../../binding';
import {Sizes} from '../../ops';
import {
  forwardElement, inverseStd, meanOverInstances, pivotsOf, reluPasses, Rows, sigmoid, singleElement,
} from './plain_algebra';

/** NativeAddon.cpuForward in TypeScript; one thread. */
export function plainForward(_threads: number, ...args: ForwardArguments<Float32Array, Uint8Array>): void {
  if (args[1] === 1) {
    forwardSingle(args);
  } else {
    forwardSpatial(args);
  }
}

/** S > 1: sums over each instance's positions, a few operations a (n, c), one pass that writes y. */
function forwardSpatial(args: ForwardArguments<Float32Array, Uint8Array>): void {
  const [
    instances, positions, channels, layout, training, activation, epsilon, x, residual, gamma, beta,
    centerWeight, scaleWeight, scaleBias, givenMean, givenVariance, y, mean, variance, state, mask,
  ] = args;
  const sizes: Sizes = {instances, positions, channels, channelsLast: layout === Layout.ChannelsLast};
  const rows = new Rows(sizes);
  const pairs = instances * channels; // (n, c)
  const {k, v} = instanceMoments(x, sizes, rows);

  const channelMean = new Float64Array(channels); // of x_c; its float32 rounding is too coarse for K
  const invStd = new Float64Array(channels);
  if (training) {
    const grandMean = meanOverInstances(k, instances, channels);
    for (let c = 0; c < channels; c++) {
      let within = 0, between = 0;
      for (let j = c; j < pairs; j += channels) {
        within += v[j];
        between += (k[j] - grandMean[c]) ** 2;
      }
      const a = 1 + centerWeight[c];
      channelMean[c] = a * grandMean[c];
      mean![c] = channelMean[c];
      variance![c] = (within + a * a * between) / instances;
      invStd[c] = inverseStd(variance![c], epsilon);
    }
  } else {
    for (let c = 0; c < channels; c++) {
      channelMean[c] = givenMean![c];
      invStd[c] = inverseStd(givenVariance![c], epsilon);
    }
  }

  const planes = state ?? new Float32Array(4 * pairs);
  const [h, l, A, B] = [0, 1, 2, 3].map((i) => planes.subarray(i * pairs, (i + 1) * pairs));
  for (let j = 0; j < pairs; j++) {
    const c = j % channels;
    const K = ((1 + centerWeight[c]) * k[j] - channelMean[c]) * invStd[c];
    const gate = sigmoid(scaleWeight[c] * K + scaleBias[c]);
    const gated = (gamma === null ? 1 : gamma[c]) * gate;
    const slope = gated * invStd[c];
    h[j] = k[j];
    l[j] = k[j] - h[j];
    A[j] = slope;
    B[j] = (beta === null ? 0 : beta[c]) + gated * K - slope * (k[j] - h[j]);
  }

  const relu = activation === Activation.Relu;
  mask?.fill(0);
  for (let r = 0, i = 0; r < rows.count; r++) {
    const first = rows.first(r);
    for (let e = 0; e < rows.length; e++, i++) {
      const j = first + rows.step * e;
      let value = forwardElement(x[i], h[j], A[j], B[j]);
      if (residual !== null) value = Math.fround(value + residual[i]);
      if (relu) {
        if (!reluPasses(value)) {
          value = 0;
        } else if (mask !== null) {
          mask[r * rows.maskBytes + (e >> 3)] |= 1 << (e & 7);
        }
      }
      y[i] = value;
    }
  }
}

/** k_n and v_n: mean and biased variance over the positions of each (n, c). */
function instanceMoments(x: Float32Array, sizes: Sizes, rows: Rows): {k: Float64Array; v: Float64Array} {
  const pivots = pivotsOf(x, sizes);
  const k = new Float64Array(pivots.length); // first Σ d, d = x − pivot
  const v = new Float64Array(pivots.length); // first Σ d²
  for (let r = 0, i = 0; r < rows.count; r++) {
    const first = rows.first(r);
    for (let e = 0; e < rows.length; e++, i++) {
      const j = first + rows.step * e;
      const d = x[i] - pivots[j];
      k[j] += d;
      v[j] += d * d;
    }
  }
  for (let j = 0; j < pivots.length; j++) {
    const d = k[j] / sizes.positions;
    const variance = v[j] / sizes.positions - d * d;
    k[j] = pivots[j] + d;
    v[j] = variance < 0 ? 0 : variance; // keeps a NaN
  }
  return {k, v};
}

/** S = 1: every element is its instance's mean, so x_s and the gate are elementwise. */
function forwardSingle(args: ForwardArguments<Float32Array, Uint8Array>): void {
  const [
    instances, , channels, , training, activation, epsilon, x, residual, gamma, beta,
    centerWeight, scaleWeight, scaleBias, givenMean, givenVariance, y, mean, variance, state, mask,
  ] = args;
  const grandMean = training ? meanOverInstances(x, instances, channels) : null;
  const relu = activation === Activation.Relu;
  const maskRow = Math.ceil(channels / 8);
  mask?.fill(0);
  for (let c = 0; c < channels; c++) {
    const a = 1 + centerWeight[c];
    let exactMean: number, stored: number;
    if (grandMean !== null) {
      let squares = 0;
      for (let i = c; i < x.length; i += channels) squares += (x[i] - grandMean[c]) ** 2;
      exactMean = a * grandMean[c];
      mean![c] = exactMean;
      variance![c] = a * a * squares / instances;
      stored = variance![c];
    } else {
      exactMean = givenMean![c];
      stored = givenVariance![c];
    }
    // Rounded as the state keeps it, so that backward finds the same x_s.
    const high = Math.fround(exactMean), low = Math.fround(exactMean - high);
    if (state !== null) {
      state[c] = high;
      state[channels + c] = low;
    }
    const xcMean = high + low;
    const invStd = inverseStd(stored, epsilon);
    const g = gamma === null ? 1 : gamma[c], b = beta === null ? 0 : beta[c];
    for (let n = 0, i = c; n < instances; n++, i += channels) {
      const standardized = (a * x[i] - xcMean) * invStd;
      let value = singleElement(standardized, sigmoid(scaleWeight[c] * standardized + scaleBias[c]), g, b);
      if (residual !== null) value = Math.fround(value + residual[i]);
      if (relu) {
        if (!reluPasses(value)) {
          value = 0;
        } else if (mask !== null) {
          mask[n * maskRow + (c >> 3)] |= 1 << (c & 7);
        }
      }
      y[i] = value;
    }
  }
}
