// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The side effects of importing 'tfjs-rbn/cuda': the backend `cuda`, its kernels, gradients and optimizers, and
// its form of tf.layers' batch normalization.
import {findBackendFactory, registerBackend, registerKernel} from '@tensorflow/tfjs-core';

import {CudaBackend, disposeAfterFailedGradients, endFailedProfiles, registerFlags} from './backend';
import {stockBatchNormSetting} from './binding';
import {
  cudaConfigs, fuseMoments, fuseOptimizers, registerBatchNormTrainingGradient, registerCudaGradients,
} from './kernels/cuda';
import {fuseBatchNormalization} from './layers/fused_batch_normalization';

/** Below tfjs's own backends: nobody gets a GPU, or an error for want of one, without asking for it by name. */
const PRIORITY = 0;

if (findBackendFactory('cuda') == null) {
  registerFlags();
  registerBackend('cuda', () => {
    const backend = new CudaBackend();
    if (backend.engineKind === 'simulator') {
      process.emitWarning("the backend 'cuda' runs on the simulator, a test device on the CPU (RBN_ENGINE=simulator)",
          {type: 'RbnWarning', code: 'SIMULATOR'});
    }
    return backend;
  }, PRIORITY);
  disposeAfterFailedGradients();
  endFailedProfiles();
  for (const config of cudaConfigs()) registerKernel(config);
  registerCudaGradients();
  registerBatchNormTrainingGradient();
  fuseOptimizers();
  fuseMoments();
  fuseBatchNormalization(() => !stockBatchNormSetting());
}
