// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that compute nothing: the same memory under another shape, and the parts of complex tensors.
// They take every dtype.
import {util} from '@tensorflow/tfjs-core';

import {CudaKernels} from './kernel';

export const views: CudaKernels = {
  Identity: ({inputs: {x}, backend}) => backend.alias(x!, x!.shape),

  Reshape: ({inputs: {x}, attrs, backend}) => {
    const size = util.sizeFromShape(x!.shape);
    const shape = util.inferFromImplicitShape(attrs.shape as number[], size);
    util.assert(util.sizeFromShape(shape) === size,
        () => `shape: expected one of ${size} elements like the input's [${x!.shape}], received [${shape}]`);
    return backend.alias(x!, shape);
  },

  ExpandDims: ({inputs: {input}, attrs, backend}) => {
    const rank = input!.shape.length, dim = attrs.dim as number;
    util.assert(-(rank + 1) <= dim && dim <= rank, () => `axis: expected ${-(rank + 1)} to ${rank}, received ${dim}`);
    const shape = input!.shape.slice();
    shape.splice(dim < 0 ? rank + 1 + dim : dim, 0, 1);
    return backend.alias(input!, shape);
  },

  Complex: ({inputs: {real, imag}, backend}) =>
    backend.complex(backend.alias(real!, real!.shape), backend.alias(imag!, imag!.shape)),

  Real: ({inputs: {input}, backend}) => backend.alias(backend.parts(input!).real, input!.shape),
  Imag: ({inputs: {input}, backend}) => backend.alias(backend.parts(input!).imag, input!.shape),
};
