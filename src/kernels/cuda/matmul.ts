// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Matrix products (native/cuda/ops/matmul.cu). Batches are broadcast by NumPy's rules; tfjs's cpu backend does so only
// where one side's batch is a part of the other's.
import {backend_util, TensorInfo, upcastType, util} from '@tensorflow/tfjs-core';

import {stored, under} from './elementwise';
import {Ending, fused, plain} from './fused';
import {CudaKernel, CudaKernels, KernelArguments} from './kernel';

/** The dimensions of a matrix, transposed or not. */
function sides({shape}: TensorInfo, transpose: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transpose ? [columns, rows] : [rows, columns];
}

/** a·b with an ending, which only float32 may have. int32 stays exact, modulo 2^32. */
function multiplied({inputs, attrs, backend}: KernelArguments, ending: Ending): TensorInfo {
  const a = inputs.a!, b = inputs.b!;
  const transposeA = attrs.transposeA === true, transposeB = attrs.transposeB === true;
  const [rows, inner] = sides(a, transposeA), [innerB, columns] = sides(b, transposeB);
  util.assert(inner === innerB, () => 'matMul: expected [m, k] times [k, n], received ' +
      `[${rows}, ${inner}] times [${innerB}, ${columns}], from shapes [${a.shape}] and [${b.shape}], transposeA=${transposeA} and transposeB=${transposeB}`);
  const shape = [...backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
  const dtype = upcastType(a.dtype, b.dtype) === 'float32' ? 'float32' : 'int32';
  const product = under(backend, [a, b], dtype, (operands) => backend.computeProduct(
      'BatchMatMul', [...operands, ...ending.inputs], {shape, dtype}, [transposeA ? 1 : 0, transposeB ? 1 : 0, ...ending.attributes]));
  return stored(backend, product, a.dtype);
}

const fusedMatMul: CudaKernel = (call) => {
  const a = call.inputs.a!, b = call.inputs.b!;
  const rank = Math.max(a.shape.length, b.shape.length);
  const [, count] = sides(b, call.attrs.transposeB === true);
  return fused(call, [a, b], {rank, axis: rank - 1, count}, (ending) => multiplied(call, ending));
};

export const matMulKernels: CudaKernels = {
  BatchMatMul: (call) => multiplied(call, plain),
  _FusedMatMul: fusedMatMul,
};
