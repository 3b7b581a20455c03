// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A kernel's call as tfjs hands it over, in the terms of native/rbn/problem.h, and the sizes of what stands
// between forward and backward. Every backend with native code begins here.
import {KernelFunc} from '@tensorflow/tfjs-core';

import {Activation, Layout} from '../../binding';
import {
  RepresentativeBatchNormAttrs, RepresentativeBatchNormGradInputs, RepresentativeBatchNormInputs, Sizes, sizesOf,
} from '../../ops';

export type KernelCall = Parameters<KernelFunc>[0];

/** What forward and backward have in common. */
export interface Problem {
  sizes: Sizes;
  elements: number; // N·S·C
  layout: Layout;
  training: boolean;
  activation: Activation;
  epsilon: number;
}

export interface ForwardCall extends Problem {
  inputs: RepresentativeBatchNormInputs;
  /** Whether state is to be written. */
  hasState: boolean;
  /** Whether the mask is to be written. */
  hasMask: boolean;
}

export interface BackwardCall extends Problem {
  inputs: RepresentativeBatchNormGradInputs;
}

export function decodeForward(call: KernelCall): ForwardCall {
  const inputs = call.inputs as unknown as RepresentativeBatchNormInputs;
  const attrs = call.attrs as RepresentativeBatchNormAttrs;
  const problem = problemOf(inputs.x.shape, attrs);
  const hasState = attrs.keepState ?? true;
  const hasMask = hasState && problem.activation === Activation.Relu && inputs.residual !== undefined;
  return {...problem, inputs, hasState, hasMask};
}

export function decodeBackward(call: KernelCall): BackwardCall {
  const inputs = call.inputs as unknown as RepresentativeBatchNormGradInputs;
  return {...problemOf(inputs.x.shape, call.attrs as RepresentativeBatchNormAttrs), inputs};
}

function problemOf(shape: number[], {epsilon, axis, activation, training}: RepresentativeBatchNormAttrs): Problem {
  const sizes = sizesOf(shape, axis);
  return {
    sizes,
    elements: sizes.instances * sizes.positions * sizes.channels,
    layout: sizes.channelsLast ? Layout.ChannelsLast : Layout.ChannelsFirst,
    training,
    activation: activation === 'relu' ? Activation.Relu : Activation.Linear,
    epsilon,
  };
}

/** As rbn_state_floats in native/rbn/problem.h. */
export function stateFloats({instances, positions, channels}: Sizes): number {
  return positions === 1 ? 2 * channels : 4 * instances * channels;
}

/** As rbn_mask_row_bytes in native/rbn/problem.h: rows are padded to whole bytes. */
export function maskRowBytes({channels, positions, channelsLast}: Sizes): number {
  return Math.ceil((channelsLast ? channels : positions) / 8);
}

/** As rbn_mask_bytes in native/rbn/problem.h. */
export function maskBytes(sizes: Sizes): number {
  return sizes.instances * (sizes.channelsLast ? sizes.positions : sizes.channels) * maskRowBytes(sizes);
}

/** Whole int32 that hold a mask: the tensor that it is to tfjs. */
export function maskInts(sizes: Sizes): number {
  return Math.ceil(maskBytes(sizes) / 4);
}
