// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that make tensors out of numbers.
import {TensorInfo, util} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';
import {CudaKernel, CudaKernels} from './kernel';

function filled(backend: CudaBackend, shape: readonly number[], dtype: DeviceDtype, value: number): TensorInfo {
  return backend.compute('Fill', [], {shape, dtype}, [value]);
}

const fill: CudaKernel = ({attrs, backend}) => {
  const value = attrs.value as number | boolean;
  const dtype = (attrs.dtype ?? util.inferDtype(value)) as DeviceDtype;
  return filled(backend, attrs.shape as number[], dtype, Number(value));
};

/** ZerosLike and OnesLike. */
function like(value: 0 | 1): CudaKernel {
  return ({inputs, backend}) => filled(backend, inputs.x!.shape, inputs.x!.dtype as DeviceDtype, value);
}

/** start, start + step … before stop. The number of elements, and that a step of 1 may mean -1, is tfjs's rule. */
const range: CudaKernel = ({attrs, backend}) => {
  const {start, stop, dtype} = attrs as {start: number, stop: number, dtype: DeviceDtype};
  let step = attrs.step as number;
  const none = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
  const count = none ? 0 : Math.abs(Math.ceil((stop - start) / step));
  if (stop < start && step === 1) step = -1;
  return backend.compute('Range', [], {shape: [count], dtype}, [start, step]);
};

/** From start to stop, both included, with the rounding errors of one element and not of all before it. */
const linSpace: CudaKernel = ({attrs, backend}) => {
  const {start, stop, num} = attrs as {start: number, stop: number, num: number};
  const step = num === 1 ? 0 : (stop - start) / (num - 1);
  return backend.compute('Range', [], {shape: [num], dtype: 'float32'}, [start, step]);
};

/** By tfjs-core's names. */
export const creationKernels: CudaKernels = {
  Fill: fill,
  LinSpace: linSpace,
  OnesLike: like(1),
  Range: range,
  ZerosLike: like(0),
};
