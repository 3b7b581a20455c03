// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The one file with side effects: importing it registers the gradient, the kernels of every backend, the
// layer class and the file:// handler.
import {engine, getGradient, getKernel, registerGradient, registerKernel, serialization} from '@tensorflow/tfjs-core';

import {registerFileRouters} from './io/file_system';
import {composedConfigs} from './kernels/composed';
import * as cpuForward from './kernels/cpu/RepresentativeBatchNorm';
import * as cpuBackward from './kernels/cpu/RepresentativeBatchNormGrad';
import * as tensorflowForward from './kernels/tensorflow/RepresentativeBatchNorm';
import * as tensorflowBackward from './kernels/tensorflow/RepresentativeBatchNormGrad';
import {RepresentativeBatchNormalization} from './layers';
import * as ops from './ops';

if (getGradient(ops.RepresentativeBatchNorm) !== undefined) {
  // Kernels live in a registry of the process: a second copy of the package would replace the first's.
  process.emitWarning('tfjs-rbn was loaded twice in this process; the kernels of the first copy stay. ' +
      `Next: npm ls tfjs-rbn   (this copy: ${__dirname})`, {type: 'RbnWarning', code: 'LOADED_TWICE'});
} else {
  registerGradient(ops.representativeBatchNormGradConfig);
  registerKernel(cpuForward.representativeBatchNormConfig);
  registerKernel(cpuBackward.representativeBatchNormGradConfig);
  registerKernel(tensorflowForward.representativeBatchNormConfig);
  registerKernel(tensorflowBackward.representativeBatchNormGradConfig);
  for (const backendName of Object.keys(engine().registryFactory)) registerComposed(backendName);
  serialization.registerClass(RepresentativeBatchNormalization);
  registerFileRouters();
}
ops.provideFallback(registerComposed);

/** Registers the composed kernels for a backend, each where it has none. */
function registerComposed(backendName: string): void {
  for (const config of composedConfigs(backendName)) {
    if (getKernel(config.kernelName, backendName) == null) registerKernel(config);
  }
}
