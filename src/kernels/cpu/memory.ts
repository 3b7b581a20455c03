// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Between tfjs's `cpu` backend and arrays: the values of its tensors without a copy. The backend itself is
// needed at run time only, as the object that a kernel is given.
import type {MathBackendCPU} from '@tensorflow/tfjs-backend-cpu/dist/backend_cpu';
import {TensorInfo} from '@tensorflow/tfjs-core';

import {allocateFloats} from '../../binding';
import {ArrayMemory} from '../shared/on_arrays';
import {takeUnseen, UnseenData} from './unseen';

/**
 * From so many elements an uninitialised array is cheaper than a cleared one. Below, a Float32Array of its
 * own costs less than the Buffer that uninitialised memory comes from.
 */
const UNINITIALISED_FROM = 4096;

export class CpuMemory implements ArrayMemory {
  private readonly backend: MathBackendCPU;

  constructor(backend: unknown) {
    this.backend = backend as MathBackendCPU;
  }

  floats(info: TensorInfo): Float32Array {
    const data = this.backend.data.get(info.dataId);
    if (data instanceof UnseenData) return data.peek();
    const {values} = data;
    // A cast from int32 or bool keeps the array of the narrower type.
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }

  ints(info: TensorInfo): Int32Array {
    return this.backend.data.get(info.dataId).values as Int32Array;
  }

  outputFloats(length: number): Float32Array {
    return length < UNINITIALISED_FROM ? new Float32Array(length) : takeUnseen(length) ?? allocateFloats(length);
  }

  output(shape: number[], values: Float32Array | Int32Array): TensorInfo {
    if (values instanceof Int32Array) return this.backend.makeTensorInfo(shape, 'int32', values);
    if (values.length < UNINITIALISED_FROM) return this.backend.makeTensorInfo(shape, 'float32', values);
    const dataId = {};
    this.backend.data.set(dataId, new UnseenData(values));
    return {dataId, shape, dtype: 'float32'};
  }
}
