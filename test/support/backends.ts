// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A backend on which the composed kernels run: tfjs's own `cpu` under another name, without our kernel.
import {MathBackendCPU} from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

/** Registers, once, a backend that is `cpu` in all but the kernels of this package; returns its name. */
export function registerPlainTfjsBackend(name: string): string {
  if (tf.findBackendFactory(name) == null) {
    for (const kernel of tf.getKernelsForBackend('cpu')) {
      if (!kernel.kernelName.startsWith('RepresentativeBatchNorm')) {
        tf.registerKernel({...kernel, backendName: name});
      }
    }
    tf.registerBackend(name, () => new MathBackendCPU(), 0);
  }
  return name;
}
