// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that only move elements: each is one or several strided copies (native/cuda/ops/copy.cu), told
// by sizes and strides. Shapes are computed by tfjs-core's own helpers.
import {backend_util, slice_util, TensorInfo, util} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';
import {CudaKernel, CudaKernels} from './kernel';

/** Elements of a tensor in the order of `sizes`; strides and offset in elements. */
interface View {
  sizes: number[];
  strides: number[];
  offset: number;
}

/** Row-major strides, one a dimension (tfjs's computeStrides leaves the last one out). */
function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let d = shape.length - 1, stride = 1; d >= 0; stride *= shape[d]!, --d) strides[d] = stride;
  return strides;
}

const dtypeOf = (x: TensorInfo) => x.dtype as DeviceDtype;

/** A tensor of `shape` with the elements of x that the view names, in its order. */
function copied(backend: CudaBackend, x: TensorInfo, shape: number[], {sizes, strides, offset}: View): TensorInfo {
  // One element has no order, and stays where it is, on the host as well.
  if (util.sizeFromShape(x.shape) === 1 && util.sizeFromShape(shape) === 1) return backend.alias(x, shape);
  return backend.compute('CopyStrided', [x], {shape, dtype: dtypeOf(x)},
      [sizes.length, ...sizes, offset, ...strides, 0, ...stridesOf(sizes)]);
}

/** A tensor of `shape` whose parts are tensors: x fills the places of `place(i)`, in its own order. */
function assembled(backend: CudaBackend, parts: TensorInfo[], shape: number[],
                   place: (part: number) => View): TensorInfo {
  const out = backend.empty({shape, dtype: dtypeOf(parts[0]!)});
  try {
    parts.forEach((x, i) => {
      const {sizes, strides, offset} = place(i);
      backend.computeInto('CopyStrided', [x], [out],
          [sizes.length, ...sizes, 0, ...stridesOf(sizes), offset, ...strides]);
    });
    return out;
  } catch (e) {
    backend.release(out);
    throw e;
  }
}

/** x, seen as a tensor of `from`, with its dimensions in the order of `perm`; then a tensor of `shape`. */
function permuted(backend: CudaBackend, x: TensorInfo, from: number[], perm: number[], shape: number[]): TensorInfo {
  const strides = stridesOf(from);
  return copied(backend, x, shape, {sizes: perm.map(d => from[d]!), strides: perm.map(d => strides[d]!), offset: 0});
}

/** The elements from `begin` on, every steps-th. */
function sliced(backend: CudaBackend, x: TensorInfo, begin: number[], sizes: number[], shape: number[],
                steps?: number[]): TensorInfo {
  const strides = stridesOf(x.shape);
  return copied(backend, x, shape, {
    sizes, strides: strides.map((stride, d) => stride * (steps?.[d] ?? 1)),
    offset: strides.reduce((sum, stride, d) => sum + stride * begin[d]!, 0),
  });
}

/** A number as the typed array of `dtype` would hold it. */
export function asElement(dtype: DeviceDtype, value: number): number {
  return dtype === 'float32' ? value : dtype === 'int32' ? value | 0 : value & 255;
}

function padded(backend: CudaBackend, x: TensorInfo, paddings: number[][], value: number): TensorInfo {
  const dtype = dtypeOf(x);
  const shape = x.shape.map((size, d) => paddings[d]![0]! + size + paddings[d]![1]!);
  return backend.compute('PadV2', [x], {shape, dtype}, [asElement(dtype, value), ...paddings.map(p => p[0]!)]);
}

function reversed(backend: CudaBackend, x: TensorInfo, axes: number[]): TensorInfo {
  const view = {sizes: x.shape, strides: stridesOf(x.shape), offset: 0};
  for (const d of axes) {
    view.offset += Math.max(x.shape[d]! - 1, 0) * view.strides[d]!;
    view.strides[d] = -view.strides[d]!;
  }
  return copied(backend, x, x.shape, view);
}

/** Sizes without `axis`, and the strides of the same dimensions of `shape`. */
function without(axis: number, shape: number[]): {sizes: number[]; strides: number[]} {
  const others = <T>(values: T[]) => values.filter((_, d) => d !== axis);
  return {sizes: others(shape), strides: others(stridesOf(shape))};
}

const transpose: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const perm = attrs.perm as number[];
  return permuted(backend, x!, x!.shape, perm, perm.map(d => x!.shape[d]!));
};

const slice: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const [begin, size] = slice_util.parseSliceParams(x!, attrs.begin as number[], attrs.size as number[]);
  slice_util.assertParamsValid(x!, begin!, size!);
  return sliced(backend, x!, begin!, size!, size!);
};

const stridedSlice: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const number = (name: string) => attrs[name] as number;
  const {finalShape, isIdentity, begin, end, strides} = slice_util.sliceInfo(
      x!.shape, attrs.begin as number[], attrs.end as number[], attrs.strides as number[], number('beginMask'),
      number('endMask'), number('ellipsisMask'), number('newAxisMask'), number('shrinkAxisMask'));
  if (isIdentity) return backend.alias(x!, finalShape);
  // By dimension of x; negative where the end lies before the begin.
  const sizes = slice_util.computeOutShape(begin, end, strides).map(size => Math.max(size, 0));
  return sliced(backend, x!, begin, sizes, finalShape, strides);
};

const splitV: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const axis = util.parseAxisParam(attrs.axis as number, x!.shape)[0]!;
  const sizes = backend_util.prepareSplitSize(x as never, attrs.numOrSizeSplits as number[] | number, axis);
  return each(backend, sizes.map((size, i) => () => {
    const shape = x!.shape.slice(), begin = x!.shape.map(() => 0);
    shape[axis] = size;
    begin[axis] = sizes.slice(0, i).reduce((sum, before) => sum + before, 0);
    return sliced(backend, x!, begin, shape, shape);
  }));
};

const unpack: CudaKernel = ({inputs: {value}, attrs, backend}) => {
  const shape = value!.shape;
  const axis = util.parseAxisParam(attrs.axis as number, shape)[0]!;
  const {sizes, strides} = without(axis, shape);
  const step = stridesOf(shape)[axis]!;
  return each(backend, Array.from({length: shape[axis]!}, (_, i) => () =>
    copied(backend, value!, sizes, {sizes, strides, offset: i * step})));
};

/** All of the tensors, or on failure none. */
function each(backend: CudaBackend, makers: Array<() => TensorInfo>): TensorInfo[] {
  const made: TensorInfo[] = [];
  try {
    for (const make of makers) made.push(make());
    return made;
  } catch (e) {
    for (const info of made) backend.release(info);
    throw e;
  }
}

const concat: CudaKernel = ({inputs, attrs, backend}) => {
  const tensors = inputs as unknown as TensorInfo[];
  const axis = util.parseAxisParam(attrs.axis as number, tensors[0]!.shape)[0]!;
  const shapes = tensors.map(t => t.shape);
  backend_util.assertParamsConsistent(shapes, axis);
  if (tensors.length === 1) return backend.alias(tensors[0]!, shapes[0]!);
  const shape = backend_util.computeOutShape(shapes, axis);
  const strides = stridesOf(shape);
  let offset = 0;
  return assembled(backend, tensors, shape, (i) => {
    const view = {sizes: shapes[i]!, strides, offset};
    offset += shapes[i]![axis]! * strides[axis]!;
    return view;
  });
};

const pack: CudaKernel = ({inputs, attrs, backend}) => {
  const tensors = inputs as unknown as TensorInfo[];
  const {shape, dtype} = tensors[0]!;
  for (const t of tensors) {
    util.assertShapesMatch(shape, t.shape, 'All tensors passed to stack must have matching shapes');
    util.assert(dtype === t.dtype, () => 'All tensors passed to stack must have matching dtypes');
  }
  const outShape = shape.slice();
  const axis = (attrs.axis as number) < 0 ? shape.length + 1 + (attrs.axis as number) : attrs.axis as number;
  outShape.splice(axis, 0, tensors.length);
  if (tensors.length === 1) return backend.alias(tensors[0]!, outShape);
  const {sizes, strides} = without(axis, outShape);
  const step = stridesOf(outShape)[axis]!;
  return assembled(backend, tensors, outShape, i => ({sizes, strides, offset: i * step}));
};

const tile: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const reps = attrs.reps as number[];
  const strides = stridesOf(x!.shape);
  return copied(backend, x!, x!.shape.map((size, d) => size * reps[d]!), {
    sizes: x!.shape.flatMap((size, d) => [reps[d]!, size]), strides: strides.flatMap(stride => [0, stride]), offset: 0,
  });
};

const broadcastTo: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const shape = attrs.shape as number[];
  util.assertShapesMatch(backend_util.assertAndGetBroadcastShape(x!.shape, shape), shape, 'broadcastTo: ');
  const strides = stridesOf(x!.shape), added = shape.length - x!.shape.length;
  return copied(backend, x!, shape, {
    sizes: shape, strides: shape.map((_, d) => d < added || x!.shape[d - added] === 1 ? 0 : strides[d - added]!), offset: 0,
  });
};

const mirrorPad: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const paddings = attrs.paddings as number[][];
  const shape = x!.shape.map((size, d) => paddings[d]![0]! + size + paddings[d]![1]!);
  return backend.compute('MirrorPad', [x!], {shape, dtype: dtypeOf(x!)},
      [attrs.mode === 'symmetric' ? 1 : 0, ...paddings.map(p => p[0]!)]);
};

/** x is [N, H, W, block, block, C] or [N, block, block, C, H, W]. */
const depthToSpace: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const block = attrs.blockSize as number;
  const [n, second, third, last] = x!.shape as [number, number, number, number];
  if (attrs.dataFormat === 'NHWC') {
    const depth = last / (block * block);
    return permuted(backend, x!, [n, second, third, block, block, depth], [0, 1, 3, 2, 4, 5],
        [n, second * block, third * block, depth]);
  }
  const depth = second / (block * block);
  return permuted(backend, x!, [n, block, block, depth, third, last], [0, 3, 4, 1, 5, 2],
      [n, depth, third * block, last * block]);
};

const spaceToBatchND: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const blockShape = attrs.blockShape as number[];
  const spatial = attrs.paddings as number[][];
  const paddings = x!.shape.map((_, d) => spatial[d - 1] ?? [0, 0]);
  const product = util.sizeFromShape(blockShape);
  const whole = paddings.every(p => p[0] === 0 && p[1] === 0) ? backend.alias(x!, x!.shape) : padded(backend, x!, paddings, 0);
  try {
    const from = backend_util.getReshaped(whole.shape, blockShape, product, false);
    return permuted(backend, whole, from, backend_util.getPermuted(from.length, blockShape.length, false),
        backend_util.getReshapedPermuted(whole.shape, blockShape, product, false));
  } finally {
    backend.release(whole);
  }
};

const batchToSpaceND: CudaKernel = ({inputs: {x}, attrs, backend}) => {
  const blockShape = attrs.blockShape as number[], crops = attrs.crops as number[][];
  const product = util.sizeFromShape(blockShape);
  const from = backend_util.getReshaped(x!.shape, blockShape, product);
  const whole = permuted(backend, x!, from, backend_util.getPermuted(from.length, blockShape.length),
      backend_util.getReshapedPermuted(x!.shape, blockShape, product));
  if (crops.every(crop => crop[0] === 0 && crop[1] === 0)) return whole;
  try {
    const begin = backend_util.getSliceBeginCoords(crops, blockShape.length);
    const size = backend_util.getSliceSize(whole.shape, crops, blockShape.length);
    return sliced(backend, whole, whole.shape.map((_, d) => begin[d] ?? 0), whole.shape.map((n, d) => size[d] ?? n),
        whole.shape.map((n, d) => size[d] ?? n));
  } finally {
    backend.release(whole);
  }
};

/** x along the diagonal of a tensor of zeros, [...x.shape, ...x.shape]. */
const diag: CudaKernel = ({inputs: {x}, backend}) => {
  const size = util.sizeFromShape(x!.shape), shape = [...x!.shape, ...x!.shape];
  if (size === 1) return backend.alias(x!, shape);
  const out = backend.compute('Fill', [], {shape, dtype: dtypeOf(x!)}, [0]);
  try {
    backend.computeInto('CopyStrided', [x!], [out], [1, size, 0, 1, 0, size + 1]);
    return out;
  } catch (e) {
    backend.release(out);
    throw e;
  }
};

export const layoutKernels: CudaKernels = {
  Transpose: transpose,
  Slice: slice,
  StridedSlice: stridedSlice,
  SplitV: splitV,
  Unpack: unpack,
  Concat: concat,
  Pack: pack,
  Tile: tile,
  BroadcastTo: broadcastTo,
  Reverse: ({inputs: {x}, attrs, backend}) =>
    reversed(backend, x!, util.parseAxisParam(attrs.dims as number | number[], x!.shape)),
  FlipLeftRight: ({inputs: {image}, backend}) => reversed(backend, image!, [2]),
  PadV2: ({inputs: {x}, attrs, backend}) =>
    padded(backend, x!, attrs.paddings as number[][], attrs.constantValue as number),
  MirrorPad: mirrorPad,
  DepthToSpace: depthToSpace,
  SpaceToBatchND: spaceToBatchND,
  BatchToSpaceND: batchToSpaceND,
  Diag: diag,
};
