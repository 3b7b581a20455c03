// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Images at another size. The gradient is that of the forward pass, where tfjs's cpu backend takes no notice of
// halfPixelCenters and exchanges height and width.
import {NamedAttrMap} from '@tensorflow/tfjs-core';

import {under} from './elementwise';
import {CudaKernels} from './kernel';

const flags = ({alignCorners, halfPixelCenters}: NamedAttrMap): number[] => [alignCorners ? 1 : 0, halfPixelCenters ? 1 : 0];

/** By tfjs-core's names. */
export const resizeKernels: CudaKernels = {
  ResizeBilinear: ({inputs, attrs, backend}) => {
    const images = inputs.images!, [height, width] = attrs.size as [number, number];
    const shape = [images.shape[0]!, height, width, images.shape[3]!];
    return under(backend, [images], 'float32',
        floats => backend.compute('ResizeBilinear', floats, {shape, dtype: 'float32'}, flags(attrs)));
  },
  ResizeBilinearGrad: ({inputs, attrs, backend}) => under(backend, [inputs.dy!], 'float32',
      floats => backend.compute('ResizeBilinearGrad', floats, {shape: inputs.images!.shape, dtype: 'float32'}, flags(attrs))),
};
