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
import {layoutKernels} from './layout';

type Info = backend_util.Conv2DInfo;
type Pair = [number, number] | number;
type Shape4D = [number, number, number, number];

/** `dilations`: those of the attributes otherwise. */
function infoOf(attrs: KernelArguments['attrs'], inShape: unknown, filterShape: unknown, depthwise: boolean,
                dilations?: Pair): Info {
  const {strides, pad, dimRoundingMode, dataFormat} = attrs as unknown as {
    strides: Pair; pad: 'valid'; dimRoundingMode?: 'floor'; dataFormat?: 'NHWC' | 'NCHW';
  };
  util.assert(!depthwise || dataFormat !== 'NCHW', () => 'depthwise convolution: dataFormat: expected NHWC, received NCHW');
  return backend_util.computeConv2DInfo(inShape as Shape4D, filterShape as Shape4D, strides,
      dilations ?? attrs.dilations as Pair ?? 1, pad, dimRoundingMode, depthwise,
      backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC'));
}

/** As native/cuda/ops/conv_shape.h has them. */
function attributesOf(info: Info): number[] {
  const {strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo: {top, left}} = info;
  return [info.dataFormat === 'channelsFirst' ? 1 : 0, strideHeight, strideWidth, dilationHeight, dilationWidth, top, left];
}

/** Float32 throughout, the result in the dtype of the first input. */
function convolved(operation: string, {inputs, backend}: KernelArguments, info: Info, ending: Ending): TensorInfo {
  const x = inputs.x!;
  const y = under(backend, [x, inputs.filter!], 'float32', (operands) => backend.computeProduct(
      operation, [...operands, ...ending.inputs], {shape: info.outShape, dtype: 'float32'},
      [...attributesOf(info), ...ending.attributes]));
  return stored(backend, y, x.dtype);
}

type Convolution = (call: KernelArguments) => Info;

const full: Convolution = ({inputs, attrs}) => infoOf(attrs, inputs.x!.shape, inputs.filter!.shape, false);

const depthwise: Convolution = ({inputs, attrs}) => {
  const info = infoOf(attrs, inputs.x!.shape, inputs.filter!.shape, true);
  const strides = [info.strideHeight, info.strideWidth], dilations = [info.dilationHeight, info.dilationWidth];
  util.assert(backend_util.eitherStridesOrDilationsAreOne(strides, dilations),
      () => 'depthwise convolution: expected strides or dilations of 1, received strides ' +
          `[${strides}] and dilations [${dilations}]`);
  return info;
};

const forward = (operation: string, convolution: Convolution): CudaKernel =>
  (call) => convolved(operation, call, convolution(call), plain);

const fusedForward = (operation: string, convolution: Convolution): CudaKernel => (call) => {
  const info = convolution(call);
  const channels = {rank: 4, axis: info.dataFormat === 'channelsFirst' ? 1 : 3, count: info.outChannels};
  return fused(call, [call.inputs.x!, call.inputs.filter!], channels, (ending) => convolved(operation, call, info, ending));
};

/**
 * What `body` makes of the gradient of an output. tf.conv2dTranspose may call with a larger one than a convolution of
 * these sizes has: only the part at the top left counts then, as on the cpu backend.
 */
function outputGradient({inputs, backend}: KernelArguments, {outShape}: Info,
                        body: (dy: TensorInfo) => TensorInfo): TensorInfo {
  const dy = inputs.dy!;
  if (util.arraysEqual(dy.shape, outShape)) return body(dy);
  util.assert(dy.shape.length === 4 && outShape.every((size, d) => size <= dy.shape[d]!),
      () => `dy: expected shape [${outShape}], received [${dy.shape}]`);
  const part = layoutKernels.Slice!({inputs: {x: dy}, attrs: {begin: [0, 0, 0, 0], size: outShape}, backend}) as TensorInfo;
  try {
    return body(part);
  } finally {
    backend.release(part);
  }
}

function gradient(backend: CudaBackend, operation: string, inputs: TensorInfo[], shape: number[], info: Info): TensorInfo {
  return under(backend, inputs, 'float32', (operands) =>
    backend.computeProduct(operation, operands, {shape, dtype: 'float32'}, attributesOf(info)));
}

/** Of a full convolution without dilations: tfjs has gradients of no others. */
const toInput = (operation: string, isDepthwise: boolean): CudaKernel => (call) => {
  const {inputs, attrs, backend} = call, filter = inputs.filter!;
  const info = infoOf(attrs, attrs.inputShape, filter.shape, isDepthwise, isDepthwise ? undefined : 1);
  return outputGradient(call, info, (dy) => gradient(backend, operation, [dy, filter], info.inShape, info));
};

const toFilter = (operation: string, isDepthwise: boolean): CudaKernel => (call) => {
  const {inputs, attrs, backend} = call, x = inputs.x!;
  const info = infoOf(attrs, x.shape, attrs.filterShape, isDepthwise, isDepthwise ? undefined : 1);
  return outputGradient(call, info, (dy) => gradient(backend, operation, [x, dy], info.filterShape, info));
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
