// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel for tfjs's `cpu` backend: native code on the backend's own arrays, without a copy;
// plain TypeScript where the addon is missing.
import {KernelConfig} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNormGrad} from '../../ops';
import {decodeBackward} from '../shared/decode';
import {backwardOnArrays} from '../shared/on_arrays';
import {CpuMemory} from './memory';

export const representativeBatchNormGradConfig: KernelConfig = {
  kernelName: RepresentativeBatchNormGrad,
  backendName: 'cpu',
  kernelFunc: (call) => backwardOnArrays(decodeBackward(call), new CpuMemory(call.backend)),
};
