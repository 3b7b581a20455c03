// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward pass in plain TypeScript, for installs without the native addon. Same arguments and same
// state and mask as the addon's cpuForward (native/rbn/problem.h).
import {Activation, ForwardArguments, Layout} from '../../binding';
import {Sizes} from '../../ops';
import {
  forEachMaskBit, forEachRun, forwardElement, inverseStd, meanOverInstances, pivotsOf, reluPasses, sigmoid,
  singleElement,
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
  const pairs = instances * channels; // (n, c)
  const {k, v} = instanceMoments(x, sizes);

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

  forEachRun(sizes, (j, from, to, step) => {
    const hj = h[j], Aj = A[j], Bj = B[j];
    for (let i = from; i < to; i += step) y[i] = forwardElement(x[i], hj, Aj, Bj);
  });
  finish(y, residual, activation, mask, sizes);
}

/** What follows the normalisation: the residual, the activation and its mask. */
function finish(
    y: Float32Array, residual: Float32Array | null, activation: Activation, mask: Uint8Array | null,
    sizes: Sizes): void {
  if (residual !== null) {
    for (let i = 0; i < y.length; i++) y[i] += residual[i];
  }
  if (activation !== Activation.Relu) return;
  if (mask !== null) {
    mask.fill(0);
    forEachMaskBit(sizes, (i, byte, bit) => {
      if (reluPasses(y[i])) mask[byte] |= bit;
    });
  }
  for (let i = 0; i < y.length; i++) {
    if (!reluPasses(y[i])) y[i] = 0;
  }
}

/** k_n and v_n: mean and biased variance over the positions of each (n, c). */
function instanceMoments(x: Float32Array, sizes: Sizes): {k: Float64Array; v: Float64Array} {
  const pivots = pivotsOf(x, sizes);
  const k = new Float64Array(pivots.length); // first Σ d, d = x − pivot
  const v = new Float64Array(pivots.length); // first Σ d²
  forEachRun(sizes, (j, from, to, step) => {
    const pivot = pivots[j];
    let sum = 0, squares = 0;
    for (let i = from; i < to; i += step) {
      const d = x[i] - pivot;
      sum += d;
      squares += d * d;
    }
    k[j] += sum;
    v[j] += squares;
  });
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
      const gate = sigmoid(scaleWeight[c] * standardized + scaleBias[c]);
      y[i] = singleElement(standardized, gate, g, b);
    }
  }
  finish(y, residual, activation, mask, {instances, positions: 1, channels, channelsLast: true});
}
