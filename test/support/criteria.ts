// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// When the outputs of an implementation are right. test/native/case_runner_criteria.cc is the same in C++.
import {Case} from './cases';
import {Reference, Summed} from './reference';

/** What a forward and a backward call gave; null: not an output of this case. */
export interface Outputs {
  y: Float32Array; // as x
  mean: Float32Array | null; // [C]
  variance: Float32Array | null; // [C]
  dx: Float32Array; // as x
  dresidual: Float32Array | null; // as x
  dgamma: Float32Array | null; // [C]
  dbeta: Float32Array | null; // [C]
  dcenterWeight: Float32Array; // [C]
  dscaleWeight: Float32Array; // [C]
  dscaleBias: Float32Array; // [C]
}

export interface Tolerances {
  /** Relative L2 of y and dx. */
  elements: number;
  /** Of parameter gradients, as a share of the sum of the absolute values of their terms. */
  parameters: number;
  /** The same for the center weight, whose terms are what is left after a cancellation. */
  centerWeight: number;
  /** mean beyond the rounding of its storage, in standard deviations; relative error of variance. */
  moments: number;
  /** Rounding of mean: half a float32 unit of its size, or more where it is added up in float32. */
  meanRounding: number;
}

/** The figures of the project, for every implementation in native code, CUDA or typed-array TypeScript. */
export const PROMISED: Tolerances =
    {elements: 2e-6, parameters: 5e-6, centerWeight: 5e-5, moments: 2e-6, meanRounding: 6e-8};

/** '' or every way in which the outputs are wrong. */
export function compare(c: Case, expected: Reference, received: Outputs, tolerances = PROMISED): string {
  const failures: string[] = [];
  const sizesAgree = (name: string, e: ArrayLike<number>, r: ArrayLike<number> | null): r is ArrayLike<number> => {
    if (r !== null && r.length === e.length) return true;
    failures.push(`${name}: expected ${e.length} values, received ${r === null ? 'none' : r.length}`);
    return false;
  };
  const relativeL2 = (name: string, e: Float64Array, r: Float32Array) => {
    if (!sizesAgree(name, e, r)) return;
    let error = 0, size = 0;
    for (let i = 0; i < e.length; i++) {
      error += (r[i] - e[i]) ** 2;
      size += e[i] ** 2;
    }
    if (!(Math.sqrt(error) <= tolerances.elements * Math.sqrt(size))) {
      failures.push(`${name}: relative L2 error ${Math.sqrt(error / size).toPrecision(3)}, ` +
          `allowed ${tolerances.elements}`);
    }
  };
  const perChannel = (name: string, e: Float64Array, r: Float32Array | null, tolerance: (i: number) => number) => {
    if (!sizesAgree(name, e, r)) return;
    for (let i = 0; i < e.length; i++) {
      if (!(Math.abs(r[i] - e[i]) <= tolerance(i))) {
        failures.push(`${name}: channel ${i}: expected ${e[i]}, received ${r[i]}, ` +
            `error ${Math.abs(r[i] - e[i]).toPrecision(3)}, allowed ${tolerance(i).toPrecision(3)}`);
        return;
      }
    }
  };
  const parameter = (name: string, e: Summed, r: Float32Array | null, share: number) =>
    perChannel(name, e.value, r, (i) => share * e.terms[i]);

  relativeL2('y', expected.y, received.y);
  if (c.training) {
    const {meanRounding, moments} = tolerances;
    perChannel('mean', expected.mean, received.mean,
        (i) => meanRounding * Math.abs(expected.mean[i]) + moments * Math.sqrt(expected.variance[i]));
    perChannel('variance', expected.variance, received.variance, (i) => moments * expected.variance[i]);
  }
  relativeL2('dx', expected.dx, received.dx);
  // Without an activation kernels leave it out: it is dy itself.
  const hasResidual = c.residual && (c.relu || received.dresidual !== null);
  if (hasResidual && sizesAgree('dresidual', expected.dresidual, received.dresidual)) {
    const wrong = expected.dresidual.findIndex((value, i) => value !== received.dresidual![i]);
    if (wrong >= 0) {
      failures.push(`dresidual: element ${wrong}: expected exactly ${expected.dresidual[wrong]}, ` +
          `received ${received.dresidual![wrong]}`);
    }
  }
  if (c.affine) {
    parameter('dgamma', expected.dgamma, received.dgamma, tolerances.parameters);
    parameter('dbeta', expected.dbeta, received.dbeta, tolerances.parameters);
  }
  parameter('dcenterWeight', expected.dcenterWeight, received.dcenterWeight, tolerances.centerWeight);
  parameter('dscaleWeight', expected.dscaleWeight, received.dscaleWeight, tolerances.parameters);
  parameter('dscaleBias', expected.dscaleBias, received.dscaleBias, tolerances.parameters);
  return failures.join('; ');
}

/** '' or the first output whose bits differ. */
export function sameBits(a: Outputs, b: Outputs): string {
  for (const name of Object.keys(a) as (keyof Outputs)[]) {
    const left = a[name], right = b[name];
    if ((left === null) !== (right === null)) return `${name} is not always there`;
    if (left !== null && right !== null && Buffer.compare(bytes(left), bytes(right)) !== 0) {
      return `${name} has other bits`;
    }
  }
  return '';
}

const bytes = (array: Float32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
