// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Both kernels on typed arrays, by the addon's native CPU code or, where the addon is missing, by plain
// TypeScript. How a backend's tensors become arrays, and arrays its tensors, is the backend's affair.
import {TensorInfo} from '@tensorflow/tfjs-core';

import {allocateInts, nativeAddon, threadsSetting} from '../../binding';
import {plainBackward} from '../cpu/plain_backward';
import {plainForward} from '../cpu/plain_forward';
import {BackwardCall, ForwardCall, maskInts, stateFloats} from './decode';

/** Tensors of a backend as arrays. */
export interface ArrayMemory {
  /** The values of a float32 tensor; they are read only, and only before the kernel returns. */
  floats(info: TensorInfo): Float32Array;
  /** The values of an int32 tensor, under the same terms. */
  ints(info: TensorInfo): Int32Array;
  /** An array for an output that is written whole: its values are undefined until then. */
  outputFloats(length: number): Float32Array;
  /** The tensor that an array becomes. */
  output(shape: number[], values: Float32Array | Int32Array): TensorInfo;
}

export function forwardOnArrays(call: ForwardCall, memory: ArrayMemory): TensorInfo[] {
  const {sizes, elements, layout, training, activation, epsilon, hasState, hasMask} = call;
  const {x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, residual} = call.inputs;
  const {instances, positions, channels} = sizes;
  const floats = (info: TensorInfo | undefined) => info === undefined ? null : memory.floats(info);

  const y = memory.outputFloats(elements);
  const batchMean = training ? memory.outputFloats(channels) : null;
  const batchVariance = training ? memory.outputFloats(channels) : null;
  const state = hasState ? memory.outputFloats(stateFloats(sizes)) : null;
  const mask = hasMask ? allocateInts(maskInts(sizes)) : null;
  if (mask !== null && mask.length > 0) mask[mask.length - 1] = 0; // of which the last bytes may not be used
  if (elements > 0) {
    const forward = nativeAddon()?.cpuForward ?? plainForward;
    forward(
        threadsSetting(), instances, positions, channels, layout, training, activation, epsilon,
        memory.floats(x), floats(residual), floats(gamma), floats(beta), memory.floats(centerWeight),
        memory.floats(scaleWeight), memory.floats(scaleBias), floats(mean), floats(variance),
        y, batchMean, batchVariance, state, mask && bytesOf(mask));
  }

  const outputs = [memory.output(x.shape, y)];
  if (batchMean !== null) outputs.push(memory.output([channels], batchMean));
  if (batchVariance !== null) outputs.push(memory.output([channels], batchVariance));
  if (state !== null) outputs.push(memory.output([state.length], state));
  if (mask !== null) outputs.push(memory.output([mask.length], mask));
  return outputs;
}

export function backwardOnArrays(call: BackwardCall, memory: ArrayMemory): TensorInfo[] {
  const {sizes, elements, layout, training, activation, epsilon} = call;
  const {dy, x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, state, mask} = call.inputs;
  const {instances, positions, channels} = sizes;
  const floats = (info: TensorInfo | undefined) => info === undefined ? null : memory.floats(info);

  const dx = memory.outputFloats(elements);
  const dresidual = mask === undefined ? null : memory.outputFloats(elements);
  // dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias. New arrays: zero, as an empty batch needs them.
  const parameters = Array.from({length: 5}, () => new Float32Array(channels));
  if (elements > 0) {
    const [dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias] = parameters;
    const backward = nativeAddon()?.cpuBackward ?? plainBackward;
    backward(
        threadsSetting(), instances, positions, channels, layout, training, activation, epsilon,
        memory.floats(dy), memory.floats(x), floats(gamma), floats(beta), memory.floats(centerWeight),
        memory.floats(scaleWeight), memory.floats(scaleBias), floats(mean), memory.floats(variance),
        memory.floats(state), mask === undefined ? null : bytesOf(memory.ints(mask)),
        dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias);
  }

  const outputs = [memory.output(x.shape, dx)];
  for (const gradient of parameters) outputs.push(memory.output([channels], gradient));
  if (dresidual !== null) outputs.push(memory.output(x.shape, dresidual));
  return outputs;
}

function bytesOf(ints: Int32Array): Uint8Array {
  return new Uint8Array(ints.buffer, ints.byteOffset, ints.byteLength);
}
