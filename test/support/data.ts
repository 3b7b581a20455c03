// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The data of a case, from its name alone, with the same bits as test/native/case_runner_data.cc: integer
// random numbers and arithmetic that IEEE 754 fixes.
import {Case, indexOf} from './cases';
import {batchStatistics, nearestToKink} from './reference';

/** All values are float32; x, residual and dy of a bfloat16 case are also bfloat16 values. */
export interface CaseData {
  x: Float32Array; // as the case's shape
  residual: Float32Array | null; // as x
  dy: Float32Array; // as x
  gamma: Float32Array | null; // [C]
  beta: Float32Array | null; // [C]
  centerWeight: Float32Array; // [C]
  scaleWeight: Float32Array; // [C]
  scaleBias: Float32Array; // [C]
  givenMean: Float32Array | null; // [C], null in training
  givenVariance: Float32Array | null; // [C]
}

/** See kKinkMargin in case_runner_data.h. */
export const KINK_MARGIN = 1e-5;

function fnv1a(bytes: Uint8Array, hash = 0x811c9dc5): number {
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A Weyl sequence through the finaliser of MurmurHash3. */
export class Random {
  private state: number;

  constructor(seed: string) {
    this.state = fnv1a(Buffer.from(seed));
  }

  /** [0, 1) */
  uniform(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    z ^= z >>> 16;
    return (z >>> 0) / 4294967296;
  }

  /** Mean 0, variance 1, within ±3.5. */
  normal(): number {
    const sum = this.uniform() + this.uniform() + (this.uniform() + this.uniform());
    return (sum - 2) * 1.7320508075688772;
  }
}

function makeAttempt(c: Case, seed: string): CaseData {
  const parameters = new Random(`${seed} parameters`);
  const vector = () => new Float32Array(c.channels);
  const d: CaseData = {
    x: new Float32Array(c.elements),
    residual: c.residual ? new Float32Array(c.elements) : null,
    dy: new Float32Array(c.elements),
    gamma: c.affine ? vector() : null,
    beta: c.affine ? vector() : null,
    centerWeight: vector(),
    scaleWeight: vector(),
    scaleBias: vector(),
    givenMean: c.training ? null : vector(),
    givenVariance: c.training ? null : vector(),
  };
  const scale: number[] = [], location: number[] = [];
  for (let i = 0; i < c.channels; i++) {
    const u = parameters.uniform(), sign = parameters.uniform() < 0.5 ? -1 : 1;
    scale.push(0.5 + u);
    location.push(sign * c.conditioning * scale[i]);
    let gamma = 1, beta = 0, center = 0, weight = 0, bias = 1;
    if (c.parameters === 'random') {
      gamma = 0.5 + parameters.uniform();
      if (parameters.uniform() < 0.25) gamma = -gamma;
      beta = 0.5 * parameters.normal();
      center = 0.5 * parameters.normal();
      weight = 0.5 * parameters.normal();
      bias = 0.5 + 0.5 * parameters.normal();
    } else if (c.parameters === 'wide') {
      gamma = i % 5 === 0 ? 0 : 2 * parameters.normal();
      beta = 2 * parameters.normal();
      center = 2 * parameters.normal();
      weight = 10 * parameters.normal();
      bias = 3 * parameters.normal();
    }
    if (d.gamma !== null) d.gamma[i] = gamma;
    if (d.beta !== null) d.beta[i] = beta;
    d.centerWeight[i] = c.centerWeight ?? center;
    d.scaleWeight[i] = weight;
    d.scaleBias[i] = bias;
  }

  const [shifts, noise, residual, dy] = ['shifts', 'x', 'residual', 'dy'].map((name) => new Random(`${seed} ${name}`));
  const shift = new Float64Array(c.channels);
  for (let n = 0; n < c.instances; n++) {
    for (let i = 0; i < c.channels; i++) shift[i] = c.instanceShift * shifts.normal();
    for (let s = 0; s < c.positions; s++) {
      for (let i = 0; i < c.channels; i++) {
        const at = indexOf(c, n, s, i);
        d.x[at] = location[i] + scale[i] * (shift[i] + c.noise * noise.normal());
        d.dy[at] = 0.25 + dy.normal();
        if (d.residual !== null) d.residual[at] = residual.normal();
      }
    }
  }
  if (c.bfloat16) [d.x, d.dy, d.residual].forEach((array) => array?.set(array.map(roundToBfloat16)));

  if (d.givenMean !== null && d.givenVariance !== null) {
    // Near the batch's own statistics, as a moving average is, but not equal to them.
    const given = new Random(`${seed} given`);
    const batch = batchStatistics(c, d);
    for (let i = 0; i < c.channels; i++) {
      const u = given.normal(), v = given.uniform();
      d.givenMean[i] = batch.mean[i] + 0.3 * u * scale[i];
      d.givenVariance[i] = (0.5 + v) * (batch.variance[i] + 0.1);
    }
  }
  return d;
}

/** ReLU cases: the first of a row of seeds with no value before the activation within KINK_MARGIN of 0. */
export function makeData(c: Case): CaseData {
  for (let attempt = 0; attempt < 100; attempt++) {
    const d = makeAttempt(c, `${c.name} #${attempt}`);
    if (!c.relu || nearestToKink(c, d) > KINK_MARGIN) return d;
  }
  throw new Error(`${c.name}: every seed puts a value next to the kink of the ReLU`);
}

/** FNV-1a over the bytes of all arrays. */
export function checksum(d: CaseData): number {
  let hash = fnv1a(new Uint8Array(0));
  for (const array of [d.x, d.residual, d.dy, d.gamma, d.beta, d.centerWeight, d.scaleWeight, d.scaleBias, d.givenMean,
    d.givenVariance]) {
    if (array !== null) hash = fnv1a(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), hash);
  }
  return hash;
}

const word = new DataView(new ArrayBuffer(4));

/** To nearest, ties to even. */
export function roundToBfloat16(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  word.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0);
  return word.getFloat32(0);
}
