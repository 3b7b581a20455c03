// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Representative Batch Normalization in float64, straight from its definition, op by op and back again.
// Shares nothing with src. test/native/reference.h is the same in C++, where the reasons stand.
import {Case, indexOf} from './cases';
import type {CaseData} from './data';

/** The inputs as float64. */
export interface Inputs {
  x: Float64Array; // as the case's shape
  residual: Float64Array | null; // as x
  gamma: Float64Array; // [C], like the rest
  beta: Float64Array;
  centerWeight: Float64Array;
  scaleWeight: Float64Array;
  scaleBias: Float64Array;
  givenMean: Float64Array | null;
  givenVariance: Float64Array | null;
}

interface Centered {
  pivot: Float64Array; // [C], x[0, 0, c]
  k: Float64Array; // [N, C], mean over positions of x − pivot
  centered: Float64Array; // x_c of x − pivot, as x
}

interface Moments {
  mean: Float64Array; // [C], of `centered`
  variance: Float64Array; // [C]
}

/** Every intermediate value, with the names of the definition. */
interface ForwardPass extends Centered, Moments {
  inverseStd: Float64Array; // [C]
  standardized: Float64Array; // x_s, as x
  K: Float64Array; // [N, C]
  gate: Float64Array; // [N, C]
  output: Float64Array; // before the activation, as x
}

/** A parameter's gradient and the sum of the absolute values of its terms. */
export interface Summed {
  value: Float64Array; // [C]
  terms: Float64Array; // [C]
}

export interface Reference {
  y: Float64Array; // as x
  mean: Float64Array; // [C], of x_c
  variance: Float64Array; // [C]
  dx: Float64Array; // as x
  dresidual: Float64Array; // as x
  dgamma: Summed;
  dbeta: Summed;
  dcenterWeight: Summed;
  dscaleWeight: Summed;
  dscaleBias: Summed;
}

/** Calls f for each element: its place in x, its place in [N, C], its channel. */
function forEach(c: Case, f: (at: number, nc: number, channel: number) => void): void {
  for (let n = 0; n < c.instances; n++) {
    for (let s = 0; s < c.positions; s++) {
      for (let i = 0; i < c.channels; i++) f(indexOf(c, n, s, i), n * c.channels + i, i);
    }
  }
}

export function makeInputs(c: Case, d: CaseData): Inputs {
  const ones = new Float64Array(c.channels).fill(1);
  const optional = (array: Float32Array | null) => array && Float64Array.from(array);
  return {
    x: Float64Array.from(d.x),
    residual: optional(d.residual),
    gamma: optional(d.gamma) ?? ones,
    beta: optional(d.beta) ?? new Float64Array(c.channels),
    centerWeight: Float64Array.from(d.centerWeight),
    scaleWeight: Float64Array.from(d.scaleWeight),
    scaleBias: Float64Array.from(d.scaleBias),
    givenMean: optional(d.givenMean),
    givenVariance: optional(d.givenVariance),
  };
}

function center(c: Case, {x, centerWeight}: Pick<Inputs, 'x' | 'centerWeight'>, pivot: Float64Array): Centered {
  const k = new Float64Array(c.instances * c.channels), centered = new Float64Array(c.elements);
  forEach(c, (at, nc, i) => k[nc] += x[at] - pivot[i]);
  for (let nc = 0; nc < k.length; nc++) k[nc] /= c.positions;
  forEach(c, (at, nc, i) => centered[at] = x[at] - pivot[i] + centerWeight[i] * k[nc]);
  return {pivot, k, centered};
}

function pivotOf(c: Case, x: ArrayLike<number>): Float64Array {
  return Float64Array.from({length: c.channels}, (_, i) => c.elements > 0 ? x[indexOf(c, 0, 0, i)] : 0);
}

function batchMoments(c: Case, centered: Float64Array): Moments {
  const M = c.instances * c.positions;
  const mean = new Float64Array(c.channels), variance = new Float64Array(c.channels);
  if (M === 0) return {mean, variance};
  forEach(c, (at, _, i) => mean[i] += centered[at]);
  for (let i = 0; i < c.channels; i++) mean[i] /= M;
  forEach(c, (at, _, i) => {
    const d = centered[at] - mean[i];
    variance[i] += d * d;
  });
  for (let i = 0; i < c.channels; i++) variance[i] /= M;
  return {mean, variance};
}

/** Mean and biased variance of x_c over the batch. */
export function batchStatistics(c: Case, d: Pick<CaseData, 'x' | 'centerWeight'>): Moments {
  const inputs = {x: Float64Array.from(d.x), centerWeight: Float64Array.from(d.centerWeight)};
  const pivot = pivotOf(c, inputs.x);
  const {mean, variance} = batchMoments(c, center(c, inputs, pivot).centered);
  return {mean: mean.map((m, i) => m + (1 + inputs.centerWeight[i]) * pivot[i]), variance};
}

/** `pivot` may be that of another input nearby, for differences. */
export function forwardPass(c: Case, inputs: Inputs, pivot = pivotOf(c, inputs.x)): ForwardPass {
  const {gamma, beta, centerWeight, scaleWeight, scaleBias, residual, givenMean, givenVariance} = inputs;
  const centering = center(c, inputs, pivot);
  const {centered} = centering;
  const {mean, variance} = c.training ? batchMoments(c, centered) : {
    mean: givenMean!.map((m, i) => m - (1 + centerWeight[i]) * pivot[i]),
    variance: givenVariance!,
  };
  const inverseStd = variance.map((v) => 1 / Math.sqrt(v + c.epsilon));
  const standardized = new Float64Array(c.elements), K = new Float64Array(c.instances * c.channels);
  forEach(c, (at, nc, i) => {
    standardized[at] = (centered[at] - mean[i]) * inverseStd[i];
    K[nc] += standardized[at];
  });
  for (let nc = 0; nc < K.length; nc++) K[nc] /= c.positions;
  const gate = K.map((value, nc) =>
    1 / (1 + Math.exp(-(scaleWeight[nc % c.channels] * value + scaleBias[nc % c.channels]))));
  const output = new Float64Array(c.elements);
  forEach(c, (at, nc, i) => {
    output[at] = gamma[i] * standardized[at] * gate[nc] + beta[i];
    if (residual !== null) output[at] += residual[at];
  });
  return {...centering, mean, variance, inverseStd, standardized, K, gate, output};
}

/** The smallest |value| before the activation. */
export function nearestToKink(c: Case, d: CaseData): number {
  return forwardPass(c, makeInputs(c, d)).output.reduce((least, z) => Math.min(least, Math.abs(z)), Infinity);
}

/** Outputs and gradients for the loss Σ dy·y. */
export function reference(c: Case, d: CaseData): Reference {
  const {instances: N, positions: S, channels: C} = c, M = N * S;
  const inputs = makeInputs(c, d);
  const {gamma, centerWeight, scaleWeight} = inputs;
  const {pivot, k, centered, mean, variance, inverseStd, standardized, K, gate, output} = forwardPass(c, inputs);
  const summed = (): Summed => ({value: new Float64Array(C), terms: new Float64Array(C)});
  const r: Reference = {
    y: new Float64Array(c.elements),
    mean: mean.map((m, i) => m + (1 + centerWeight[i]) * pivot[i]),
    variance,
    dx: new Float64Array(c.elements),
    dresidual: new Float64Array(c.elements),
    dgamma: summed(),
    dbeta: summed(),
    dcenterWeight: summed(),
    dscaleWeight: summed(),
    dscaleBias: summed(),
  };
  if (M === 0) return r;
  const add = (sum: Summed, i: number, term: number) => {
    sum.value[i] += term;
    sum.terms[i] += Math.abs(term);
  };

  // What K = mean_s x_s is the rest of, for the terms of dscaleWeight.
  const meanSize = new Float64Array(N * C); // mean_s |x_s|
  forEach(c, (at, nc) => meanSize[nc] += Math.abs(standardized[at]) / S);

  // y = activation(output), output = gamma · x_s · gate + beta + residual
  const dstandardized = new Float64Array(c.elements), dgate = new Float64Array(N * C);
  forEach(c, (at, nc, i) => {
    const passes = !c.relu || output[at] > 0;
    r.y[at] = passes ? output[at] : 0;
    const G = passes ? d.dy[at] : 0;
    r.dresidual[at] = G;
    add(r.dbeta, i, G);
    add(r.dgamma, i, G * standardized[at] * gate[nc]);
    dstandardized[at] = G * gamma[i] * gate[nc];
    const gateTerm = G * gamma[i] * standardized[at];
    dgate[nc] += gateTerm;
    // gate = sigmoid(scaleWeight · K + scaleBias)
    const dlogitTerm = gateTerm * gate[nc] * (1 - gate[nc]);
    add(r.dscaleBias, i, dlogitTerm);
    r.dscaleWeight.value[i] += dlogitTerm * K[nc];
    r.dscaleWeight.terms[i] += Math.abs(dlogitTerm) * meanSize[nc];
  });
  // K = mean_s x_s
  forEach(c, (at, nc, i) => {
    dstandardized[at] += dgate[nc] * gate[nc] * (1 - gate[nc]) * scaleWeight[i] / S;
  });
  // x_s = (x_c − mean) · inverseStd
  const dcentered = new Float64Array(c.elements), dmean = new Float64Array(C), dinverseStd = new Float64Array(C);
  forEach(c, (at, _, i) => {
    dcentered[at] = dstandardized[at] * inverseStd[i];
    dmean[i] -= dcentered[at];
    dinverseStd[i] += dstandardized[at] * (centered[at] - mean[i]);
  });
  // inverseStd = 1 / √(variance + epsilon), variance = mean (x_c − mean)², mean = mean x_c
  if (c.training) {
    forEach(c, (at, _, i) => {
      const dvariance = -0.5 * dinverseStd[i] * inverseStd[i] ** 3;
      dcentered[at] += (dmean[i] + dvariance * 2 * (centered[at] - mean[i])) / M;
    });
  }
  // x_c = x + centerWeight · k, k = mean_s x. In training Σ dcentered = 0, so that k may be counted from its
  // own mean. The terms are those of that difference, x less its mean; and with one position, where the
  // variance's share of each term cancels, ε/(variance + ε) of it.
  const dk = new Float64Array(N * C), origin = new Float64Array(C), size = new Float64Array(N * C);
  if (c.training) {
    k.forEach((value, nc) => origin[nc % C] += value / N);
  } else {
    origin.set(pivot.map((p) => -p));
  }
  forEach(c, (at, nc, i) => size[nc] += Math.abs(inputs.x[at] - pivot[i] - origin[i]) / S);
  forEach(c, (at, nc, i) => {
    dk[nc] += centerWeight[i] * dcentered[at];
    r.dcenterWeight.value[i] += (k[nc] - origin[i]) * dcentered[at];
    const term = c.training && S === 1 ? dstandardized[at] * c.epsilon * inverseStd[i] ** 3 : dcentered[at];
    r.dcenterWeight.terms[i] += Math.abs(term) * size[nc];
  });
  forEach(c, (at, nc) => {
    r.dx[at] = dcentered[at] + dk[nc] / S;
  });
  return r;
}
