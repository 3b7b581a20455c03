// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel for tfjs's `cpu` backend: native code on the backend's own arrays, without a copy;
// plain TypeScript where the addon is missing.
import {KernelConfig} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNorm} from '../../ops';
import {decodeForward} from '../shared/decode';
import {forwardOnArrays} from '../shared/on_arrays';
import {CpuMemory} from './memory';

export const representativeBatchNormConfig: KernelConfig = {
  kernelName: RepresentativeBatchNorm,
  backendName: 'cpu',
  kernelFunc: (call) => forwardOnArrays(decodeForward(call), new CpuMemory(call.backend)),
};
