// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Matrix products and convolutions by cuBLAS and cuDNN on the backend `cuda`: the whole way on the simulator, with false
// libraries that check every argument (test/native/cublas_fake.cc, cudnn_fake.cc). What the real ones make of the same
// calls is not shown here.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import * as tf from '@tensorflow/tfjs-core';
import {CudaBackend} from 'tfjs-rbn/cuda';
import {openEngine, triedDevices} from '#dist/binding/index';

import {firstDifference, Inputs, runOn} from '../support/against_cpu';
import {doctorOfCudnn, ownBackend, systemHasCudnn, testEngine, withEnvironment} from '../support/cuda';
import {root} from '../support/files';
import {integers} from '../support/products';

const NAME = 'cuda with false libraries';
const file = (name: string) => path.join(root, 'out', 'simulator', `librbn_${name}.so`);
const FALSE = {RBN_CUBLAS_PATH: file('cublas_fake'), RBN_CUDNN_PATH: file('cudnn_fake')};

const log = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-libraries-')), 'log');

/** What the false libraries were asked while `f` ran. */
async function asked(f: () => unknown): Promise<string[]> {
  fs.writeFileSync(log, '');
  await withEnvironment({RBN_FAKE_LOG: log}, async () => { await f(); });
  return fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
}

type Attributes = Record<string, unknown>;

/** A kernel gives the same with the libraries as on tfjs's cpu backend; what the libraries were asked. */
async function sameAsCpu(kernel: string, inputs: Inputs, attrs: Attributes): Promise<string[]> {
  const [expected] = await runOn('cpu', kernel, inputs, attrs);
  let actual: Awaited<ReturnType<typeof runOn>> = [];
  const calls = await asked(async () => { actual = await runOn(NAME, kernel, inputs, attrs); });
  const call = `${kernel} ${Object.values(inputs).map(({shape}) => `[${shape}]`)} ${JSON.stringify(attrs)}`;
  assert.deepEqual(actual[0]!.shape, expected!.shape, call);
  assert.equal(firstDifference(actual[0]!.values, expected!.values), '', call);
  return calls;
}

/** A call that computes. */
const PRODUCT = /^(gemm|forward|input|filter)/;

const only = (calls: string[], what: RegExp) => calls.filter((line) => what.test(line));

describe('cuda: cuBLAS and cuDNN', function() {
  this.timeout(120_000);
  before(async function() {
    // On a GPU there are real ones, and the tests of products go through them.
    if (testEngine !== 'simulator') return this.test!.parent!.pending = true;
    const created: CudaBackend = await withEnvironment(FALSE, () => ownBackend());
    tf.registerBackend(NAME, () => created);
    tf.copyRegisteredKernels('cuda', NAME);
    assert.ok(await tf.setBackend(NAME));
    return undefined;
  });
  after(async () => {
    if (tf.findBackend(NAME) === null) return;
    assert.equal(context().memory().used, 0, 'bytes left behind');
    await tf.setBackend('cpu');
    const ended = await asked(() => tf.removeBackend(NAME));
    assert.deepEqual(only(ended, /Destroy/).sort(), ['cublasDestroy', 'cudnnDestroy']);
    fs.rmSync(path.dirname(log), {recursive: true});
  });
  const backend = () => tf.findBackend(NAME) as unknown as CudaBackend;
  const context = () => backend().context;

  it('says which are in use', () => {
    assert.deepEqual(backend().libraries.map(({name, state, version, path: at, problem}) => ({name, state, version, at, problem})), [
      {name: 'cuBLAS', state: 'in use', version: '13.1.2', at: FALSE.RBN_CUBLAS_PATH, problem: null},
      {name: 'cuDNN', state: 'in use', version: '9.1.2', at: FALSE.RBN_CUDNN_PATH, problem: null},
    ]);
  });

  describe('matrix products', () => {
    const matrix = (transpose: boolean, rows: number, columns: number) => transpose ? [columns, rows] : [rows, columns];
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        it(`transposeA ${transposeA}, transposeB ${transposeB}`, async () => {
          for (const [m, k, n] of [[1, 1, 1], [1, 7, 1], [3, 1, 2], [2, 3, 4], [33, 17, 5]] as const) {
            const a = matrix(transposeA, m, k), b = matrix(transposeB, k, n);
            for (const [batchA, batchB] of [[[], []], [[3], [3]], [[3], []], [[], [3]], [[1], [4]], [[2, 3], [2, 3]]] as const) {
              const calls = await sameAsCpu('BatchMatMul', {a: integers([...batchA, ...a]), b: integers([...batchB, ...b], 2)},
                  {transposeA, transposeB});
              assert.equal(only(calls, /^gemm .* exact$/).length, 1, `${m}, ${k}, ${n}, ${batchA}, ${batchB}`);
            }
          }
        });
      }
    }

    it('with bias and activation', async () => {
      for (const activation of ['linear', 'relu', 'prelu']) {
        for (const bias of [undefined, [6], [1], [5, 6]]) {
          const calls = await sameAsCpu('_FusedMatMul', {
            a: integers([5, 4]), b: integers([4, 6], 2), ...bias && {bias: integers(bias, 3)},
            ...activation === 'prelu' && {preluActivationWeights: integers([6], 4)},
          }, {transposeA: false, transposeB: false, activation});
          assert.equal(only(calls, /^gemm/).length, 1);
        }
      }
    });

    it('of more batches than a grid has blocks are made in pieces', async () => {
      const batches = 65_535 + 2;
      for (const [a, b] of [[[batches, 2, 2], [batches, 2, 3]], [[2, 2], [batches, 2, 3]], [[batches, 2, 2], [2, 3]]] as const) {
        const calls = await sameAsCpu('BatchMatMul', {a: integers([...a]), b: integers([...b], 2)}, {transposeA: true, transposeB: false});
        assert.deepEqual(calls.map((line) => line.split(' ')[5]), ['x65535', 'x2'], `[${a}], [${b}]`);
      }
    });

    it('that are empty, of int32, or of two dimensions of batches that do not merge: by plain kernels', async () => {
      const attrs = {transposeA: false, transposeB: false};
      for (const [a, b] of [[[0, 3], [3, 4]], [[3, 0], [0, 4]], [[0, 2, 3], [0, 3, 4]]] as const) {
        assert.deepEqual(await sameAsCpu('BatchMatMul', {a: integers([...a]), b: integers([...b])}, attrs), []);
      }
      const int = {values: [1, 2, 3, 4], shape: [2, 2], dtype: 'int32' as const};
      assert.deepEqual(await sameAsCpu('BatchMatMul', {a: int, b: int}, attrs), []);
      assert.deepEqual(await sameAsCpu('BatchMatMul', {a: integers([2, 3, 2, 2]), b: integers([3, 2, 2])}, attrs), []);
    });
  });

  type Pad = 'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];
  interface Case {
    x: [number, number, number, number];
    filter: [number, number, number, number];
    strides?: number | [number, number];
    pad?: Pad;
    dilations?: number | [number, number];
    dimRoundingMode?: 'floor' | 'ceil';
    /** What cuDNN is given: padding, and the image with its border. */
    as: string;
  }
  const CASES: readonly Case[] = [
    {x: [1, 1, 1, 1], filter: [1, 1, 1, 1], as: 'cuBLAS'},
    {x: [2, 5, 4, 3], filter: [1, 1, 3, 2], as: 'cuBLAS'},
    {x: [2, 5, 4, 3], filter: [1, 1, 3, 2], strides: 2, as: 'pad 0 0 of 5x4'},
    {x: [2, 5, 4, 3], filter: [1, 1, 3, 2], pad: 1, dimRoundingMode: 'floor', as: 'pad 1 1 of 5x4'},
    {x: [2, 7, 5, 3], filter: [3, 3, 3, 4], pad: 'same', as: 'pad 1 1 of 7x5'},
    {x: [2, 7, 5, 3], filter: [3, 2, 3, 4], pad: 'valid', as: 'pad 0 0 of 7x5'},
    {x: [1, 7, 5, 3], filter: [2, 2, 3, 4], pad: 'same', as: 'pad 0 0 of 8x6'},
    {x: [1, 8, 9, 2], filter: [3, 3, 2, 5], strides: 2, pad: 'same', as: 'pad 0 1 of 9x9'}, // one more below
    {x: [1, 9, 9, 3], filter: [7, 7, 3, 5], strides: 2, pad: 'same', as: 'pad 3 3 of 9x9'},
    {x: [1, 8, 8, 3], filter: [7, 7, 3, 5], strides: 2, pad: 'same', as: 'pad 0 0 of 13x13'}, // ResNet's first, in small
    {x: [1, 9, 8, 2], filter: [2, 3, 2, 5], strides: [2, 3], pad: 'valid', as: 'pad 0 0 of 9x8'},
    {x: [1, 6, 6, 1], filter: [3, 3, 1, 1], pad: [[0, 0], [2, 0], [1, 3], [0, 0]], as: 'pad 0 0 of 8x10'},
    {x: [1, 6, 6, 1], filter: [3, 3, 1, 1], strides: 2, pad: [[0, 0], [2, 0], [0, 1], [0, 0]], as: 'pad 0 0 of 8x7'},
    {x: [1, 6, 5, 2], filter: [2, 2, 2, 3], strides: 2, pad: 1, dimRoundingMode: 'ceil', as: 'pad 1 0 of 6x8'},
    {x: [3, 5, 5, 2], filter: [5, 5, 2, 3], pad: 'same', as: 'pad 2 2 of 5x5'},
    {x: [2, 4, 4, 17], filter: [4, 4, 17, 33], pad: 'valid', as: 'pad 0 0 of 4x4'},
  ];
  const DILATED: readonly Case[] = [
    {x: [1, 9, 8, 2], filter: [3, 3, 2, 3], dilations: 2, pad: 'same', as: 'pad 2 2 of 9x8'},
    {x: [2, 9, 9, 2], filter: [2, 3, 2, 3], dilations: [3, 2], pad: 'valid', as: 'pad 0 0 of 9x9'},
    {x: [2, 9, 9, 2], filter: [2, 2, 2, 3], dilations: [3, 1], pad: 'same', as: 'pad 0 0 of 12x10'},
  ];
  const EMPTY: readonly Case[] = [
    {x: [0, 5, 5, 2], filter: [3, 3, 2, 3], pad: 'same', as: ''},
    {x: [2, 3, 3, 0], filter: [2, 2, 0, 3], pad: 'same', as: ''},
    {x: [2, 3, 3, 2], filter: [2, 2, 2, 0], pad: 'same', as: ''},
  ];

  type Format = 'NHWC' | 'NCHW';
  function under(format: Format, {x, filter, pad = 'valid', strides = 1, dilations = 1, dimRoundingMode}: Case) {
    const first = <T>([n, h, w, c]: [T, T, T, T]): [T, T, T, T] => format === 'NCHW' ? [n, c, h, w] : [n, h, w, c];
    const attrs = {strides, pad: Array.isArray(pad) ? first(pad) : pad, dilations, dataFormat: format, dimRoundingMode};
    const {outShape} = tf.backend_util.computeConv2DInfo(first(x), filter, strides, dilations, attrs.pad as 'same',
        dimRoundingMode, false, format === 'NCHW' ? 'channelsFirst' : 'channelsLast');
    return {x: first(x), filter, y: outShape, attrs};
  }

  for (const format of ['NHWC', 'NCHW'] as const) {
    describe(`convolutions, ${format}`, () => {
      /** The call went the way that the case says: one call, of the first algorithm that will do. */
      const check = (calls: string[], what: string, {as}: Case, algorithm: number) => {
        const products = only(calls, PRODUCT);
        const expected = as === '' ? [] : as === 'cuBLAS' && format === 'NHWC' ? [/^gemm/] :
            [new RegExp(`^${what} ${algorithm} ${format} ${as === 'cuBLAS' ? 'pad 0 0' : `${as} `}.*exact$`)];
        assert.equal(products.length, expected.length, products.join());
        expected.forEach((pattern, i) => assert.match(products[i]!, pattern));
      };
      it('forward', async () => {
        for (const c of [...CASES, ...DILATED, ...EMPTY]) {
          const {x, filter, attrs} = under(format, c);
          check(await sameAsCpu('Conv2D', {x: integers(x), filter: integers(filter, 2)}, attrs), 'forward', c, 1);
        }
      });
      it('the gradient to the image', async () => {
        for (const c of [...CASES, ...EMPTY]) {
          const {x, filter, y, attrs} = under(format, c);
          check(await sameAsCpu('Conv2DBackpropInput', {dy: integers(y, 3), filter: integers(filter, 2)}, {...attrs, inputShape: x}),
              'input', c, 1);
        }
      });
      it('the gradient to the filter', async () => {
        for (const c of [...CASES, ...EMPTY]) {
          const {x, filter, y, attrs} = under(format, c);
          check(await sameAsCpu('Conv2DBackpropFilter', {x: integers(x), dy: integers(y, 3)}, {...attrs, filterShape: filter}),
              'filter', c, 1);
        }
      });
      it('with bias and activation', async () => {
        const {x, filter, attrs} = under(format, CASES[4]!);
        for (const activation of ['linear', 'relu', 'prelu']) {
          for (const bias of [undefined, [4], [1]]) {
            await sameAsCpu('FusedConv2D', {
              x: integers(x), filter: integers(filter, 2), ...bias && {bias: integers(bias, 3)},
              ...activation === 'prelu' && {preluActivationWeights: integers([4], 4)},
            }, {...attrs, activation});
          }
        }
      });
    });
  }

  const conv: Inputs = {x: integers([1, 6, 6, 2]), filter: integers([3, 3, 2, 3], 2)};
  const SAME: Attributes = {strides: 1, pad: 'same', dilations: 1, dataFormat: 'NHWC'};
  const product: Inputs = {a: integers([3, 4]), b: integers([4, 5], 2)};

  it('cuDNN is asked once for the algorithms of a shape', async () => {
    const calls = async (height: number) => {
      const inputs = {...conv, x: integers([1, height, 11, 2])};
      return only(await sameAsCpu('Conv2D', inputs, SAME), /heuristics|forward/).map((line) => line.split(' ')[0]);
    };
    assert.deepEqual(await calls(13), ['heuristics', 'forward']);
    assert.deepEqual(await calls(13), ['forward']);
    assert.deepEqual(await calls(12), ['heuristics', 'forward']);
    assert.deepEqual(await calls(13), ['forward']);
  });

  it('an algorithm that has no exact arithmetic gives way to the next', async () => {
    const inputs = {...conv, x: integers([1, 7, 12, 2])};
    const calls = await withEnvironment({RBN_FAKE_FAIL: 'cudnnGetConvolutionForwardWorkspaceSize:3004:once'},
        () => sameAsCpu('Conv2D', inputs, SAME));
    assert.match(only(calls, /forward/).join(), /^forward 0 .* exact$/);
  });

  describe('flags', () => {
    afterEach(() => tf.env().setFlags({RBN_CUDA_TF32: false, RBN_CUDA_PLAIN: false}));

    it('RBN_CUDA_TF32 lets libraries use it', async () => {
      tf.env().set('RBN_CUDA_TF32', true);
      assert.match((await sameAsCpu('BatchMatMul', product, {})).join(), /^gemm .*TF32$/);
      assert.match(only(await sameAsCpu('Conv2D', conv, SAME), /forward/).join(), /^forward 1 .* TF32$/);
      tf.env().set('RBN_CUDA_TF32', false);
      assert.match((await sameAsCpu('BatchMatMul', product, {})).join(), /exact$/);
      assert.match(only(await sameAsCpu('Conv2D', conv, SAME), /forward/).join(), /^forward 1 .* exact$/);
    });

    it('RBN_CUDA_PLAIN keeps to plain kernels', async () => {
      tf.env().set('RBN_CUDA_PLAIN', true);
      assert.deepEqual(await sameAsCpu('BatchMatMul', product, {}), []);
      assert.deepEqual(await sameAsCpu('Conv2D', conv, SAME), []);
    });
  });

  describe('memory', () => {
    afterEach(() => context().setMemoryLimit(0));

    /** The bytes in use while `f` runs may be `more` than now. */
    async function limited(more: number, f: () => Promise<string[]>): Promise<string[]> {
      context().setMemoryLimit(context().memory().used + more);
      try {
        return await f();
      } finally {
        context().setMemoryLimit(0);
      }
    }

    // x 288 bytes, filter 216 and its copy for cuDNN 216, y 432; the false cuDNN's workspace takes 1,000.
    it('an algorithm whose workspace does not fit gives way to the next, and that to the plain kernel', async () => {
      const forward = async (more: number) => only(await limited(more, () => sameAsCpu('Conv2D', conv, SAME)), /forward/).map((line) => line[8]);
      assert.deepEqual(await forward(288 + 216 + 432 + 216 + 1000), ['1']);
      assert.deepEqual(await forward(288 + 216 + 432 + 216 + 999), ['0']);
      assert.deepEqual(await forward(288 + 216 + 432 + 215), []);
      await assert.rejects(forward(288 + 216 + 431), {code: 'OUT_OF_MEMORY'});
    });

    it("a product without room for cuBLAS's workspace is the plain kernel's", async () => {
      const bytes = 4 * (12 + 20 + 15);
      const products = (more: number) => limited(more, () => sameAsCpu('BatchMatMul', product, {}));
      assert.equal((await products(bytes + 4096)).length, 1);
      assert.equal((await products(bytes + 4095)).length, 0);
    });

    it('is as before after a failure at any allocation', async () => {
      const {used} = context().memory();
      const inputs = {dy: integers([1, 4, 4, 3], 3), filter: integers([3, 3, 2, 3], 2)};
      const attrs = {...SAME, strides: 2, inputShape: [1, 8, 8, 2]};
      const [expected] = await runOn('cpu', 'Conv2DBackpropInput', inputs, attrs);
      // After the two inputs: the output, the filter and the image for cuDNN, the workspace.
      for (const [k, algorithm] of [[3, null], [4, ''], [5, ''], [6, '0'], [7, '1']] as const) {
        const run = async () => {
          context().failAllocation(k);
          const [actual] = await runOn(NAME, 'Conv2DBackpropInput', inputs, attrs);
          assert.equal(firstDifference(actual!.values, expected!.values), '');
        };
        const calls = await asked(algorithm === null ? () => assert.rejects(run, {code: 'OUT_OF_MEMORY'}) : run);
        context().failAllocation(0);
        assert.equal(only(calls, /^input/).map((line) => line[6]).join(), algorithm ?? '', `a failure at allocation ${k}`);
        assert.equal(context().memory().used, used, `a failure at allocation ${k}`);
      }
    });
  });

  describe('a failure', () => {
    const run = async (failing: string, kernel: string, inputs: Inputs, attrs: Attributes) =>
        withEnvironment({RBN_FAKE_FAIL: failing}, () => runOn(NAME, kernel, inputs, attrs));
    type Call = [kernel: string, inputs: Inputs, attrs: Attributes];
    // Another shape each: descriptors and algorithms are kept.
    let next = 20;
    const convolution = (kernel: string) => (): Call => {
      const x = integers([1, 5, next++, 2]), dy = integers([1, 5, x.shape[2]!, 3], 3), filter = conv.filter!;
      return kernel === 'Conv2D' ? [kernel, {x, filter}, SAME] :
          kernel === 'Conv2DBackpropInput' ? [kernel, {dy, filter}, {...SAME, inputShape: x.shape}] :
          [kernel, {x, dy}, {...SAME, filterShape: filter.shape}];
    };
    const KINDS = [['Forward', 'Conv2D'], ['BackwardData', 'Conv2DBackpropInput'], ['BackwardFilter', 'Conv2DBackpropFilter']] as const;
    const CALLS: readonly (readonly [failing: string, make: () => Call])[] = [
      ...['CreateTensorDescriptor', 'CreateFilterDescriptor', 'CreateConvolutionDescriptor', 'SetTensor4dDescriptor', 'SetFilter4dDescriptor',
        'SetConvolution2dDescriptor', 'SetConvolutionMathType'].map((name) => [`cudnn${name}`, convolution('Conv2D')] as const),
      ...KINDS.flatMap(([kind, kernel]) => [`GetConvolution${kind}Algorithm_v7`, `GetConvolution${kind}WorkspaceSize`, `Convolution${kind}`]
          .map((name) => [`cudnn${name}`, convolution(kernel)] as const)),
      ...['cublasSetWorkspace', 'cublasGemmStridedBatchedEx_64'].map((name) => [name, (): Call => ['BatchMatMul', product, {}]] as const),
    ];

    let used = 0;
    beforeEach(() => ({used} = context().memory()));
    afterEach(() => assert.equal(context().memory().used, used, 'bytes left behind'));

    it('is an error that names the operation, the function and the status; nothing stays behind', async () => {
      for (const [name, make] of CALLS) {
        const call = make(), isCudnn = name.startsWith('cudnn'), failed = isCudnn ? 5000 : 13;
        const descriptors = await asked(() => assert.rejects(run(`${name}:${failed}`, ...call), (e: Error & {code?: string}) => {
          assert.equal(e.code, 'CUDA_ERROR');
          assert.match(e.message, new RegExp(`^${call[0]}: ${name}: false status ${failed}${isCudnn ? ': its reason' : ''} `));
          return true;
        }, name));
        if (!/Convolution(Forward|Backward(Data|Filter))$/.test(name)) {
          assert.equal(only(descriptors, /^\+desc/).length, only(descriptors, /^-desc/).length, `${name}: descriptors`);
        }
      }
    });

    it('that is a refusal leaves the call to the plain kernel', async () => {
      for (const [name, make] of CALLS) {
        for (const refusal of name.startsWith('cudnn') ? [2000, 2008, 3000, 3004] : [7, 8, 15]) {
          const calls = await withEnvironment({RBN_FAKE_FAIL: `${name}:${refusal}`}, () => sameAsCpu(...make()));
          assert.deepEqual(only(calls, PRODUCT), [], `${name}: ${refusal}`);
        }
      }
    });

    it('that is a lack of memory: with what the pool held unused given back the library is asked once more, then the plain kernel', async () => {
      const asOf = (line: string) => line.replace(/ of .*/, '');
      for (const [name, make] of CALLS) {
        for (const lack of name.startsWith('cudnn') ? [4003, 4004] : [3]) {
          const what = `${name}: ${lack}`;
          const without = only(await sameAsCpu(...make()), PRODUCT).map(asOf);
          assert.equal(without.length, 1, what);

          context().release(context().allocate(100_000)); // more than the call itself takes
          assert.ok(context().memory().reserved >= used + 100_000, what);
          const again = make();
          const once = await withEnvironment({RBN_FAKE_FAIL: `${name}:${lack}:once`}, () => sameAsCpu(...again));
          assert.deepEqual(only(once, PRODUCT).map(asOf), without, what);
          assert.ok(context().memory().reserved < used + 100_000, `${what}: the pool was not trimmed`);

          const call = make();
          const never = await withEnvironment({RBN_FAKE_FAIL: `${name}:${lack}`}, () => sameAsCpu(...call));
          assert.deepEqual(only(never, PRODUCT), [], what);
          if (!/Convolution(Forward|Backward(Data|Filter))$/.test(name)) {
            assert.equal(only(never, /^\+desc/).length, only(never, /^-desc/).length, `${what}: descriptors`);
          }
          // That is not remembered.
          assert.deepEqual(only(await sameAsCpu(...call), PRODUCT).map(asOf), without, what);
        }
      }
    });
  });

  describe('that will not do', () => {
    interface Refusal { what: string; environment: Record<string, string>; library: 0 | 1; message: RegExp }
    const refusals: Refusal[] = [0, 1].flatMap((library): Refusal[] => {
      const name = library === 0 ? 'cublas' : 'cudnn', variable = library === 0 ? 'RBN_CUBLAS_PATH' : 'RBN_CUDNN_PATH';
      const needed = library === 0 ? 13 : 9;
      const one = (what: string, environment: Record<string, string>, message: RegExp): Refusal =>
        ({what: `${name} ${what}`, environment: {...FALSE, ...environment}, library: library as 0 | 1, message});
      return [
        one('of another version', {RBN_FAKE_VERSION: '8'}, new RegExp(`expected version ${needed}, which the engine was compiled for, found 8\\.`)),
        one('without a function', {[variable]: file(`${name}_incomplete`)},
            library === 0 ? /it has no function cublasSetWorkspace_v2/ : /it has no function cudnnConvolutionBackwardFilter/),
        one('that is not there', {[variable]: '/nowhere.so'}, /not found \(looked for \/nowhere\.so\)/),
        one('that is no library', {[variable]: __filename}, /libraries\.test\.js: it does not open: .*invalid ELF header/),
        one('that is another library', {[variable]: file('engine_simulator')}, /it does not tell its version/),
        one('whose handle is refused', {RBN_FAKE_FAIL: `${name}Create:1`}, new RegExp(`${name}Create: false status 1`)),
        one('that refuses the stream', {RBN_FAKE_FAIL: `${name}SetStream:14`}, new RegExp(`${name}SetStream: false status 14`)),
        ...library === 0 ? [] : ['Tensor', 'Filter', 'Convolution'].map((descriptor) =>
          one(`that makes no descriptor of a ${descriptor}`, {RBN_FAKE_FAIL: `cudnnCreate${descriptor}Descriptor:4000`},
              new RegExp(`cudnnCreate${descriptor}Descriptor: false status 4000: its reason`))),
      ];
    });
    for (const {what, environment, library, message} of refusals) {
      it(`${what} is told with a code and the next step`, async () => {
        const made = await withEnvironment(environment, () => ownBackend());
        try {
          const {state, problem} = made.libraries[library]!;
          assert.equal(state, 'missing');
          assert.equal(problem!.code, library === 0 ? 'NO_CUBLAS' : 'NO_CUDNN');
          assert.match(problem!.message, message);
          assert.match(problem!.message, /^cu(BLAS|DNN) is not used, plain kernels do (matrix products|convolutions), slower: /);
          assert.match(problem!.next, /^unset RBN_CU(BLAS|DNN)_PATH/);
        } finally {
          made.dispose();
        }
      });
    }

    const PARTS = ['libcudnn_graph.so.9', 'libcudnn_ops.so.9', 'libcudnn_cnn.so.9'];
    for (const part of PARTS) {
      for (const broken of [false, true]) {
        it(`cudnn with ${part} ${broken ? 'broken' : `missing${systemHasCudnn ? ' (not here: the system has one)' : ''}`} is told`, function() {
          if (systemHasCudnn && !broken) this.skip();
          const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-parts-'));
          try {
            const front = path.join(folder, 'libcudnn.so.9');
            fs.copyFileSync(FALSE.RBN_CUDNN_PATH, front);
            for (const other of PARTS) {
              if (other !== part) fs.copyFileSync(path.join(path.dirname(FALSE.RBN_CUDNN_PATH), other), path.join(folder, other));
              else if (broken) fs.writeFileSync(path.join(folder, other), 'no library');
            }
            const told = doctorOfCudnn(front);
            assert.match(told, new RegExp(`NO_CUDNN: .*${front}: it needs ${part}, which does not open: .*${part}: ${
              broken ? '.*(file too short|invalid ELF header)' : 'cannot open shared object file'}`));
            assert.match(told, /next: unset RBN_CUDNN_PATH/);
          } finally {
            fs.rmSync(folder, {recursive: true});
          }
        });
      }
    }

    it('leaves the work to plain kernels', async () => {
      const name = 'cuda without libraries';
      const without = {RBN_CUBLAS_PATH: '/nowhere.so', RBN_CUDNN_PATH: '/nowhere.so'};
      const made = await withEnvironment(without, () => ownBackend());
      tf.registerBackend(name, () => made);
      tf.copyRegisteredKernels('cuda', name);
      for (const [kernel, inputs, attrs] of [['Conv2D', conv, SAME], ['BatchMatMul', product, {}]] as const) {
        const [actual] = await runOn(name, kernel, inputs, attrs);
        const [expected] = await runOn('cpu', kernel, inputs, attrs);
        assert.equal(firstDifference(actual!.values, expected!.values), '');
      }
      tf.removeBackend(name);
    });

    it('warns once a process', () => {
      const {status, stderr} = spawnSync(process.execPath, ['-e', `
        const {CudaBackend} = require('tfjs-rbn/cuda');
        for (let i = 0; i < 3; i++) new CudaBackend().dispose();`], {
        cwd: root, encoding: 'utf8',
        env: {...process.env, RBN_ENGINE: 'simulator', RBN_CUBLAS_PATH: '/nowhere.so', RBN_CUDNN_PATH: FALSE.RBN_CUDNN_PATH, RBN_FAKE_VERSION: '8'},
      });
      assert.equal(status, 0, stderr);
      const warnings = stderr.split('\n').filter((line) => line.includes('Warning:'));
      assert.equal(warnings.length, 2, stderr);
      assert.match(warnings[0]!, /\[NO_CUBLAS\] RbnWarning: cuBLAS is not used, plain kernels do matrix products, slower: not found/);
      assert.match(warnings[1]!, /\[NO_CUDNN\] RbnWarning: cuDNN is not used, .*found 8\.9\.7/);
      assert.equal(stderr.split('\n').filter((line) => line.startsWith('Next: unset RBN_CU')).length, 2);
    });
  });

  it('are only looked at by the doctor where the GPU does not open, which it tells', () => withEnvironment({...FALSE, RBN_ENGINE: 'simulator'}, () => {
    const found = openEngine() as {createContext: unknown}, {createContext} = found;
    try {
      found.createContext = () => { throw Object.assign(new Error('cudaStreamCreate: busy'), {code: 'CUDA_ERROR'}); };
      const {libraries, missing} = triedDevices();
      assert.deepEqual(libraries.map(({path: at}) => at), [FALSE.RBN_CUBLAS_PATH, FALSE.RBN_CUDNN_PATH]);
      assert.deepEqual(missing, [
        {code: 'CUDA_ERROR', message: 'cudaStreamCreate: busy', next: 'nvidia-smi   (what else runs on the GPU, and whether it works)'},
      ]);
    } finally {
      found.createContext = createContext;
    }
  }));

  it('can be turned off, and are off on the simulator', async () => {
    const off = await withEnvironment({RBN_CUBLAS_PATH: 'none', RBN_CUDNN_PATH: 'none'}, () => ownBackend());
    const unset = ownBackend();
    for (const made of [off, unset]) {
      assert.deepEqual(made.libraries.map(({state, problem}) => ({state, problem})), Array(2).fill({state: 'off', problem: null}));
      made.dispose();
    }
  });
});
