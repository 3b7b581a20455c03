// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The elementwise and creation kernels of the `cuda` backend against tfjs's `cpu` backend, over dtypes, shapes and
// values that are awkward; with one-element tensors on the host and on the device.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';

import {cudaKernels} from '#dist/kernels/cuda/index';
import {creationKernels} from '#dist/kernels/cuda/creation';
import {elementwiseKernels} from '#dist/kernels/cuda/elementwise';

import {backend, onCuda} from '../support/cuda';
import {Random} from '../support/data';

type Dtype = 'float32' | 'int32' | 'bool';

interface Values {
  shape: number[];
  dtype: Dtype;
  values: ArrayLike<number>;
}

type Named = Record<string, Values>;
type Result = Values;

/** Runs a kernel on the active backend. `onDevice` moves one-element inputs to the device's memory before. */
function run(name: string, inputs: Named | Values[], attrs: object = {}, onDevice = false): Result {
  const tensors = Object.fromEntries(Object.entries(inputs).map(([key, {values, shape, dtype}]: [string, Values]) =>
    [key, tf.tensor(Array.from(values), shape, dtype)]));
  if (onDevice) for (const x of Object.values(tensors)) backend().address(x);
  const given = Array.isArray(inputs) ? Object.values(tensors) : tensors;
  const y = tf.engine().runKernel(name, given as tf.NamedTensorMap, attrs as tf.NamedAttrMap) as tf.Tensor;
  const result = {shape: y.shape, dtype: y.dtype as Dtype, values: Array.from(y.dataSync())};
  tf.dispose([Object.values(tensors), y]);
  return result;
}

/** The same on tfjs's `cpu` backend. */
async function onCpu<T>(f: () => T): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return f();
  } finally {
    await tf.setBackend('cuda');
  }
}

/** A kernel of two inputs on the cpu. What passes an int32 by 2^32 times is 0 on `cuda`. */
function runBinaryOnCpu(name: string, inputs: Named): Promise<Result> {
  return onCpu(() => {
    const result = run(name, inputs);
    if (name !== 'FloorDiv') return result;
    const quotients = run('RealDiv', Object.fromEntries(Object.entries(inputs).map(([key, x]) => [key, {...x, dtype: 'float32'}])));
    return {...result, values: Array.from(result.values, (y, i) => Math.abs(quotients.values[i]!) < 2 ** 63 ? y : 0)};
  });
}

/** Equal dtypes, shapes and values; within `tolerance`, relative, where one is given. */
function assertSame(got: Result, expected: Result, tolerance = 0, what = ''): void {
  assert.equal(got.dtype, expected.dtype, what);
  assert.deepEqual(got.shape, expected.shape, what);
  assert.equal(got.values.length, expected.values.length, what);
  for (let i = 0; i < expected.values.length; i++) {
    const a = got.values[i]!, b = expected.values[i]!;
    // 2^-149: half of it is lost below the smallest normal number, whatever the relative error.
    const same = a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= tolerance * Math.abs(b) + (tolerance > 0 ? 2 ** -149 : 0);
    assert.ok(same, `${what} element ${i}: expected ${b}, received ${a}`);
  }
}

const size = (shape: number[]) => shape.reduce((a, b) => a * b, 1);

const AWKWARD: Record<Dtype, number[]> = {
  float32: [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 3.7, -3.7, 6, 7, 1e-7, -1e-7, 1e-30, 20, -20, 87, -87, 100, -100, 12345.678,
    -1e10, 3e38, -3e38, NaN, Infinity, -Infinity],
  int32: [0, 1, -1, 2, -2, 3, -3, 5, -5, 6, 7, -7, 10, 100, -100, 12345, -12345],
  bool: [0, 1, 1, 0, 1],
};

/** Awkward values, then random ones, then both again in another order. */
function values(dtype: Dtype, shape: number[], seed: string, scale = 3): Values {
  const random = new Random(seed);
  const result = Array.from({length: size(shape)}, () => {
    const some = AWKWARD[dtype], k = Math.floor(random.uniform() * 2 * some.length);
    if (k < some.length) return some[k]!;
    if (dtype === 'float32') return Math.fround(scale * random.normal());
    return dtype === 'int32' ? Math.round(10 * scale * random.normal()) : Math.floor(2 * random.uniform());
  });
  return {shape, dtype, values: result};
}

const vector = (dtype: Dtype, list: number[]): Values => ({shape: [list.length], dtype, values: list});

/**
 * Four units in the last place: what the CUDA programming guide gives as the largest error of the functions used here
 * (tanf, powf, sinhf, acoshf: 4). The cpu backend computes in float64 and rounds once.
 */
const FUNCTION = 4 * 2 ** -23;

interface UnaryCase {
  tolerance: number;
  attrs?: object;
  /** Beside float32. */
  dtypes?: Dtype[];
  /** In float64, where the cpu backend approximates. */
  reference?: (x: number) => number;
}

/** By its series in float64, which has lost 1e-9 at 4; beyond, float32 has no number between it and 1. */
function erf(x: number): number {
  if (Number.isNaN(x) || Math.abs(x) > 4) return Number.isNaN(x) ? NaN : Math.sign(x);
  let sum = 0, term = x;
  for (let n = 0; n < 100; n++) {
    sum += term / (2 * n + 1);
    term *= -x * x / (n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

const UNARY: Record<string, UnaryCase> = {
  Abs: {tolerance: 0, dtypes: ['int32', 'bool']},
  Acos: {tolerance: FUNCTION, dtypes: ['int32']},
  Acosh: {tolerance: FUNCTION, dtypes: ['int32']},
  Asin: {tolerance: FUNCTION, dtypes: ['int32']},
  Asinh: {tolerance: FUNCTION, dtypes: ['int32']},
  Atan: {tolerance: FUNCTION, dtypes: ['int32']},
  Atanh: {tolerance: FUNCTION, dtypes: ['int32']},
  Ceil: {tolerance: 0, dtypes: ['int32']},
  ClipByValue: {tolerance: 0, attrs: {clipValueMin: -2.5, clipValueMax: 3.5}, dtypes: ['int32', 'bool']},
  Cos: {tolerance: FUNCTION},
  Cosh: {tolerance: FUNCTION},
  Elu: {tolerance: FUNCTION},
  Erf: {tolerance: FUNCTION, reference: erf},
  Exp: {tolerance: FUNCTION, dtypes: ['int32', 'bool']},
  Expm1: {tolerance: FUNCTION, dtypes: ['bool']},
  Floor: {tolerance: 0, dtypes: ['int32']},
  IsFinite: {tolerance: 0, dtypes: ['int32', 'bool']},
  IsInf: {tolerance: 0, dtypes: ['int32', 'bool']},
  IsNan: {tolerance: 0, dtypes: ['int32', 'bool']},
  LeakyRelu: {tolerance: FUNCTION, attrs: {alpha: 0.2}, dtypes: ['int32', 'bool']},
  Log: {tolerance: FUNCTION},
  Log1p: {tolerance: FUNCTION, dtypes: ['int32']},
  LogicalNot: {tolerance: 0, dtypes: ['bool']},
  Neg: {tolerance: 0, dtypes: ['int32', 'bool']},
  Reciprocal: {tolerance: 0, dtypes: ['int32']},
  Relu: {tolerance: 0, dtypes: ['int32', 'bool']},
  Relu6: {tolerance: 0, dtypes: ['int32', 'bool']},
  Round: {tolerance: 0, dtypes: ['int32', 'bool']},
  Rsqrt: {tolerance: FUNCTION},
  Selu: {tolerance: FUNCTION, dtypes: ['int32']},
  Sigmoid: {tolerance: FUNCTION, dtypes: ['bool']},
  Sign: {tolerance: 0, dtypes: ['int32', 'bool']},
  Sin: {tolerance: FUNCTION},
  Sinh: {tolerance: FUNCTION},
  Softplus: {tolerance: FUNCTION, reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))},
  Sqrt: {tolerance: 0},
  Square: {tolerance: 0, dtypes: ['bool']}, // int32: the cpu backend rounds it to float32
  Step: {tolerance: 0, attrs: {alpha: -2.75}, dtypes: ['int32']},
  Tan: {tolerance: FUNCTION},
  Tanh: {tolerance: FUNCTION},
};

interface BinaryCase {
  dtypes: Dtype[];
  tolerance?: number;
  names?: [string, string];
  /** Only pairs of one shape. */
  sameShape?: boolean;
}

const NUMBERS: Dtype[] = ['float32', 'int32'];
const BINARY: Record<string, BinaryCase> = {
  Add: {dtypes: NUMBERS},
  Atan2: {dtypes: ['float32'], tolerance: FUNCTION},
  BitwiseAnd: {dtypes: ['int32']},
  EluGrad: {dtypes: ['float32'], tolerance: FUNCTION, names: ['dy', 'y'], sameShape: true},
  Equal: {dtypes: [...NUMBERS, 'bool']},
  FloorDiv: {dtypes: NUMBERS},
  Greater: {dtypes: [...NUMBERS, 'bool']},
  GreaterEqual: {dtypes: [...NUMBERS, 'bool']},
  Less: {dtypes: [...NUMBERS, 'bool']},
  LessEqual: {dtypes: [...NUMBERS, 'bool']},
  LogicalAnd: {dtypes: ['bool']},
  LogicalOr: {dtypes: ['bool']},
  Maximum: {dtypes: [...NUMBERS, 'bool']},
  Minimum: {dtypes: [...NUMBERS, 'bool']},
  Mod: {dtypes: NUMBERS},
  Multiply: {dtypes: [...NUMBERS, 'bool']},
  NotEqual: {dtypes: [...NUMBERS, 'bool']},
  Pow: {dtypes: ['float32'], tolerance: FUNCTION},
  Prelu: {dtypes: ['float32', 'int32'], names: ['x', 'alpha']},
  RealDiv: {dtypes: NUMBERS},
  SquaredDifference: {dtypes: NUMBERS, tolerance: FUNCTION},
  Sub: {dtypes: NUMBERS},
};

/** Pairs that take every way through the kernel: vectors, rests, one element, rows, columns, more than one piece. */
const PAIRS: Array<[number[], number[]]> = [
  [[], []], [[1, 1], [1]], [[7], [7]], [[1023], [1023]], [[4, 5], []], [[1], [2, 3]], [[0, 3], [3]], [[0], [1]],
  [[9, 8], [8]], [[9, 7], [7]], [[9, 8], [9, 1]], [[9, 7], [9, 1]], [[8, 1], [1, 8]], [[3, 1], [1, 5]], [[3, 5, 4], [3, 1, 4]],
  [[3, 5, 6], [5, 1]], [[2, 3, 1, 4], [1, 1, 5, 4]], [[2, 1, 3, 1, 2, 4], [1, 3, 1, 2, 1, 4]], [[2, 1, 3, 1, 2, 1], [1, 3, 1, 2, 1, 3]],
];
/** The simulator cuts what has more than 2,048 elements into several launches, as a GPU what has more than 2^30. */
const LARGE: Array<[number[], number[]]> = [
  [[5001], [5001]], [[5001], [1]], [[700, 7], [7]], [[700, 8], [8]], [[3, 2100], [3, 1]], [[3, 2101], [3, 1]], [[2, 1, 2052], [1, 3, 2052]],
];

describe('cuda: elementwise kernels', () => {
  onCuda();

  it('are native, each has a test, and nothing else has', () => {
    const native = new Set(cudaKernels().filter((kernel) => kernel.native).map(({name}) => name));
    const names = [...Object.keys(elementwiseKernels), ...Object.keys(creationKernels)];
    assert.deepEqual(names.filter((name) => !native.has(name)), []);
    const ofGradients = ['Relu6Grad', 'ReluGrad']; // cpu has none: gradients.test.ts
    assert.deepEqual([...Object.keys(UNARY), ...Object.keys(BINARY), ...ofGradients, 'AddN', 'Cast', 'Select'].sort(),
        Object.keys(elementwiseKernels).sort());
  });

  describe('of one input', () => {
    for (const [name, {tolerance, attrs, dtypes = [], reference}] of Object.entries(UNARY)) {
      const all: Dtype[] = name === 'LogicalNot' ? dtypes : ['float32', ...dtypes];
      for (const dtype of all) {
        it(`${name}, ${dtype}`, async () => {
          for (const shape of [[AWKWARD[dtype].length], [], [1, 1], [0, 2], [3, 5, 7], [1030]]) {
            const x = {...values(dtype, shape, `${name} ${shape}`)};
            if (shape.length === 1 && shape[0] === AWKWARD[dtype].length) x.values = AWKWARD[dtype];
            const expected = await onCpu(() => run(name, {x}, attrs));
            if (reference !== undefined) expected.values = Array.from(Float32Array.from(x.values), reference);
            assertSame(run(name, {x}, attrs), expected, tolerance, `[${shape}]`);
            if (size(shape) === 1) assertSame(run(name, {x}, attrs, true), expected, tolerance, `[${shape}] on the device`);
          }
        });
      }
    }
  });

  describe('of two inputs', () => {
    for (const [name, {dtypes, tolerance, names: [first, second] = ['a', 'b'], sameShape}] of Object.entries(BINARY)) {
      for (const dtype of dtypes) {
        it(`${name}, ${dtype}`, async () => {
          const pairs = name === 'Sub' ? [...PAIRS, ...LARGE] : PAIRS;
          for (const [a, b] of pairs.filter(([a, b]) => !sameShape || String(a) === String(b))) {
            const what = `[${a}] and [${b}]`;
            const inputs = {[first]: values(dtype, a, `${name} ${what} a`), [second]: values(dtype, b, `${name} ${what} b`)};
            const expected = await runBinaryOnCpu(name, inputs);
            assertSame(run(name, inputs), expected, tolerance, what);
            if (size(a) === 1 || size(b) === 1) assertSame(run(name, inputs, {}, true), expected, tolerance, `${what} on the device`);
          }
        });
      }
    }

    it('every pair of awkward numbers', async () => {
      for (const [name, {dtypes, tolerance, names: [first, second] = ['a', 'b'], sameShape}] of Object.entries(BINARY)) {
        for (const dtype of dtypes) {
          const n = AWKWARD[dtype].length;
          const a = AWKWARD[dtype].flatMap((x) => AWKWARD[dtype].map(() => x)), b = AWKWARD[dtype].flatMap(() => AWKWARD[dtype]);
          const inputs = sameShape || dtype === 'bool' ? {[first]: vector(dtype, a), [second]: vector(dtype, b)} :
            {[first]: {shape: [n, 1], dtype, values: AWKWARD[dtype]}, [second]: vector(dtype, AWKWARD[dtype])};
          assertSame(run(name, inputs), await runBinaryOnCpu(name, inputs), tolerance, `${name} ${dtype}`);
        }
      }
    });

    it('int32 wraps as on the cpu, and is exact where the cpu is not', async () => {
      const a = [2147483647, -2147483648, 65536, 46341, -2147483648, 123456789, 7], b = [1, -1, 65536, 46341, 2, -987, -3];
      const inputs = {a: vector('int32', a), b: vector('int32', b)};
      for (const name of ['Add', 'Sub', 'Multiply', 'FloorDiv', 'Mod', 'Maximum', 'Less']) {
        assertSame(run(name, inputs), await onCpu(() => run(name, inputs)), 0, name);
      }
      const large = {a: vector('int32', a), b: vector('int32', a)};
      assert.deepEqual(run('Multiply', large).values, a.map((x) => Math.imul(x, x)));
      assert.deepEqual(run('Square', {x: vector('int32', a)}).values, a.map((x) => Math.imul(x, x)));
      assertSame(run('Neg', {x: vector('int32', a)}), await onCpu(() => run('Neg', {x: vector('int32', a)})));
    });

    it('Pow of int32: as the cpu, where that is exact', async () => {
      const base = [-3, -2, -1, 0, 1, 2, 3, 10], exponent = [-3, -2, -1, 0, 1, 2, 5, 15, 31];
      const inputs: Named = {a: {shape: [base.length, 1], dtype: 'int32', values: base}, b: vector('int32', exponent)};
      const got = run('Pow', inputs), expected = await onCpu(() => run('Pow', inputs));
      for (const [i, x] of base.entries()) {
        for (const [j, n] of exponent.entries()) {
          if (Math.abs(x ** n) < 2 ** 53 || n < 0) assert.equal(got.values[i * exponent.length + j], expected.values[i * exponent.length + j], `${x}^${n}`);
        }
      }
    });

    it('FloorDiv of float32 does not reach an integer by rounding', async () => {
      const inputs = {a: vector('float32', [0.99999994, 1e9, -1e9, 1, 3e9]), b: vector('float32', [0.33333334, 3, 3, 1e-30, 1])};
      assertSame(run('FloorDiv', inputs), await onCpu(() => run('FloorDiv', inputs)));
    });

    it('two dtypes: the wider works, the result has the dtype that the cpu gives', async () => {
      for (const [a, b] of [['int32', 'bool'], ['float32', 'int32'], ['float32', 'bool'], ['int32', 'float32']] as Array<[Dtype, Dtype]>) {
        for (const name of ['Add', 'Less', 'Maximum', 'Multiply']) {
          const inputs = {a: vector(a, [1, 0, 1, 1]), b: vector(b, [0, 1, 1, 0])};
          assertSame(run(name, inputs), await onCpu(() => run(name, inputs)), 0, `${name} ${a} ${b}`);
        }
      }
    });
  });

  it('Cast from each dtype to each', async () => {
    const awkward = [...AWKWARD.float32, 2147483520, 2147483648, -2147483648, 3e9, -3e9, 1e19, 0.999, -0.999];
    for (const from of ['float32', 'int32', 'bool'] as Dtype[]) {
      for (const dtype of ['float32', 'int32', 'bool']) {
        for (const x of [vector(from, from === 'float32' ? awkward : AWKWARD[from]), values(from, [], from), values(from, [0], from), values(from, [3, 411], from)]) {
          assertSame(run('Cast', {x}, {dtype}), await onCpu(() => run('Cast', {x}, {dtype})), 0, `${from} to ${dtype}`);
        }
      }
    }
  });

  it('Select, also by rows and with values of two dtypes', async () => {
    for (const [t, e] of [['float32', 'float32'], ['int32', 'int32'], ['bool', 'bool'], ['int32', 'float32'], ['bool', 'int32']] as Array<[Dtype, Dtype]>) {
      for (const shape of [[1], [7], [3, 5, 7], [0, 4], [1, 1], [2500]]) {
        const inputs = {condition: values('bool', shape, 'c'), t: values(t, shape, 't'), e: values(e, shape, 'e')};
        assertSame(run('Select', inputs), await onCpu(() => run('Select', inputs)), 0, `[${shape}] ${t} ${e}`);
      }
    }
    // The cpu backend repeats the first elements of t here; tfjs's documentation asks for rows.
    const rows = {condition: vector('bool', [1, 0, 1]), t: values('float32', [3, 2, 3], 't'), e: values('float32', [3, 2, 3], 'e')};
    const expected = Array.from({length: 18}, (_, i) => (i < 6 || i >= 12 ? rows.t : rows.e).values[i]!);
    assertSame(run('Select', rows), {...rows.t, values: Float32Array.from(expected)});
  });

  it('AddN of one to nine tensors, in their order', async () => {
    for (const dtype of ['float32', 'int32'] as Dtype[]) {
      for (let n = 1; n <= 9; n++) {
        for (const shape of [[], [5], [0], [2, 3, 4], [2500]]) {
          const inputs = Array.from({length: n}, (_, k) => values(dtype, shape, `${k}`));
          const expected = await onCpu(() => run('AddN', inputs));
          assertSame(run('AddN', inputs), expected, 0, `${n} of [${shape}]`);
          if (shape.length === 0) assertSame(run('AddN', inputs, {}, true), expected, 0, `${n} on the device`);
        }
      }
    }
  });

  it('Fill, ZerosLike, OnesLike', async () => {
    for (const shape of [[], [1, 1], [0, 3], [7], [3, 500]]) {
      for (const [dtype, value] of [['float32', 0.1], ['float32', NaN], ['int32', -2.7], ['int32', 3e9], ['int32', NaN], ['bool', 1], ['bool', true]]) {
        assertSame(run('Fill', {}, {shape, value, dtype}), await onCpu(() => run('Fill', {}, {shape, value, dtype})), 0, `${value} ${dtype}`);
      }
      assertSame(run('Fill', {}, {shape, value: 2}), await onCpu(() => run('Fill', {}, {shape, value: 2})));
      for (const name of ['ZerosLike', 'OnesLike']) {
        for (const dtype of ['float32', 'int32', 'bool'] as Dtype[]) {
          const x = values(dtype, shape, name);
          assertSame(run(name, {x}), await onCpu(() => run(name, {x})), 0, name);
        }
      }
    }
  });

  it('Range: as the cpu, but without the error that its running sum gathers', async () => {
    const calls: Array<[number, number, number]> = [[0, 5, 1], [5, 0, 1], [5, 0, -2], [0, 0, 1], [0, 5, -1], [5, 0, 2], [2, 2.5, 1], [-3, 4000, 1], [0, 1, 0.25]];
    for (const [start, stop, step] of calls) {
      for (const dtype of ['float32', 'int32']) {
        if (dtype === 'int32' && step % 1 !== 0) continue;
        const attrs = {start, stop, step, dtype};
        assertSame(run('Range', {}, attrs), await onCpu(() => run('Range', {}, attrs)), 0, JSON.stringify(attrs));
      }
    }
    const tenths = run('Range', {}, {start: 0, stop: 100, step: 0.1, dtype: 'float32'});
    assertSame(tenths, vector('float32', Array.from({length: 1000}, (_, i) => Math.fround(i * 0.1))));
  });

  it('LinSpace: as the cpu, and ends at stop', async () => {
    for (const [start, stop, num] of [[0, 10, 5], [10, 0, 3], [-1.5, 2.25, 6], [3, 7, 1], [4, 4, 2]]) {
      const attrs = {start, stop, num};
      assertSame(run('LinSpace', {}, attrs), await onCpu(() => run('LinSpace', {}, attrs)), 0, JSON.stringify(attrs));
    }
    const tenths = run('LinSpace', {}, {start: 0, stop: 100, num: 1001});
    assertSame(tenths, vector('float32', Array.from({length: 1001}, (_, i) => Math.fround(i * 0.1))));
  });

  it('one element stays on the host: no device memory, and the value is of its dtype', () => {
    tf.tidy(() => {
      const allocations = () => backend().context.memory().allocations, before = allocations();
      const x = tf.scalar(0.1), n = tf.tensor2d([[3]], [1, 1], 'int32');
      const results = [tf.exp(x), tf.add(x, x), tf.cast(x, 'int32'), tf.where(tf.scalar(1, 'bool'), n, n), tf.addN([x, x]),
        tf.zerosLike(n), tf.floorDiv(n, n), tf.clipByValue(n, 0, 2), tf.less(x, 1)];
      assert.deepEqual(results.map((y) => y.dataSync()[0]), [Math.exp(0.1), 0.2, 0, 3, 0.2, 0, 1, 2, 1].map(Math.fround));
      assert.equal(allocations(), before);
      tf.add(tf.tensor1d([1, 2]), x);
      assert.equal(allocations(), before + 2);
    });
  });

  it('bad calls are RangeErrors of the engine and leave nothing behind', () => {
    const {used} = backend().context.memory();
    const x = tf.tensor1d([1, 2, 3]), y = tf.tensor1d([1, 2]), n = tf.tensor1d([1, 2, 3], 'int32'), one = tf.scalar(1);
    const vectors = {shape: [3], dtype: 'float32'} as const;
    const bad: Array<[RegExp, string, tf.Tensor[], {shape: number[]; dtype: Dtype}, number[]?]> = [
      [/Add: input 1: expected 1 or 3/, 'Add', [x, y], {...vectors, shape: [3]}],
      [/Add: input 0: expected 1 or 4/, 'Add', [x, x], {...vectors, shape: [4]}],
      [/Add: input 0: expected a rank of at most 0/, 'Add', [x, one], {...vectors, shape: []}],
      [/Add: output: expected 1 in dimension 0/, 'Add', [one, one], {...vectors, shape: [2]}],
      [/Add: input 1: expected float32, received int32/, 'Add', [x, n], {...vectors, shape: [3]}],
      [/Add: output 0: expected float32, received bool/, 'Add', [x, x], {shape: [3], dtype: 'bool'}],
      [/Add: expected 2 inputs, received 1/, 'Add', [x], {...vectors, shape: [3]}],
      [/Exp: input 0: expected float32, received int32/, 'Exp', [n], {...vectors, shape: [3]}],
      [/Exp: output: expected the shape of the input/, 'Exp', [one], {...vectors, shape: [1]}],
      [/Step: expected 1 attributes, received 0/, 'Step', [x], {...vectors, shape: [3]}],
      [/Cast: output: expected another type/, 'Cast', [x], {...vectors, shape: [3]}],
      [/Select: input 0: expected bool, received float32/, 'Select', [x, x, x], {...vectors, shape: [3]}],
      [/AddN: input 1: expected the shape/, 'AddN', [x, y], {...vectors, shape: [3]}],
      [/AddN: input 1: expected the type/, 'AddN', [x, n], {...vectors, shape: [3]}],
      [/AddN: expected at least 1 input/, 'AddN', [], {...vectors, shape: [3]}],
      [/Range: output 0: expected float32 or int32, received bool/, 'Range', [], {shape: [3], dtype: 'bool'}, [0, 1]],
    ];
    for (const [message, name, inputs, output, attributes] of bad) {
      assert.throws(() => backend().compute(name, inputs, output, attributes),
          (e: unknown) => e instanceof RangeError && message.test(e.message), String(message));
    }
    tf.dispose([x, y, n, one]);
    assert.equal(backend().context.memory().used, used);
  });
});
