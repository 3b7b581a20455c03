// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The checks of the ops' arguments. An error names the argument, what was expected and what came:
// TypeError for a wrong kind, RangeError for a wrong size or value.
import {Tensor, tensor, TensorLike, util} from '@tensorflow/tfjs-core';

import {ActivationName} from './kernel_names';
import {Sizes} from './sizes';

/** What tensors count their elements with in WebGL, WASM and TensorFlow kernels: a signed 32-bit number. */
const MAX_ELEMENTS = 2 ** 31 - 1;

/** A float32 tensor that is alive; arrays are converted as tfjs's own ops do. */
export function floatTensor(value: unknown, name: string): Tensor {
  if (value instanceof Tensor) {
    if (value.isDisposed) throw new Error(`${name}: expected a live tensor, received a disposed one`);
    if (value.dtype !== 'float32') {
      throw new TypeError(`${name}: expected dtype float32, received ${value.dtype}`);
    }
    return value;
  }
  if (!Array.isArray(value) && !util.isTypedArray(value as {})) {
    throw new TypeError(`${name}: expected a Tensor or an array of numbers, received ${kindOf(value)}`);
  }
  checkNumbers(value, name);
  return tensor(value as TensorLike, undefined, 'float32');
}

/** All elements of nested arrays are numbers: tfjs would turn others into NaN. */
function checkNumbers(value: unknown, name: string): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) checkNumbers(value[i], `${name}[${i}]`);
  } else if (typeof value !== 'number' && !util.isTypedArray(value as {})) {
    throw new TypeError(`${name}: expected a number, received ${kindOf(value)}`);
  }
}

/** x: rank 2 to 5, and few enough elements for 32-bit indices. */
export function checkInput(x: Tensor): void {
  if (x.rank < 2 || x.rank > 5) {
    throw new RangeError(`x: expected rank 2 to 5, received rank ${x.rank} (shape [${x.shape}])`);
  }
  if (x.size > MAX_ELEMENTS) {
    throw new RangeError(`x: expected at most ${MAX_ELEMENTS} elements, received ${x.size} (shape [${x.shape}])`);
  }
}

/** What an axis is before the rank is known. */
export function checkAxis(axis: unknown): asserts axis is number {
  if (typeof axis !== 'number') throw new TypeError(`axis: expected a number, received ${kindOf(axis)}`);
  if (!Number.isInteger(axis)) throw new RangeError(`axis: expected a whole number, received ${axis}`);
}

/** The channel axis as a number from 1 to rank − 1. Axis 0 holds the instances. */
export function channelAxis(axis: unknown, rank: number): number {
  checkAxis(axis);
  const normalized = axis < 0 ? axis + rank : axis;
  if (normalized < 1 || normalized >= rank) {
    throw new RangeError(`axis: expected a whole number from 1 to ${rank - 1} or from ${1 - rank} to -1 ` +
        `for rank ${rank} (axis 0 is the batch), received ${axis}`);
  }
  return normalized;
}

export function checkEpsilon(epsilon: unknown): asserts epsilon is number {
  if (typeof epsilon !== 'number') throw new TypeError(`epsilon: expected a number, received ${kindOf(epsilon)}`);
  // As float32, which some backends calculate with: 1e-50 would be 0 there.
  const single = Math.fround(epsilon);
  if (!(single > 0 && single < Infinity)) {
    throw new RangeError(`epsilon: expected a finite number above 0 (as float32), received ${epsilon}`);
  }
}

/** How much of a moving statistic stays at each step. */
export function checkMomentum(momentum: unknown): asserts momentum is number {
  if (typeof momentum !== 'number') throw new TypeError(`momentum: expected a number, received ${kindOf(momentum)}`);
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`momentum: expected a number from 0 to 1, received ${momentum}`);
  }
}

export function checkActivation(activation: unknown): asserts activation is ActivationName {
  if (activation !== 'linear' && activation !== 'relu') {
    throw new TypeError(`activation: expected 'linear' or 'relu', received ` +
        (typeof activation === 'string' ? `'${activation}'` : kindOf(activation)));
  }
}

/** A vector with one value a channel. */
export function channelVector(value: unknown, name: string, channels: number): Tensor {
  const vector = floatTensor(value, name);
  if (vector.rank !== 1 || vector.shape[0] !== channels) {
    throw new RangeError(`${name}: expected shape [${channels}], received [${vector.shape}]`);
  }
  return vector;
}

export function residualTensor(value: unknown, x: Tensor): Tensor {
  const residual = floatTensor(value, 'residual');
  if (!util.arraysEqual(residual.shape, x.shape)) {
    throw new RangeError(`residual: expected the shape of x, [${x.shape}], received [${residual.shape}]`);
  }
  return residual;
}

/** Batch statistics need two values a channel. */
export function checkBatch(x: Tensor, sizes: Sizes): void {
  const values = x.size === 0 ? 0 : sizes.instances * sizes.positions;
  if (values < 2) {
    throw new RangeError('x: expected at least 2 values per channel for batch statistics, ' +
        `received ${values} (shape [${x.shape}])`);
  }
}

/** An object with none but the known names: a misspelt option would silently be the default. */
export function checkNames(value: unknown, name: string, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${name}: expected an object with ${listed(known)}, received ${kindOf(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new TypeError(`${name}: expected only ${listed(known)}, received '${key}'`);
  }
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return `${typeof value} ${value}`;
  if (typeof value === 'object') return value.constructor?.name ?? 'object';
  return typeof value;
}
