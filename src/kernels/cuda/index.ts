// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// All kernels of the `cuda` backend by name.
import {KernelConfig, KernelFunc, NamedTensorInfoMap} from '@tensorflow/tfjs-core';

import {isDeviceDtype} from '../../backend';
import {RepresentativeBatchNorm, RepresentativeBatchNormGrad} from '../../ops';
import {CudaKernel, CudaKernels} from './kernel';
import {representativeBatchNorm} from './RepresentativeBatchNorm';
import {representativeBatchNormGrad} from './RepresentativeBatchNormGrad';
import {views} from './views';

/** Kernels on tensors that live on the device: float32, int32 and bool. */
const native: CudaKernels = {
  [RepresentativeBatchNorm]: representativeBatchNorm,
  [RepresentativeBatchNormGrad]: representativeBatchNormGrad,
};

/** The configs to register. */
export function cudaConfigs(): KernelConfig[] {
  const config = (kernelName: string, kernelFunc: CudaKernel): KernelConfig =>
    ({kernelName, backendName: 'cuda', kernelFunc: kernelFunc as unknown as KernelFunc});
  return [
    ...Object.entries(views).map(([name, kernel]) => config(name, kernel)),
    ...Object.entries(native).map(([name, kernel]) => config(name, deviceOnly(name, kernel))),
  ];
}

/** A kernel that refuses tensors which do not live on the device. */
function deviceOnly(name: string, kernel: CudaKernel): CudaKernel {
  return (call) => {
    const other = otherDtype(call.inputs);
    if (other !== null) throw new TypeError(`${name}: expected float32, int32 or bool, received ${other}`);
    return kernel(call);
  };
}

function otherDtype(inputs: NamedTensorInfoMap): string | null {
  for (const name in inputs) {
    const info = inputs[name];
    if (info !== undefined && info !== null && !isDeviceDtype(info.dtype)) return info.dtype;
  }
  return null;
}
