// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Convolutions of images and their gradients (native/cuda/ops/convolution.cu, depthwise.cu). tfjs-core's own helper
// works out sizes and paddings; the engine takes images as they lie, channels last or first.
import {backend_util, TensorInfo, util} from '@tensorflow/tfjs-core';

import {CudaBackend} from '../../backend';
import {stored, under} from './elementwise';
import {Ending, fused, plain} from './fused';
import {CudaKernel, CudaKernels, KernelArguments} from './kernel';

type Info = backend_util.Conv2DInfo;
type Pair = [number, number] | number;
type Shape4D = [number, number, number, number];

/** `dilations`: those of the attributes otherwise. */
function infoOf(attrs: KernelArguments['attrs'], inShape: unknown, filterShape: unknown, depthwise: boolean, dilations?: Pair): Info {
  const {strides, pad, dimRoundingMode, dataFormat} = attrs as unknown as {
    strides: Pair; pad: 'valid'; dimRoundingMode?: 'floor'; dataFormat?: 'NHWC' | 'NCHW';
  };
  util.assert(!depthwise || dataFormat !== 'NCHW', () => 'depthwise convolution: dataFormat: expected NHWC, received NCHW');
  return backend_util.computeConv2DInfo(inShape as Shape4D, filterShape as Shape4D, strides,
      dilations ?? attrs.dilations as Pair ?? 1, pad, dimRoundingMode, depthwise,
      backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC'));
}

/** As native/cuda/ops/conv_shape.h has them. */
function attributesOf({dataFormat, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo}: Info): number[] {
  return [dataFormat === 'channelsFirst' ? 1 : 0, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo.top, padInfo.left];
}

/** Float32 throughout, the result in the dtype of the first input. */
function convolved(operation: string, {inputs, backend}: KernelArguments, info: Info, ending: Ending): TensorInfo {
  const x = inputs.x!;
  const y = under(backend, [x, inputs.filter!], 'float32', (operands) => backend.compute(operation, [...operands, ...ending.inputs],
      {shape: info.outShape, dtype: 'float32'}, [...attributesOf(info), ...ending.attributes]));
  return stored(backend, y, x.dtype);
}

type Convolution = (call: KernelArguments) => Info;

const full: Convolution = ({inputs, attrs}) => infoOf(attrs, inputs.x!.shape, inputs.filter!.shape, false);

const depthwise: Convolution = ({inputs, attrs}) => {
  const info = infoOf(attrs, inputs.x!.shape, inputs.filter!.shape, true);
  const strides = [info.strideHeight, info.strideWidth], dilations = [info.dilationHeight, info.dilationWidth];
  util.assert(backend_util.eitherStridesOrDilationsAreOne(strides, dilations),
      () => `depthwise convolution: expected strides or dilations of 1, received strides [${strides}], dilations [${dilations}]`);
  return info;
};

const forward = (operation: string, convolution: Convolution): CudaKernel =>
  (call) => convolved(operation, call, convolution(call), plain);

const fusedForward = (operation: string, convolution: Convolution): CudaKernel => (call) => {
  const info = convolution(call);
  const channels = {rank: 4, axis: info.dataFormat === 'channelsFirst' ? 1 : 3, count: info.outChannels};
  return fused(call, [call.inputs.x!, call.inputs.filter!], channels, (ending) => convolved(operation, call, info, ending));
};

function gradient(backend: CudaBackend, operation: string, inputs: TensorInfo[], shape: number[], info: Info): TensorInfo {
  return under(backend, inputs, 'float32', (operands) =>
    backend.compute(operation, operands, {shape, dtype: 'float32'}, attributesOf(info)));
}

/** Of a full convolution without dilations: tfjs has its gradient no others. */
const toInput = (operation: string, isDepthwise: boolean): CudaKernel => ({inputs, attrs, backend}) => {
  const info = infoOf(attrs, attrs.inputShape, inputs.filter!.shape, isDepthwise, isDepthwise ? undefined : 1);
  return gradient(backend, operation, [inputs.dy!, inputs.filter!], info.inShape, info);
};

const toFilter = (operation: string, isDepthwise: boolean): CudaKernel => ({inputs, attrs, backend}) => {
  const info = infoOf(attrs, inputs.x!.shape, attrs.filterShape, isDepthwise, isDepthwise ? undefined : 1);
  return gradient(backend, operation, [inputs.x!, inputs.dy!], info.filterShape, info);
};

export const convolutionKernels: CudaKernels = {
  Conv2D: forward('Conv2D', full),
  FusedConv2D: fusedForward('Conv2D', full),
  Conv2DBackpropInput: toInput('Conv2DBackpropInput', false),
  Conv2DBackpropFilter: toFilter('Conv2DBackpropFilter', false),
  DepthwiseConv2dNative: forward('DepthwiseConv2dNative', depthwise),
  FusedDepthwiseConv2D: fusedForward('DepthwiseConv2dNative', depthwise),
  DepthwiseConv2dNativeBackpropInput: toInput('DepthwiseConv2dNativeBackpropInput', true),
  DepthwiseConv2dNativeBackpropFilter: toFilter('DepthwiseConv2dNativeBackpropFilter', true),
};
