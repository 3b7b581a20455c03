// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The outputs of a kernel that is no operation of the engine's table: all of them, or on failure none.
import {TensorInfo} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';

export class NewTensors {
  private readonly made: TensorInfo[] = [];

  private constructor(private readonly backend: CudaBackend) {}

  /** Calls `f`, which makes outputs and fills them, and returns them in that order. */
  static make(backend: CudaBackend, f: (outputs: NewTensors) => void): TensorInfo[] {
    const outputs = new NewTensors(backend);
    try {
      f(outputs);
      return outputs.made;
    } catch (e) {
      for (const info of outputs.made) backend.release(info);
      throw e;
    }
  }

  /** A new output, not written yet. */
  tensor(shape: readonly number[], dtype: DeviceDtype = 'float32'): TensorInfo {
    const info = this.backend.empty({shape, dtype});
    this.made.push(info);
    return info;
  }

  /** The address of a new output, not written yet. */
  floats(shape: readonly number[]): number {
    return this.backend.address(this.tensor(shape));
  }

  /** As floats. */
  ints(shape: readonly number[]): number {
    return this.backend.address(this.tensor(shape, 'int32'));
  }
}
