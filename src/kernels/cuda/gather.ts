// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that find elements by indices (native/cuda/ops/gather.cu, scatter.cu). Indices stay on the device:
// to look at them would wait for all work before. So, as on WebGL, an index that is out of range reads 0 and
// writes nothing; it is an error where the index is on the host anyway, and in debug mode (tf.enableDebugMode()).
import {backend_util, env, TensorInfo, util} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';
import {fallbackKernel} from './fallback';
import {CudaKernel, CudaKernels} from './kernel';
import {asElement} from './layout';

const dtypeOf = (x: TensorInfo) => x.dtype as DeviceDtype;

/** The indices where they may be looked at. */
function known(backend: CudaBackend, indices: TensorInfo): ArrayLike<number> {
  return backend.onHost(indices) || env().getBool('DEBUG') ? backend.values(indices) : [];
}

/** Index vectors of `rank`, known ones, name rows of a tensor: row = Σ index·stride, as on tfjs's cpu backend. */
function checkRows(backend: CudaBackend, indices: TensorInfo, rank: number, strides: number[], rows: number,
                   shape: number[]): void {
  const values = Array.from(known(backend, indices));
  for (let i = 0; rank > 0 && i < values.length; i += rank) {
    const vector = values.slice(i, i + rank);
    const row = vector.reduce((sum, index, d) => sum + index * strides[d]!, 0);
    if (row < 0 || row >= rows) throw new Error(`Invalid indices: ${vector} does not index into ${shape}`);
  }
}

const gatherV2: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.x!, indices = inputs.indices!;
  const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0]!;
  const last = x.shape[axis]! - 1;
  for (const index of Array.from(known(backend, indices))) {
    util.assert(index >= 0 && index <= last, () => `GatherV2: the index value ${index} is not in [0, ${last}]`);
  }
  const batchDims = (attrs.batchDims as number | undefined) ?? 0;
  const {outputShape} = backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, axis, batchDims);
  return backend.compute('GatherV2', [x, indices], {shape: outputShape, dtype: dtypeOf(x)},
      [axis, batchDims < 0 ? batchDims + indices.shape.length : batchDims]);
};

const gatherNd: CudaKernel = ({inputs, backend}) => {
  const params = inputs.params!, indices = inputs.indices!;
  const [shape, , sliceSize, strides] = backend_util.prepareAndValidate(params, indices);
  checkRows(backend, indices, strides.length, strides, util.sizeFromShape(params.shape) / sliceSize, params.shape);
  return backend.compute('GatherNd', [params, indices], {shape, dtype: dtypeOf(params)}, [sliceSize, ...strides]);
};

const oneHot: CudaKernel = ({inputs, attrs, backend}) => {
  const indices = inputs.indices!, depth = attrs.depth as number, dtype = attrs.dtype as DeviceDtype;
  return backend.compute('OneHot', [indices], {shape: [...indices.shape, depth], dtype},
      [depth, asElement(dtype, attrs.onValue as number), asElement(dtype, attrs.offValue as number)]);
};

/** What an operation that writes slices into a tensor of `shape` needs to know; checks indices that are known. */
function rowsOf(backend: CudaBackend, indices: TensorInfo, updates: TensorInfo, shape: number[]) {
  const info = backend_util.calculateShapes(updates, indices, shape);
  const {sliceRank, sliceSize, outputSize, numUpdates} = info;
  const strides = info.strides.slice(0, sliceRank);
  if (outputSize > 0) checkRows(backend, indices, sliceRank, strides, outputSize / sliceSize, shape);
  return {sliceSize, outputSize, numUpdates, strides};
}

/** `base` (or one value everywhere) with slices replaced by updates; of several the last wins. */
function updated(backend: CudaBackend, base: TensorInfo, indices: TensorInfo, updates: TensorInfo,
                 shape: number[]): TensorInfo {
  const {sliceSize, outputSize, strides} = rowsOf(backend, indices, updates, shape);
  if (outputSize === 0) return backend.empty({shape, dtype: dtypeOf(updates)});
  return backend.compute('ScatterUpdate', [base, indices, updates], {shape, dtype: dtypeOf(updates)},
      [sliceSize, ...strides]);
}

const scatterNdOnHost = fallbackKernel('ScatterNd');

/** Sums of updates by slice: exact for int32, for float32 by the segment sum. For sums of bool nobody has a use. */
const scatterNd: CudaKernel = (call) => {
  const {inputs, attrs, backend} = call;
  if (inputs.updates!.dtype === 'bool') return scatterNdOnHost(call);
  const indices = inputs.indices!, updates = inputs.updates!, shape = attrs.shape as number[];
  const {sliceSize, outputSize, numUpdates, strides} = rowsOf(backend, indices, updates, shape);
  const dtype = dtypeOf(updates);
  if (outputSize === 0) return backend.empty({shape, dtype});
  if (dtype === 'int32') {
    return backend.compute('ScatterAdd', [indices, updates], {shape, dtype}, [sliceSize, ...strides]);
  }
  const rows = backend.compute('ScatterRows', [indices], {shape: [numUpdates], dtype: 'int32'},
      [outputSize / sliceSize, ...strides]);
  try {
    const slices = {...updates, shape: [numUpdates, sliceSize]};
    return {...backend.compute('UnsortedSegmentSum', [slices, rows], {shape: [outputSize / sliceSize, sliceSize], dtype}), shape};
  } finally {
    backend.release(rows);
  }
};

export const gatherKernels: CudaKernels = {
  GatherV2: gatherV2,
  GatherNd: gatherNd,
  OneHot: oneHot,
  SparseToDense: ({inputs, attrs, backend}) => updated(backend, inputs.defaultValue!, inputs.sparseIndices!,
      inputs.sparseValues!, attrs.outputShape as number[]),
  TensorScatterUpdate: ({inputs, backend}) =>
    updated(backend, inputs.tensor!, inputs.indices!, inputs.updates!, inputs.tensor!.shape),
  ScatterNd: scatterNd,
};
