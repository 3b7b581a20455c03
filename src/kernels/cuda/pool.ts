// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Pooling of images, channels last, and its gradients. Sizes and padding are computed by tfjs-core's own helper.
import {backend_util, NamedAttrMap, TensorInfo, util} from '@tensorflow/tfjs-core';

import {CudaBackend} from '../../backend';
import {stored, under} from './elementwise';
import {CudaKernel, CudaKernels} from './kernel';

type Shape4D = [number, number, number, number];
type Pad = 'valid' | 'same' | number | backend_util.ExplicitPadding;

interface Windows {
  outShape: number[];
  /** As the engine's operations take them. */
  attributes: number[];
  /** Each window is one element, and each element a window. */
  trivial: boolean;
}

function windowsOf(shape: number[], {filterSize, strides, pad, dimRoundingMode}: NamedAttrMap): Windows {
  const info = backend_util.computePool2DInfo(
      shape as Shape4D, filterSize as number[] as [number, number], strides as number[] as [number, number], 1 /* dilations */,
      pad as unknown as Pad, dimRoundingMode as 'floor' | 'round' | 'ceil' | undefined);
  const {filterHeight, filterWidth, strideHeight, strideWidth, padInfo, inShape, outShape} = info;
  return {
    outShape,
    attributes: [filterHeight, filterWidth, strideHeight, strideWidth, padInfo.top, padInfo.left],
    trivial: filterHeight === 1 && filterWidth === 1 && util.arraysEqual(inShape, outShape),
  };
}

/** What `body` makes of x under a dtype that the engine pools. */
function underNumber(backend: CudaBackend, x: TensorInfo, body: (x: TensorInfo, dtype: 'float32' | 'int32') => TensorInfo): TensorInfo {
  const dtype = x.dtype === 'float32' ? 'float32' : 'int32';
  return under(backend, [x], dtype, ([number]) => body(number!, dtype));
}

function pool(operation: string): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const x = inputs.x!;
    const {outShape, attributes, trivial} = windowsOf(x.shape, attrs);
    if (trivial) return backend.alias(x, x.shape);
    const y = underNumber(backend, x,
        (number, dtype) => backend.compute(operation, [number], {shape: outShape, dtype}, attributes));
    return stored(backend, y, x.dtype);
  };
}

const maxPoolWithArgmax: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.x!;
  const {outShape, attributes} = windowsOf(x.shape, attrs);
  let positions: TensorInfo;
  const y = underNumber(backend, x, (number, dtype) => {
    const [values, found] = backend.computeAll('MaxPoolWithArgmax', [number],
        [{shape: outShape, dtype}, {shape: outShape, dtype: 'int32'}], [...attributes, attrs.includeBatchInIndex === true ? 1 : 0]);
    positions = found!;
    return values!;
  });
  return [stored(backend, y, x.dtype), positions!];
};

/** The windows are those of dy, also where the forward pass rounded their number up: tfjs-core's tape does not tell. */
const maxPoolGrad: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.input!, y = inputs.output!, dy = inputs.dy!;
  const {attributes} = windowsOf(x.shape, attrs);
  const dtype = x.dtype === 'float32' ? 'float32' : 'int32';
  return under(backend, [x, y], dtype, numbers => under(backend, [dy], 'float32', floats =>
    backend.compute('MaxPoolGrad', [...numbers, ...floats], {shape: x.shape, dtype: 'float32'}, attributes)));
};

const avgPoolGrad: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.input!;
  const {attributes} = windowsOf(x.shape, attrs);
  return under(backend, [inputs.dy!], 'float32',
      floats => backend.compute('AvgPoolGrad', floats, {shape: x.shape, dtype: 'float32'}, attributes));
};

/** By tfjs-core's names. */
export const poolKernels: CudaKernels = {
  AvgPool: pool('AvgPool'),
  AvgPoolGrad: avgPoolGrad,
  MaxPool: pool('MaxPool'),
  MaxPoolGrad: maxPoolGrad,
  MaxPoolWithArgmax: maxPoolWithArgmax,
};
