// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the kernels need of tfjs-node's backend, in our own words since the package is optional; calls of our ops
// on it; and its tensors as arrays, for where the ops can not be had.
import type {DataType, DataValues, TensorInfo} from '@tensorflow/tfjs-core';

import {settings, TensorflowBinding} from '../../binding';
import {ArrayMemory} from '../shared/on_arrays';

interface OpAttribute {name: string; type: number; value: number | boolean}

/** tfjs-node's NodeJSKernelBackend. */
export interface TensorflowBackend {
  readonly binding: TensorflowBinding & {readonly TF_ATTR_INT: number; readonly TF_ATTR_BOOL: number};
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: TensorInfo[], outputs: number): TensorInfo[];
  write(values: DataValues, shape: number[], dtype: DataType): object;
  readSync(dataId: object): DataValues;
  disposeData(dataId: object): boolean;
}

/** Attributes of an op by name: a boolean, or how many entries a list has. TensorFlow ignores unknown names. */
export type Attributes = {[name: string]: boolean | number};

/** A double and its two int32, the lower one first on all machines that tfjs-node runs on. */
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/**
 * Runs one of our ops. `options`, the op's first input, is added here: what changes from call to call is no
 * attribute, see native/tensorflow/ops.h.
 */
export function execute(backend: TensorflowBackend, op: string, attributes: Attributes, epsilon: number,
                        inputs: (TensorInfo | undefined)[], outputs: number): TensorInfo[] {
  const {TF_ATTR_BOOL, TF_ATTR_INT} = backend.binding;
  const list = Object.entries(attributes).map(
      ([name, value]) => ({name, type: typeof value === 'boolean' ? TF_ATTR_BOOL : TF_ATTR_INT, value}));
  double[0] = epsilon;
  const options = Int32Array.of(...halves, settings().threads);
  const info: TensorInfo = {dataId: backend.write(options, [3], 'int32'), shape: [3], dtype: 'int32'};
  try {
    const given = inputs.filter((input) => input !== undefined);
    return backend.executeMultipleOutputs(op, list, [info, ...given], outputs);
  } finally {
    backend.disposeData(info.dataId);
  }
}


/** Tensors of TensorFlow as copies. */
export class CopyMemory implements ArrayMemory {
  constructor(private readonly backend: TensorflowBackend) {}

  floats(info: TensorInfo): Float32Array {
    return this.backend.readSync(info.dataId) as Float32Array;
  }

  ints(info: TensorInfo): Int32Array {
    return this.backend.readSync(info.dataId) as Int32Array;
  }

  outputFloats(length: number): Float32Array {
    return new Float32Array(length);
  }

  output(shape: number[], values: Float32Array | Int32Array): TensorInfo {
    const dtype = values instanceof Int32Array ? 'int32' : 'float32';
    return {dataId: this.backend.write(values, shape, dtype), shape, dtype};
  }
}
