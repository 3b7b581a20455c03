// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The tfjs backend `cuda`: tensors that stay in GPU memory, and the one way in which kernels run
// operations of the engine on them.
import {DataType, KernelBackend, TensorInfo} from '@tensorflow/tfjs-core';

/** The dtypes that live on the device. */
export type DeviceDtype = 'float32' | 'int32' | 'bool';

/** A tensor to be made. */
export interface TensorSpec {
  shape: readonly number[];
  dtype: DeviceDtype;
}

export class CudaBackend extends KernelBackend {
  /**
   * Runs an operation of the engine (native/cuda/ops) and returns its one output, a new tensor.
   *
   * Where all inputs are one-element tensors on the host and the operation takes such, an output of one
   * element stays on the host, too. A failed call leaves no tensor behind.
   */
  compute(operation: string, inputs: readonly TensorInfo[], output: TensorSpec, attributes: readonly number[] = []): TensorInfo {
    return this.computeAll(operation, inputs, [output], attributes)[0]!;
  }

  /** As `compute`, for operations of several outputs. */
  computeAll(_operation: string, _inputs: readonly TensorInfo[], _outputs: readonly TensorSpec[],
             _attributes: readonly number[] = []): TensorInfo[] {
    throw new Error('in the making');
  }

  /** Runs an operation that writes (parts of) outputs which exist, as `empty` made them. */
  computeInto(_operation: string, _inputs: readonly TensorInfo[], _outputs: readonly TensorInfo[],
              _attributes: readonly number[] = []): void {
    throw new Error('in the making');
  }

  /** A new tensor in device memory that nobody has written yet. */
  empty(_output: TensorSpec): TensorInfo {
    throw new Error('in the making');
  }

  /** The same values under another shape: one reference more, no copy. */
  alias(_x: TensorInfo, _shape: readonly number[]): TensorInfo {
    throw new Error('in the making');
  }

  /** Values that the kernel itself must know (indices, sizes): waits for the device where they are there. */
  values(_x: TensorInfo): Float32Array | Int32Array | Uint8Array {
    throw new Error('in the making');
  }

  /** Gives up one reference; for what a kernel made on the way. */
  release(_x: TensorInfo): void {
    throw new Error('in the making');
  }

  /** A tensor of values computed on the host. */
  upload(_values: Float32Array | Int32Array | Uint8Array, _output: TensorSpec): TensorInfo {
    throw new Error('in the making');
  }
}

export type {DataType};
