// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The dtypes that live on the device, and their values as typed arrays.
import {DataType} from '@tensorflow/tfjs-core';

import {TensorType} from '../binding';

export type DeviceDtype = 'float32' | 'int32' | 'bool';
export type DeviceArray = Float32Array | Int32Array | Uint8Array;

export function isDeviceDtype(dtype: DataType): dtype is DeviceDtype {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

export function typeOf(dtype: DeviceDtype): TensorType {
  return dtype === 'float32' ? TensorType.Float32 : dtype === 'int32' ? TensorType.Int32 : TensorType.Bool;
}

export function elementBytes(dtype: DeviceDtype): number {
  return dtype === 'bool' ? 1 : 4;
}

export function arrayOf(dtype: DeviceDtype, length: number): DeviceArray {
  return dtype === 'float32' ? new Float32Array(length) : dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
}

/** The values as the array type of the dtype; the same array where it is that already. */
export function toArray(dtype: DeviceDtype, values: ArrayLike<number>): DeviceArray {
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  return values instanceof Uint8Array ? values : Uint8Array.from(values);
}
