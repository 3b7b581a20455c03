// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Representative Batch Normalization from the paper's formulas, step by step in double precision, and its
// gradient by central differences. Written for these tests alone; shares nothing with what it tests.

export interface Problem {
  instances: number;
  positions: number;
  channels: number;
  x: Float64Array; // [N, S, C], like residual
  residual: Float64Array | null;
  gamma: Float64Array; // [C], like all that follow
  beta: Float64Array;
  centerWeight: Float64Array;
  scaleWeight: Float64Array;
  scaleBias: Float64Array;
  given: {mean: Float64Array; variance: Float64Array} | null; // null: statistics of the batch
  epsilon: number;
  relu: boolean;
}

export const DIFFERENTIABLE =
    ['x', 'gamma', 'beta', 'centerWeight', 'scaleWeight', 'scaleBias', 'residual'] as const;

export interface Result {
  y: Float64Array; // [N, S, C]
  mean: Float64Array; // [C], of x_c
  variance: Float64Array;
}

export function forward(p: Problem): Result {
  const {instances: N, positions: S, channels: C} = p;
  const y = new Float64Array(N * S * C), mean = new Float64Array(C), variance = new Float64Array(C);
  const at = (n: number, s: number, c: number) => (n * S + s) * C + c;
  const meanOver = (count: number, value: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += value(i);
    return sum / count;
  };
  for (let c = 0; c < C; c++) {
    const centred: number[][] = [];
    for (let n = 0; n < N; n++) {
      const k = meanOver(S, (s) => p.x[at(n, s, c)]);
      centred.push(Array.from({length: S}, (_, s) => p.x[at(n, s, c)] + p.centerWeight[c] * k));
    }
    mean[c] = p.given ? p.given.mean[c] : meanOver(N, (n) => meanOver(S, (s) => centred[n][s]));
    variance[c] = p.given ? p.given.variance[c] :
                            meanOver(N, (n) => meanOver(S, (s) => (centred[n][s] - mean[c]) ** 2));
    for (let n = 0; n < N; n++) {
      const standardized = centred[n].map((value) => (value - mean[c]) / Math.sqrt(variance[c] + p.epsilon));
      const K = meanOver(S, (s) => standardized[s]);
      const gate = 1 / (1 + Math.exp(-(p.scaleWeight[c] * K + p.scaleBias[c])));
      for (let s = 0; s < S; s++) {
        const i = at(n, s, c);
        y[i] = p.gamma[c] * standardized[s] * gate + p.beta[c] + (p.residual ? p.residual[i] : 0);
        if (p.relu && y[i] < 0) y[i] = 0;
      }
    }
  }
  return {y, mean, variance};
}

/** Gradients of Σ y·w in everything differentiable, by central differences. */
export function gradients(p: Problem, w: Float64Array): {[name: string]: Float64Array} {
  const step = 1e-5; // (step² and rounding/step both leave about 1e-10 of values near 1)
  const loss = (q: Problem) => forward(q).y.reduce((sum, y, i) => sum + y * w[i], 0);
  const result: {[name: string]: Float64Array} = {};
  for (const name of DIFFERENTIABLE) {
    const original = p[name];
    if (original === null) continue;
    result[name] = original.map((value, i) => {
      const moved = (by: number) => {
        const values = original.slice();
        values[i] = value + by;
        return loss({...p, [name]: values});
      };
      return (moved(step) - moved(-step)) / (2 * step);
    });
  }
  return result;
}

/**
 * ‖actual − expected‖ / ‖expected‖; below a norm of 1e-3 divided by 1e-3, because central differences leave
 * noise of 1e-10 where the gradient is 0.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0, norm = 0;
  for (let i = 0; i < actual.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-3);
}

/** Uniform numbers from a seed (mulberry32), as float32 values. */
export function randomFloats(seed: number): (length: number, low: number, high: number) => Float64Array {
  let a = seed;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return (length, low, high) => Float64Array.from({length}, () => Math.fround(low + (high - low) * next()));
}
