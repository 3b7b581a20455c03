// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that work along axes: reductions, softmax and running sums. Dtypes and corner cases are those of tfjs's
// cpu backend; the engine takes any set of axes as it is, so nothing is transposed.
import {util} from '@tensorflow/tfjs-core';

import {DeviceDtype} from '../../backend';
import {CudaKernel, CudaKernels} from './kernel';

const same = (dtype: DeviceDtype): DeviceDtype => dtype;
/** Sums and products of bool count. */
const counted = (dtype: DeviceDtype): DeviceDtype => dtype === 'float32' ? 'float32' : 'int32';
const always = (dtype: DeviceDtype) => (): DeviceDtype => dtype;

function reduction(operation: string, outputDtype: (input: DeviceDtype) => DeviceDtype, axisName = 'axis'): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const x = inputs.x!;
    const axes = util.parseAxisParam(attrs[axisName] as number | number[], x.shape);
    const shape = attrs.keepDims
      ? x.shape.map((size, d) => axes.includes(d) ? 1 : size)
      : x.shape.filter((_, d) => !axes.includes(d));
    return backend.compute(operation, [x], {shape, dtype: outputDtype(x.dtype as DeviceDtype)}, axes);
  };
}

function argReduction(operation: string): CudaKernel {
  const kernel = reduction(operation, always('int32'));
  return (call) => {
    const {axis} = call.attrs;
    util.assert(!Array.isArray(axis) || axis.length === 1, () => `${operation}: axis: expected one axis, received [${axis}]`);
    return kernel(call);
  };
}

function scan(operation: string): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const x = inputs.x!;
    const [axis] = util.parseAxisParam(attrs.axis as number, x.shape);
    return backend.compute(operation, [x], {shape: x.shape, dtype: counted(x.dtype as DeviceDtype)},
        [axis!, attrs.exclusive ? 1 : 0, attrs.reverse ? 1 : 0]);
  };
}

export const reductionKernels: CudaKernels = {
  Sum: reduction('Sum', counted),
  Mean: reduction('Mean', always('float32')),
  Prod: reduction('Prod', counted),
  Max: reduction('Max', same, 'reductionIndices'),
  Min: reduction('Min', same),
  All: reduction('All', same),
  Any: reduction('Any', same),
  ArgMax: argReduction('ArgMax'),
  ArgMin: argReduction('ArgMin'),

  Softmax: ({inputs, attrs, backend}) => {
    const logits = inputs.logits!, rank = logits.shape.length;
    const [dim] = util.parseAxisParam(attrs.dim as number, logits.shape);
    util.assert(dim === rank - 1, () => `Softmax: dim: expected the last dimension, ${rank - 1}, received ${attrs.dim}`);
    return backend.compute('Softmax', [logits], {shape: logits.shape, dtype: 'float32'});
  },

  Cumsum: scan('Cumsum'),
  Cumprod: scan('Cumprod'),
};
