// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that the `cuda` backend has not: the CPU's results, no memory left behind, counted, warned of once, refused in
// strict mode.
import * as assert from 'node:assert/strict';
import {once} from 'node:events';

import * as tf from '@tensorflow/tfjs-core';
import {RbnError} from 'tfjs-rbn';
import {fallbackCosts} from 'tfjs-rbn/cuda';

import {CudaBackend} from '#dist/backend/index';
import {cudaKernels} from '#dist/kernels/cuda/index';
import {fallbackKernel, fallbackNames} from '#dist/kernels/cuda/fallback';

import {backend, onCuda} from '../support/cuda';

/** Runs a kernel of tfjs's CPU backend through the fallback, with or without a kernel of `cuda` of that name. */
function fallBack(name: string, inputs: unknown, attrs: object = {}): tf.TensorInfo[] {
  const outputs = fallbackKernel(name)({inputs: inputs as tf.NamedTensorInfoMap, attrs: attrs as tf.NamedAttrMap, backend: backend()});
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** The values of infos, which are given up. */
function taken(infos: tf.TensorInfo[]): number[][] {
  return infos.map((info) => {
    const values = Array.from(backend().readSync(info.dataId) as Float32Array);
    backend().release(info);
    return values;
  });
}

/** The same call on tfjs's CPU backend, through tfjs. */
async function onCpu(f: () => tf.Tensor | tf.Tensor[]): Promise<number[][]> {
  await tf.setBackend('cpu');
  const outputs = [f()].flat();
  const values = outputs.map((x) => Array.from(x.dataSync()));
  tf.dispose(outputs);
  await tf.setBackend('cuda');
  return values;
}

describe('cuda: fallback', () => {
  onCuda();

  it('is registered for every kernel of the CPU that is in no table', () => {
    const registered = new Set(tf.getKernelsForBackend('cuda').map(({kernelName}) => kernelName));
    assert.deepEqual(fallbackNames().filter((name) => !registered.has(name)), []);
    assert.equal(cudaKernels().length, registered.size);
    assert.ok(fallbackNames().length > 150);
  });

  it('gives what the CPU gives: several outputs, several dtypes, empty tensors', async () => {
    const values = [3, 1, -2, 5, 0, NaN], shape: [number, number] = [2, 3];
    const topk = () => tf.tidy(() => {
      const {values: top, indices} = tf.topk(tf.tensor2d(values.map((x) => x || 0), shape), 2);
      return [top, indices];
    });
    const x = tf.tensor2d(values.map((v) => v || 0), shape);
    assert.deepEqual(taken(fallBack('TopK', {x}, {k: 2, sorted: true})), await onCpu(topk));
    const y = tf.tensor2d(values, shape);
    assert.deepEqual(taken(fallBack('Relu', {x: y})), await onCpu(() => tf.tidy(() => tf.relu(tf.tensor2d(values, shape)))));
    const [less] = fallBack('Less', {a: x, b: y});
    assert.equal(less!.dtype, 'bool');
    assert.deepEqual(taken([less!]), [[0, 0, 0, 0, 0, 0]]);
    const empty = tf.zeros([0, 3]);
    const [sum] = fallBack('Sum', {x: empty}, {axis: [0], keepDims: false});
    assert.deepEqual(sum!.shape, [3]);
    assert.deepEqual(taken([sum!]), [[0, 0, 0]]);
    tf.dispose([x, y, empty]);
  });

  it('takes lists of tensors, by name and alone, and inputs left out', () => {
    const a = tf.tensor1d([1, 2]), b = tf.tensor1d([3]), splits = tf.tensor1d([0, 1, 2], 'int32'), at = tf.scalar(1, 'int32');
    assert.deepEqual(taken(fallBack('Concat', [a, b], {axis: 0})), [[1, 2, 3]]);
    assert.deepEqual(
        taken(fallBack('RaggedGather', {paramsNestedSplits: [splits], paramsDenseValues: a, indices: at}, {outputRaggedRank: 0}))[0], [2]);
    const image = tf.ones<tf.Rank.R4>([1, 2, 2, 1]), filter = tf.ones<tf.Rank.R4>([1, 1, 1, 2]);
    const attrs = {strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1, activation: 'relu'};
    assert.deepEqual(taken(fallBack('FusedConv2D', {x: image, filter, bias: undefined}, attrs))[0], Array(8).fill(1));
    tf.dispose([a, b, splits, at, image, filter]);
  });

  it('keeps inputs that an output shares its memory with on the CPU', () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const [same] = fallBack('Identity', {x});
    const [square] = fallBack('Reshape', {x}, {shape: [2, 2]});
    assert.deepEqual(square!.shape, [2, 2]);
    x.dispose();
    assert.deepEqual(taken([same!, square!]), [[1, 2, 3, 4], [1, 2, 3, 4]]);
  });

  it('takes and gives complex tensors, part by part', async () => {
    const ffted = () => tf.tidy(() => tf.fft(tf.complex([1, 2, 3, 4], [0, 1, 0, -1])));
    const parts = (x: tf.Tensor) => tf.tidy(() => [...tf.real(x).dataSync(), ...tf.imag(x).dataSync()]);
    const got = ffted();
    assert.equal(got.dtype, 'complex64');
    const values = Array.from(got.dataSync());
    assert.deepEqual([values], await onCpu(ffted));
    assert.deepEqual(parts(got), [...values.filter((_, i) => i % 2 === 0), ...values.filter((_, i) => i % 2 === 1)]);
    // A kernel of the CPU whose output tells tfjs-core of itself.
    const magnitude = tf.tidy(() => tf.abs(tf.complex([3, 0], [4, 0])));
    assert.deepEqual([...magnitude.dataSync()], [5, 0]);
    tf.dispose([got, magnitude]);
  });

  it('takes and gives strings', () => {
    const words = tf.tensor1d(['a b', 'c']), space = tf.scalar(' ');
    const split = tf.string.stringSplit(words, space);
    assert.deepEqual(split.values.dataSync(), ['a', 'b', 'c'] as unknown as Float32Array);
    assert.deepEqual(Array.from(split.shape.dataSync()), [2, 2]);
    const longer = tf.concat([words, split.values]);
    assert.deepEqual(longer.dataSync(), ['a b', 'c', 'a', 'b', 'c'] as unknown as Float32Array);
    tf.dispose([words, space, longer, split.indices, split.values, split.shape]);
  });

  it('leaves nothing behind where the CPU kernel throws, or the way back', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const before = {...backend().context.memory()}, ids = backend().numDataIds();
    assert.throws(() => fallBack('SparseReshape', {inputIndices: x, inputShape: x, newShape: x}), /matrix/);
    const upload = backend().upload;
    let calls = 0;
    (backend() as {upload: CudaBackend['upload']}).upload = function(this: CudaBackend, ...args) {
      if (++calls === 2) throw new Error('no memory');
      return upload.apply(this, args);
    };
    try {
      assert.throws(() => fallBack('TopK', {x}, {k: 2, sorted: true}), /no memory/);
    } finally {
      delete (backend() as Partial<CudaBackend>).upload;
    }
    assert.equal(calls, 2);
    assert.equal(backend().context.memory().used, before.used);
    assert.equal(backend().numDataIds(), ids);
    x.dispose();
  });

  it('counts calls and bytes', () => {
    const x = tf.ones([100]);
    const before = fallbackCosts.get('Erf') ?? {calls: 0, bytes: 0}, {calls, bytes} = before;
    taken(fallBack('Erf', {x}));
    taken(fallBack('Erf', {x}));
    assert.deepEqual(fallbackCosts.get('Erf'), {calls: calls + 2, bytes: bytes + 2 * (400 + 400)});
    x.dispose();
  });

  it('warns once a kernel, and not of strings', async () => {
    const warnings: (Error & {code?: string})[] = [];
    const listen = (warning: Error) => { warnings.push(warning); };
    process.on('warning', listen);
    const x = tf.tensor1d([1, 2]), text = tf.tensor1d(['a']);
    taken(fallBack('StringToHashBucketFast', {input: text}, {numBuckets: 3}));
    const heard = once(process, 'warning');
    for (let i = 0; i < 3; i++) taken(fallBack('Expm1', {x}));
    await heard;
    await new Promise(setImmediate);
    process.off('warning', listen);
    assert.deepEqual(warnings.map(({name, code}) => [name, code]), [['RbnWarning', 'FALLBACK']]);
    assert.match(warnings[0]!.message, /no kernel Expm1; .*copies.*RBN_STRICT=1/);
    tf.dispose([x, text]);
  });

  it('refuses in strict mode, but not strings', () => {
    const x = tf.tensor1d([1, 2]), text = tf.tensor1d(['a']);
    process.env.RBN_STRICT = '1';
    try {
      assert.throws(() => fallBack('Expm1', {x}), (e: unknown) => e instanceof RbnError && e.code === 'FALLBACK' && /Expm1/.test(e.message));
      const complex = tf.complex([1], [2]);
      assert.throws(() => tf.fft(complex), (e: unknown) => e instanceof RbnError && /FFT for complex64/.test(e.message));
      complex.dispose();
      taken(fallBack('StringToHashBucketFast', {input: text}, {numBuckets: 3}));
      tf.fill([2], 'a').dispose();
    } finally {
      delete process.env.RBN_STRICT;
    }
    tf.dispose([x, text]);
  });
});
