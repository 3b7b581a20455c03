// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that the engine does by sorting.
import {util} from '@tensorflow/tfjs-core';

import {DeviceDtype} from '../../backend';
import {CudaKernels} from './kernel';

export const sortKernels: CudaKernels = {
  // Always sorted: with `sorted: false` tfjs leaves the order open.
  TopK: ({inputs, attrs, backend}) => {
    const x = inputs.x!, k = attrs.k as number;
    const size = x.shape[x.shape.length - 1]!;
    util.assert(Number.isInteger(k) && 0 <= k && k <= size, () => `TopK: k: expected a whole number from 0 to ${size}, received ${k}`);
    const shape = [...x.shape.slice(0, -1), k];
    return backend.computeAll('TopK', [x], [{shape, dtype: x.dtype as DeviceDtype}, {shape, dtype: 'int32'}]);
  },

  // float32 for every dtype, as on tfjs's cpu backend.
  UnsortedSegmentSum: ({inputs, attrs, backend}) => {
    const x = inputs.x!, segmentIds = inputs.segmentIds!, numSegments = attrs.numSegments as number;
    util.assert(segmentIds.shape.length === 1 && x.shape.length > 0 && segmentIds.shape[0] === x.shape[0],
        () => `UnsortedSegmentSum: segmentIds: expected the shape [${x.shape.slice(0, 1)}] for x of shape [${x.shape}], ` +
            `received [${segmentIds.shape}]`);
    util.assert(Number.isInteger(numSegments) && numSegments >= 0,
        () => `UnsortedSegmentSum: numSegments: expected a whole number from 0, received ${numSegments}`);
    return backend.compute('UnsortedSegmentSum', [x, segmentIds], {shape: [numSegments, ...x.shape.slice(1)], dtype: 'float32'});
  },
};
