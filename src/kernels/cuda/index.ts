// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// All kernels of the `cuda` backend by name.
import {DataType, KernelConfig, KernelFunc, TensorInfo} from '@tensorflow/tfjs-core';

import {isDeviceDtype} from '../../backend';
import {RbnError} from '../../binding';
import {RepresentativeBatchNorm, RepresentativeBatchNormGrad} from '../../ops';
import {batchNormKernels} from './batch_norm';
import {batchNormTrainingKernels} from './batch_norm_training';
import {convolutionKernels} from './convolution';
import {creationKernels} from './creation';
import {elementwiseKernels} from './elementwise';
import {fallbackKernel, fallbackNames} from './fallback';
import {gatherKernels} from './gather';
import {CudaKernel, CudaKernels, KernelArguments} from './kernel';
import {layoutKernels} from './layout';
import {matMulKernels} from './matmul';
import {momentsKernels} from './moments';
import {optimizerKernels} from './optimizers';
import {poolKernels} from './pool';
import {reductionKernels} from './reductions';
import {representativeBatchNorm} from './RepresentativeBatchNorm';
import {representativeBatchNormGrad} from './RepresentativeBatchNormGrad';
import {resizeKernels} from './resize';
import {sortKernels} from './sort';
import {views} from './views';

export {registerBatchNormTrainingGradient} from './batch_norm_training';
export {fallbackCosts} from './fallback';
export type {FallbackCost} from './fallback';
export {registerCudaGradients} from './gradients';
export {fuseMoments} from './moments';
export {fuseOptimizers} from './optimizers';

/** Kernels on tensors that live on the device: float32, int32 and bool. */
const native: CudaKernels = {
  ...batchNormKernels,
  ...batchNormTrainingKernels,
  ...convolutionKernels,
  ...creationKernels,
  ...elementwiseKernels,
  ...gatherKernels,
  ...layoutKernels,
  ...matMulKernels,
  ...momentsKernels,
  ...optimizerKernels,
  ...poolKernels,
  ...reductionKernels,
  ...resizeKernels,
  ...sortKernels,
  [RepresentativeBatchNorm]: representativeBatchNorm,
  [RepresentativeBatchNormGrad]: representativeBatchNormGrad,
};

/** A kernel as it is registered. */
export interface RegisteredKernel {
  name: string;
  /** False: tfjs's CPU kernel on copies. */
  native: boolean;
  run: CudaKernel;
}

/** All kernels: those of the tables, and fallbacks for what else tfjs's CPU backend has. */
export function cudaKernels(): RegisteredKernel[] {
  const kernels: RegisteredKernel[] = [
    ...Object.entries(views).map(([name, run]) => ({name, native: true, run})),
    ...Object.entries(native).map(([name, kernel]) => ({name, native: true, run: onDevice(name, kernel)})),
  ];
  const known = new Set(kernels.map(({name}) => name));
  const others = fallbackNames().filter((name) => !known.has(name));
  return [...kernels, ...others.map((name) => ({name, native: false, run: fallbackKernel(name)}))];
}

/** The configs to register. */
export function cudaConfigs(): KernelConfig[] {
  return cudaKernels().map(({name, run}) => {
    // tfjs-core leaves the attributes out where a kernel has none.
    const kernelFunc = (call: KernelArguments) => {
      try {
        return run(call.attrs === undefined ? {...call, attrs: {}} : call);
      } catch (e) {
        throw e instanceof RbnError && e.cause instanceof Error ? named(name, e, e.cause) : e;
      }
    };
    return {kernelName: name, backendName: 'cuda', kernelFunc: kernelFunc as unknown as KernelFunc};
  });
}

/** An error of the engine with the kernel's name in front, where it does not begin with an operation's yet. */
function named(kernel: string, error: RbnError, {message}: Error): RbnError {
  return /^\w+: /.test(message) ? error : new RbnError({...error, message: `${kernel}: ${message}`}, {cause: error});
}

/** A kernel of the tables; calls with tensors that do not live on the device go to the fallback of that name. */
function onDevice(name: string, kernel: CudaKernel): CudaKernel {
  const fallback = fallbackKernel(name);
  return (call) => isOnDevice(call) ? kernel(call) : fallback(call);
}

/** True where all inputs, and the dtype that the call asks for, are of the device. Runs at every call: no lists. */
function isOnDevice({inputs, attrs}: KernelArguments): boolean {
  const {dtype} = attrs as {dtype?: DataType};
  if (dtype !== undefined && !isDeviceDtype(dtype)) return false;
  for (const name in inputs) {
    const input = inputs[name] as TensorInfo | TensorInfo[] | null | undefined;
    if (Array.isArray(input) ? !input.every((x) => isDeviceDtype(x.dtype)) : input && !isDeviceDtype(input.dtype)) return false;
  }
  return true;
}
