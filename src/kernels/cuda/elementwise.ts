// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that work element by element, of one, two or more inputs. native/cuda/ops has them for the dtypes that
// networks use; others go there and back by Cast. Result dtypes are those of tfjs's `cpu` backend, but for one
// thing: what it would store in a bool as 2 or 255 is 1 here.
import {backend_util, DataType, TensorInfo, upcastType} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';
import {CudaKernel, CudaKernels, tensorsOf} from './kernel';

/** `x` under another dtype, as Cast has it; the caller's to release, also where nothing had to be done. */
function cast(backend: CudaBackend, x: TensorInfo, dtype: DeviceDtype): TensorInfo {
  return x.dtype === dtype ? backend.alias(x, x.shape) : backend.compute('Cast', [x], {shape: x.shape, dtype});
}

/** What `body` makes of tensors under one dtype. */
export function under(backend: CudaBackend, tensors: readonly TensorInfo[], dtype: DeviceDtype,
                      body: (tensors: readonly TensorInfo[]) => TensorInfo): TensorInfo {
  if (tensors.every((x) => x.dtype === dtype)) return body(tensors);
  const made: TensorInfo[] = [];
  try {
    for (const x of tensors) made.push(cast(backend, x, dtype));
    return body(made);
  } finally {
    for (const x of made) backend.release(x);
  }
}

/** A result as the `cpu` backend stores it under `dtype`: truncated for int32 and bool. Takes `y` over. */
export function stored(backend: CudaBackend, y: TensorInfo, dtype: DataType): TensorInfo {
  if (y.dtype === dtype) return y;
  try {
    if (dtype === 'bool' && y.dtype === 'float32') return stored(backend, cast(backend, y, 'int32'), dtype);
    return cast(backend, y, dtype as DeviceDtype);
  } finally {
    backend.release(y);
  }
}

/** A function of float32 with the named attributes; the result has the dtype of x or the given one. */
function ofFloat(name: string, attributes: readonly string[] = [], result?: DeviceDtype): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const x = inputs.x!;
    const values = attributes.map(attribute => attrs[attribute] as number);
    const y = under(backend, [x], 'float32',
        floats => backend.compute(name, floats, {shape: x.shape, dtype: 'float32'}, values));
    return stored(backend, y, result ?? x.dtype);
  };
}

/** A function of float32 and of int32, exact in both. */
function ofNumber(name: string, attributes: readonly string[] = []): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const x = inputs.x!;
    const dtype = x.dtype === 'float32' ? 'float32' : 'int32';
    const values = attributes.map(attribute => attrs[attribute] as number);
    const y = under(backend, [x], dtype, numbers => backend.compute(name, numbers, {shape: x.shape, dtype}, values));
    return stored(backend, y, x.dtype);
  };
}

/** A function of float32 that changes no integer. */
function rounding(name: string): CudaKernel {
  const float = ofFloat(name);
  return call => call.inputs.x!.dtype === 'float32' ? float(call) : call.backend.alias(call.inputs.x!, call.inputs.x!.shape);
}

/** A question to float32 that has one answer for all integers. */
function test(name: string, ofIntegers: 0 | 1): CudaKernel {
  return ({inputs, backend}) => {
    const x = inputs.x!;
    const output = {shape: x.shape, dtype: 'bool'} as const;
    return x.dtype === 'float32' ? backend.compute(name, [x], output) : backend.compute('Fill', [], output, [ofIntegers]);
  };
}

const logicalNot: CudaKernel = ({inputs, backend}) => {
  const x = inputs.x!;
  return under(backend, [x], 'bool', bools => backend.compute('LogicalNot', bools, {shape: x.shape, dtype: 'bool'}));
};

interface BinaryOptions {
  /** The dtype in which it works; without one int32 or float32, as the inputs have it. */
  works?: DeviceDtype;
  /** The dtype that the operation gives; that in which it works otherwise. */
  gives?: DeviceDtype;
  /** The dtype of the result: that of the first input otherwise, as on the `cpu` backend. */
  result?: DeviceDtype;
  names?: readonly [string, string];
}

/** Of two inputs, with broadcasting. */
function binary(name: string, {works, gives, result, names = ['a', 'b']}: BinaryOptions = {}): CudaKernel {
  return ({inputs, backend}) => {
    const a = inputs[names[0]]!, b = inputs[names[1]]!;
    const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const common = works ?? (upcastType(a.dtype, b.dtype) === 'float32' ? 'float32' : 'int32');
    const y = under(backend, [a, b], common,
        operands => backend.compute(name, operands, {shape, dtype: gives ?? common}));
    return stored(backend, y, result ?? a.dtype);
  };
}

const comparison = {gives: 'bool', result: 'bool'} as const;
const logical = {works: 'bool', result: 'bool'} as const;

const addN: CudaKernel = ({inputs, backend}) => {
  const tensors = tensorsOf(inputs);
  const {shape, dtype} = tensors[0]!;
  const common = dtype === 'float32' ? 'float32' : 'int32';
  const sum = under(backend, tensors, common, numbers => backend.compute('AddN', numbers, {shape, dtype: common}));
  return stored(backend, sum, dtype);
};

/** t where the condition holds, else e; a condition of rank 1 chooses whole rows. */
const select: CudaKernel = ({inputs, backend}) => {
  const condition = inputs.condition!, t = inputs.t!, e = inputs.e!;
  const dtype = upcastType(t.dtype, e.dtype) as DeviceDtype;
  const rows = condition.shape.length === 1 && t.shape.length > 1;
  const shape = rows ? [condition.shape[0]!, ...t.shape.slice(1).map(() => 1)] : condition.shape;
  return under(backend, [condition], 'bool', ([bools]) => {
    const chooser = backend.alias(bools!, shape);
    try {
      return under(backend, [t, e], dtype,
          values => backend.compute('Select', [chooser, ...values], {shape: t.shape, dtype}));
    } finally {
      backend.release(chooser);
    }
  });
};

const castKernel: CudaKernel = ({inputs, attrs, backend}) => cast(backend, inputs.x!, attrs.dtype as DeviceDtype);

/** By tfjs-core's names. */
export const elementwiseKernels: CudaKernels = {
  Abs: ofNumber('Abs'),
  Acos: ofFloat('Acos'),
  Acosh: ofFloat('Acosh'),
  Asin: ofFloat('Asin'),
  Asinh: ofFloat('Asinh'),
  Atan: ofFloat('Atan'),
  Atanh: ofFloat('Atanh'),
  Cast: castKernel,
  Ceil: rounding('Ceil'),
  ClipByValue: ofNumber('ClipByValue', ['clipValueMin', 'clipValueMax']),
  Cos: ofFloat('Cos'),
  Cosh: ofFloat('Cosh'),
  Elu: ofFloat('Elu'),
  Erf: ofFloat('Erf'),
  Exp: ofFloat('Exp', [], 'float32'),
  Expm1: ofFloat('Expm1'),
  Floor: rounding('Floor'),
  IsFinite: test('IsFinite', 1),
  IsInf: test('IsInf', 0),
  IsNan: test('IsNan', 0),
  LeakyRelu: ofFloat('LeakyRelu', ['alpha'], 'float32'),
  Log: ofFloat('Log'),
  Log1p: ofFloat('Log1p'),
  LogicalNot: logicalNot,
  Neg: ofNumber('Neg'),
  Reciprocal: ofFloat('Reciprocal'),
  Relu: ofNumber('Relu'),
  Relu6: ofFloat('Relu6'),
  Round: rounding('Round'),
  Rsqrt: ofFloat('Rsqrt'),
  Selu: ofFloat('Selu'),
  Sigmoid: ofFloat('Sigmoid'),
  Sign: ofFloat('Sign'),
  Sin: ofFloat('Sin'),
  Sinh: ofFloat('Sinh'),
  Softplus: ofFloat('Softplus'),
  Sqrt: ofFloat('Sqrt'),
  Square: ofNumber('Square'),
  Step: ofFloat('Step', ['alpha']),
  Tan: ofFloat('Tan'),
  Tanh: ofFloat('Tanh'),

  Add: binary('Add'),
  Atan2: binary('Atan2', {works: 'float32'}),
  BitwiseAnd: binary('BitwiseAnd', {works: 'int32'}),
  EluGrad: binary('EluGrad', {works: 'float32', result: 'float32', names: ['dy', 'y']}),
  Equal: binary('Equal', comparison),
  FloorDiv: binary('FloorDiv', {gives: 'int32', result: 'int32'}),
  Greater: binary('Greater', comparison),
  GreaterEqual: binary('GreaterEqual', comparison),
  Less: binary('Less', comparison),
  LessEqual: binary('LessEqual', comparison),
  LogicalAnd: binary('LogicalAnd', logical),
  LogicalOr: binary('LogicalOr', logical),
  Maximum: binary('Maximum'),
  Minimum: binary('Minimum'),
  Mod: binary('Mod'),
  Multiply: binary('Multiply'),
  NotEqual: binary('NotEqual', comparison),
  Pow: binary('Pow'),
  Prelu: binary('Prelu', {works: 'float32', result: 'float32', names: ['x', 'alpha']}),
  RealDiv: binary('RealDiv', {works: 'float32'}),
  Relu6Grad: binary('Relu6Grad', {works: 'float32', result: 'float32', names: ['dy', 'x']}),
  ReluGrad: binary('ReluGrad', {works: 'float32', result: 'float32', names: ['dy', 'x']}),
  SquaredDifference: binary('SquaredDifference'),
  Sub: binary('Sub'),

  AddN: addN,
  Select: select,
};
