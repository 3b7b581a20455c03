// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Between tfjs's `cpu` backend and arrays: the values of its tensors without a copy, and the sizes of
// outputs. The backend itself is needed at run time only, as the object that a kernel is given.
import type {MathBackendCPU} from '@tensorflow/tfjs-backend-cpu/dist/backend_cpu';
import {TensorInfo} from '@tensorflow/tfjs-core';

import {allocateFloats, allocateInts} from '../../binding';
import {Sizes} from '../../ops';
import {takeUnseen, UnseenData} from './unseen';

/**
 * From so many elements an uninitialised array is cheaper than a cleared one. Below, a Float32Array of its
 * own costs less than the Buffer that uninitialised memory comes from.
 */
const UNINITIALISED_FROM = 4096;

export type CpuBackend = MathBackendCPU;

/** The values of a float32 tensor. */
export function floatsOf(backend: CpuBackend, info: TensorInfo): Float32Array {
  const data = backend.data.get(info.dataId);
  if (data instanceof UnseenData) return data.peek();
  const {values} = data;
  // A cast from int32 or bool keeps the array of the narrower type.
  return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
}

export function optionalFloatsOf(backend: CpuBackend, info: TensorInfo | undefined): Float32Array | null {
  return info === undefined ? null : floatsOf(backend, info);
}

/** The bytes of a mask. */
export function bytesOf(backend: CpuBackend, info: TensorInfo | undefined): Uint8Array | null {
  if (info === undefined) return null;
  const values = backend.data.get(info.dataId).values as Int32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** An array for an output that is written whole: its values are undefined until then. */
export function outputFloats(length: number): Float32Array {
  return length < UNINITIALISED_FROM ? new Float32Array(length) : takeUnseen(length) ?? allocateFloats(length);
}

/** An array for a mask: whole int32, of which the last may be used in part. */
export function outputMask(sizes: Sizes): Int32Array {
  const mask = allocateInts(Math.ceil(maskBytes(sizes) / 4));
  if (mask.length > 0) mask[mask.length - 1] = 0;
  return mask;
}

export function output(backend: CpuBackend, shape: number[], values: Float32Array | Int32Array): TensorInfo {
  if (values instanceof Int32Array) return backend.makeTensorInfo(shape, 'int32', values);
  if (values.length < UNINITIALISED_FROM) return backend.makeTensorInfo(shape, 'float32', values);
  const dataId = {};
  backend.data.set(dataId, new UnseenData(values));
  return {dataId, shape, dtype: 'float32'};
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
