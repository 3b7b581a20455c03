// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The composed kernels as configurations for a backend of any name.
import {KernelConfig} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNorm, RepresentativeBatchNormGrad} from '../../ops';
import {representativeBatchNorm} from './RepresentativeBatchNorm';
import {representativeBatchNormGrad} from './RepresentativeBatchNormGrad';

export function composedConfigs(backendName: string): KernelConfig[] {
  return [
    {kernelName: RepresentativeBatchNorm, backendName, kernelFunc: representativeBatchNorm},
    {kernelName: RepresentativeBatchNormGrad, backendName, kernelFunc: representativeBatchNormGrad},
  ];
}
