// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the kernels need of tfjs-node's backend, in our own words since the package is optional; calls of our ops
// on it; and its tensors as arrays, for where the ops can not be had.
import type {DataType, DataValues, TensorInfo} from '@tensorflow/tfjs-core';

import {Activation, Layout, TensorflowBinding, TensorflowFlag, threadsSetting} from '../../binding';
import {BackwardCall, ForwardCall} from '../shared/decode';
import {ArrayMemory} from '../shared/on_arrays';

interface OpAttribute {name: string; type: number; value: number}

/** tfjs-node's NodeJSKernelBackend. */
export interface TensorflowBackend {
  readonly binding: TensorflowBinding & {readonly TF_ATTR_INT: number};
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: TensorInfo[], outputs: number): TensorInfo[];
  write(values: DataValues, shape: number[], dtype: DataType): object;
  readSync(dataId: object): DataValues;
  disposeData(dataId: object): boolean;
}

/** A double and its two int32, the lower one first on all machines that tfjs-node runs on. */
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/** A call of one of our ops, see native/tensorflow/ops.h. */
export interface OpCall {
  op: string;
  /** The op's attributes: how long its lists are. TensorFlow ignores unknown names. */
  lists: {[name: string]: number};
  flags: number; // TensorflowFlag
  epsilon: number;
  /** All but the first, `options`, which is made here. */
  inputs: TensorInfo[];
  /** How many there are. */
  outputs: number;
}

export function execute(backend: TensorflowBackend, {op, lists, flags, epsilon, inputs, outputs}: OpCall): TensorInfo[] {
  const type = backend.binding.TF_ATTR_INT;
  const attributes = Object.keys(lists).map((name) => ({name, type, value: lists[name]}));
  double[0] = epsilon;
  const options = Int32Array.of(...halves, threadsSetting(), flags);
  const info: TensorInfo = {dataId: backend.write(options, [options.length], 'int32'), shape: [options.length], dtype: 'int32'};
  try {
    return backend.executeMultipleOutputs(op, attributes, [info, ...inputs], outputs);
  } finally {
    backend.disposeData(info.dataId);
  }
}

/** What both ops say of a call by flags. */
export function flagsOf({training, activation, layout, inputs: {gamma, beta}}: ForwardCall | BackwardCall): number {
  return (training ? TensorflowFlag.Training : 0) | (activation === Activation.Relu ? TensorflowFlag.Relu : 0) |
      (layout === Layout.ChannelsFirst ? TensorflowFlag.ChannelsFirst : 0) |
      (gamma === undefined ? 0 : TensorflowFlag.Gamma) | (beta === undefined ? 0 : TensorflowFlag.Beta);
}

/** The tensors that are there. */
export function present(...infos: (TensorInfo | undefined)[]): TensorInfo[] {
  return infos.filter((info) => info !== undefined);
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
