// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The backward pass in plain TypeScript, for installs without the native addon. Same arguments as the
// addon's cpuBackward (native/rbn/problem.h).
import {Activation, BackwardArguments, Layout} from '../../binding';
import {Sizes} from '../../ops';
import {
  batchGradient, forEachMaskBit, forEachRun, forwardElement, inverseStd, meanOverInstances, reluPasses, sigmoid, singleElement,
} from './plain_algebra';

/** NativeAddon.cpuBackward in TypeScript; one thread. */
export function plainBackward(_threads: number, ...args: BackwardArguments<Float32Array, Uint8Array>): void {
  if (args[1] === 1) {
    backwardSingle(args);
  } else {
    backwardSpatial(args);
  }
}

/** S > 1: sums of G and G·(x − h) over positions, sums of those over instances, one pass that writes dx. */
function backwardSpatial(args: BackwardArguments<Float32Array, Uint8Array>): void {
  const [
    instances, positions, channels, layout, training, activation, epsilon, dy, x, gamma, ,
    centerWeight, scaleWeight, scaleBias, mean, variance, state, mask,
    dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias,
  ] = args;
  const sizes: Sizes = {instances, positions, channels, channelsLast: layout === Layout.ChannelsLast};
  const pairs = instances * channels; // (n, c)
  const [h, l] = [0, 1].map((i) => state.subarray(i * pairs, (i + 1) * pairs));

  // G = dL/dy before the activation.
  let G = dy;
  if (activation === Activation.Relu) {
    G = dresidual ?? dx; // dx is written only after G has been read
    if (mask !== null) {
      applyMask(mask, dy, G, sizes);
    } else {
      recomputeMask(x, state, dy, G, sizes);
    }
  }

  const D = new Float64Array(pairs); // Σ_s G
  const T = new Float64Array(pairs); // Σ_s G·(x − h)
  forEachRun(sizes, (j, from, to, step) => {
    const hj = h[j];
    let sum = 0, products = 0;
    for (let i = from; i < to; i += step) {
      sum += G[i];
      products += G[i] * (x[i] - hj);
    }
    D[j] += sum;
    T[j] += products;
  });

  const k = new Float64Array(pairs);
  for (let j = 0; j < pairs; j++) k[j] = h[j] + l[j];
  const grandMean = training ? meanOverInstances(k, instances, channels) : null;
  const P = new Float64Array(pairs), Q = new Float64Array(pairs), R = new Float64Array(pairs);
  const K = new Float64Array(instances), q = new Float64Array(instances), H = new Float64Array(instances);
  for (let c = 0; c < channels; c++) {
    const a = 1 + centerWeight[c];
    const r = inverseStd(variance[c], epsilon);
    const g = gamma === null ? 1 : gamma[c];
    const channelMean = grandMean !== null ? a * grandMean[c] : mean![c];
    let sumD = 0, sumGatedD = 0, sumGatedE = 0, sumQ = 0, sumQK = 0;
    for (let n = 0, j = c; n < instances; n++, j += channels) {
      K[n] = (a * k[j] - channelMean) * r;
      const gate = sigmoid(scaleWeight[c] * K[n] + scaleBias[c]);
      const E = r * (T[j] - l[j] * D[j]) + K[n] * D[j];
      q[n] = g * E * gate * (1 - gate);
      H[n] = g * gate * D[j] + scaleWeight[c] * q[n];
      P[j] = g * gate;
      sumD += D[j];
      sumGatedD += gate * D[j];
      sumGatedE += gate * E;
      sumQ += q[n];
      sumQK += q[n] * K[n];
    }
    const elements = instances * positions;
    const {scale, m1, m2} = batchGradient(
        g * sumGatedD + scaleWeight[c] * sumQ, g * sumGatedE + scaleWeight[c] * sumQK, r, epsilon, elements, training);
    const origin = grandMean !== null ? grandMean[c] : 0;
    let centerGradient = 0;
    for (let n = 0, j = c; n < instances; n++, j += channels) {
      const U = scale * (H[n] - positions * (m1 + K[n] * m2));
      centerGradient += (k[j] - origin) * U;
      Q[j] = -scale * r * m2;
      P[j] *= scale;
      R[j] = scale * (scaleWeight[c] * q[n] / positions - m1 - m2 * K[n]) + centerWeight[c] / positions * U -
          Q[j] * l[j];
    }
    if (dgamma !== null) dgamma[c] = sumGatedE;
    if (dbeta !== null) dbeta[c] = sumD;
    dcenterWeight[c] = centerGradient;
    dscaleWeight[c] = sumQK;
    dscaleBias[c] = sumQ;
  }

  forEachRun(sizes, (j, from, to, step) => {
    const Pj = P[j], Qj = Q[j], Rj = R[j], hj = h[j];
    for (let i = from; i < to; i += step) dx[i] = Pj * G[i] + Qj * (x[i] - hj) + Rj;
  });
}

/** to = from where the mask is set, else 0. */
function applyMask(mask: Uint8Array, from: Float32Array, to: Float32Array, sizes: Sizes): void {
  forEachMaskBit(sizes, (i, byte, bit) => {
    to[i] = (mask[byte] & bit) !== 0 ? from[i] : 0;
  });
}

/** to = from where the ReLU let y pass, else 0. */
function recomputeMask(
    x: Float32Array, state: Float32Array, from: Float32Array, to: Float32Array, sizes: Sizes): void {
  const pairs = sizes.instances * sizes.channels;
  forEachRun(sizes, (j, first, end, step) => {
    const h = state[j], A = state[2 * pairs + j], B = state[3 * pairs + j];
    for (let i = first; i < end; i += step) to[i] = reluPasses(forwardElement(x[i], h, A, B)) ? from[i] : 0;
  });
}

/** S = 1: elementwise but for the sums over the batch. */
function backwardSingle(args: BackwardArguments<Float32Array, Uint8Array>): void {
  const [
    instances, , channels, , training, activation, epsilon, dy, x, gamma, beta,
    centerWeight, scaleWeight, scaleBias, , variance, state, mask,
    dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias,
  ] = args;
  const relu = activation === Activation.Relu;
  let G = dy;
  if (relu && mask !== null) {
    G = dresidual ?? dx; // dx is written only after G has been read
    applyMask(mask, dy, G, {instances, positions: 1, channels, channelsLast: true});
  }
  const u = new Float64Array(instances), standardized = new Float64Array(instances); // of one channel
  for (let c = 0; c < channels; c++) {
    const a = 1 + centerWeight[c];
    const xcMean = state[c] + state[channels + c];
    const r = inverseStd(variance[c], epsilon);
    const g = gamma === null ? 1 : gamma[c], b = beta === null ? 0 : beta[c];
    const pivot = training ? x[c] : 0;
    let sumG = 0, sumGatedE = 0, sumQ = 0, sumQX = 0; // parameter gradients
    let sumU = 0, sumUX = 0, sumUD = 0, sumD = 0; // D = x − pivot
    for (let n = 0, i = c; n < instances; n++, i += channels) {
      const xs = (a * x[i] - xcMean) * r;
      const gate = sigmoid(scaleWeight[c] * xs + scaleBias[c]);
      // Without a mask the sign of y is computed again.
      const passes = !relu || mask !== null || reluPasses(singleElement(xs, gate, g, b));
      const d = passes ? G[i] : 0;
      const q = g * xs * d * gate * (1 - gate);
      u[n] = g * gate * (1 + scaleWeight[c] * xs * (1 - gate)) * d;
      standardized[n] = xs;
      sumG += d;
      sumGatedE += gate * xs * d;
      sumQ += q;
      sumQX += q * xs;
      sumU += u[n];
      sumUX += u[n] * xs;
      sumUD += u[n] * (x[i] - pivot);
      sumD += x[i] - pivot;
    }
    const {scale, m1, m2} = batchGradient(sumU, sumUX, r, epsilon, instances, training);
    for (let n = 0, i = c; n < instances; n++, i += channels) {
      dx[i] = a * scale * (u[n] - m1 - standardized[n] * m2);
    }
    if (dgamma !== null) dgamma[c] = sumGatedE;
    if (dbeta !== null) dbeta[c] = sumG;
    // Training: the closed form, because Σ (k_n − k̄)·U_n cancels to that small rest.
    dcenterWeight[c] = training ? epsilon * r ** 3 * (sumUD - sumD / instances * sumU) : r * sumUD;
    dscaleWeight[c] = sumQX;
    dscaleBias[c] = sumQ;
  }
}
