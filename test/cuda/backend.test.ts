// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The `cuda` backend itself: memory, references, reading, time, errors.
import '@tensorflow/tfjs-backend-cpu';

import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import {RbnError} from 'tfjs-rbn';
import {CudaBackend} from 'tfjs-rbn/cuda';

import {backend, onCuda, ownBackend, testEngine} from '../support/cuda';

const floats = (length: number) => Float32Array.from({length}, (_, i) => i / 3);
const hasCode = (code: string, text: RegExp) => (e: unknown) =>
  e instanceof RbnError && e.code === code && text.test(e.message) && e.next.length > 0;

describe('backend cuda', () => {
  describe('tensors', () => {
    onCuda();

    it('hold every dtype and give it back', async () => {
      const tensors = [
        tf.tensor1d([1.5, -2, NaN, Infinity]), tf.tensor1d([1, -2, 2147483647], 'int32'),
        tf.tensor1d([true, false, true], 'bool'), tf.tensor1d(['a', 'ü'], 'string'), tf.complex([1, 2], [3, 4]),
        tf.tensor1d([]), tf.tensor3d([], [2, 0, 3], 'int32'), tf.scalar(7), tf.scalar(7, 'int32'), tf.scalar(true, 'bool'),
      ];
      const expected = [
        Float32Array.of(1.5, -2, NaN, Infinity), Int32Array.of(1, -2, 2147483647), Uint8Array.of(1, 0, 1), ['a', 'ü'],
        Float32Array.of(1, 3, 2, 4), new Float32Array(0), new Int32Array(0), Float32Array.of(7), Int32Array.of(7), Uint8Array.of(1),
      ];
      for (const [i, t] of tensors.entries()) {
        assert.deepEqual(t.dataSync(), expected[i]);
        assert.deepEqual(await t.data(), expected[i]);
      }
      tf.dispose(tensors);
    });

    it('share memory under other shapes until the last of them is disposed of', () => {
      const before = backend().context.memory();
      const x = tf.tensor2d(floats(6), [2, 3]);
      const {allocations} = backend().context.memory();
      const views = [tf.reshape(x, [6]), tf.expandDims(x, 1), tf.clone(x), tf.reshape(x, [3, 2])];
      assert.equal(backend().context.memory().allocations, allocations);
      x.dispose();
      for (const view of views) assert.deepEqual(view.dataSync(), floats(6));
      tf.dispose(views);
      assert.equal(backend().context.memory().allocations, before.allocations);
    });

    it('of one element take no device memory', () => {
      const before = backend().context.memory().allocations;
      const x = tf.scalar(3), y = tf.reshape(x, [1, 1]);
      assert.equal(backend().context.memory().allocations, before);
      tf.dispose([x, y]);
    });

    it('come from other backends and go to them', async () => {
      const x = tf.tensor1d(floats(5)), c = tf.complex([1, 2], [3, 4]), s = tf.tensor1d(['a'], 'string');
      await tf.setBackend('cpu');
      const there = tf.tidy(() => [tf.clone(x).dataSync(), tf.clone(s).dataSync()]);
      await tf.setBackend('cuda');
      assert.deepEqual(there, [floats(5), ['a']]);
      assert.deepEqual(tf.tidy(() => tf.neg(x).dataSync()), floats(5).map((v) => -v));
      assert.deepEqual(c.dataSync(), Float32Array.of(1, 3, 2, 4));
      tf.dispose([x, c, s]);
    });

    it('are counted by tf.memory', () => {
      const before = tf.memory() as unknown as {numBytesInGPU: number; unreliable: boolean};
      const x = tf.tensor1d(floats(1000));
      const during = tf.memory() as unknown as {numBytesInGPU: number; numBytesInGPUPeak: number; unreliable?: boolean};
      assert.equal(during.numBytesInGPU - before.numBytesInGPU, 4000);
      assert.ok(during.numBytesInGPUPeak >= during.numBytesInGPU);
      assert.equal(during.unreliable, false);
      x.dispose();
      assert.equal((tf.memory() as unknown as {numBytesInGPU: number}).numBytesInGPU, before.numBytesInGPU);
    });
  });

  describe('reading', () => {
    onCuda();

    it('gives the values of many reads at once', async () => {
      const x = tf.tensor1d(floats(1 << 16));
      const reads = Array.from({length: 20}, () => x.data());
      for (const values of await Promise.all(reads)) assert.deepEqual(values, floats(1 << 16));
      x.dispose();
    });

    it('gives the values although the tensor is disposed of meanwhile', async () => {
      const x = tf.tensor1d(floats(5000));
      const pending = x.data();
      x.dispose();
      const other = tf.tensor1d(new Float32Array(5000).fill(-1)); // may get the same memory
      assert.deepEqual(await pending, floats(5000));
      other.dispose();
    });

    it('gives the values although the backend is disposed of meanwhile', async () => {
      const own = ownBackend();
      const id = own.write(floats(5000), [5000], 'float32');
      const pending = own.read(id);
      own.dispose();
      assert.deepEqual(await pending, floats(5000));
    });
  });

  describe('time', () => {
    onCuda();

    it('is measured on the device', async () => {
      const {kernelMs, wallMs} = await tf.time(() => tf.dispose(tf.tensor1d(floats(100))));
      assert.ok(typeof kernelMs === 'number' && kernelMs >= 0 && kernelMs <= wallMs + 1, `${String(kernelMs)} of ${wallMs} ms`);
    });

    it('of intervals is read after all of them were recorded, and not from a backend that is gone', () => {
      const own = ownBackend(), {context} = own;
      const reads = [1, 2, 3].map(() => {
        const stop = context.startTimer();
        const id = own.write(floats(100), [100], 'float32');
        const read = stop();
        own.disposeData(id);
        return read;
      });
      for (const read of reads) assert.ok(read() >= 0 && read() < 1000, 'milliseconds');
      const stop = context.startTimer();
      own.dispose();
      assert.throws(reads[0]!, /destroyed/);
      assert.throws(stop, /destroyed/);
    });

    it('is given to tf.profile by kernel', async () => {
      const x = tf.tensor2d(floats(6), [2, 3]);
      const profile = await tf.profile(() => tf.reshape(x, [6]));
      assert.deepEqual(profile.kernels.map(({name}) => name), ['Reshape']);
      assert.ok(Number(await profile.kernels[0]!.kernelTimeMs) >= 0);
      tf.dispose([x, profile.result as tf.Tensor]);
    });

    it('is measured no longer once the function of tf.profile has thrown', async () => {
      const x = tf.tensor2d(floats(6), [2, 3]);
      const fails = () => {
        tf.reshape(x, [6]).dispose();
        throw new Error('on purpose');
      };
      await assert.rejects(tf.profile(fails), /on purpose/);
      await assert.rejects(tf.profile(() => Promise.resolve().then(fails)), /on purpose/);
      assert.equal(tf.engine().state.profiling, false);
      const profile = await tf.profile(() => tf.reshape(x, [6]));
      assert.deepEqual(profile.kernels.map(({name}) => name), ['Reshape']);
      tf.dispose([x, profile.result as tf.Tensor]);
    });
  });

  describe('errors', () => {
    /** Runs `f` on a backend of its own with these environment variables. */
    function withEnvironment<T>(variables: {[name: string]: string}, f: () => T): T {
      const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
      Object.assign(process.env, variables);
      try {
        return f();
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    }
    const write = (own: CudaBackend, length: number) => own.write(floats(length), [length], 'float32');
    const info = (own: CudaBackend, length: number) => ({dataId: write(own, length), shape: [length], dtype: 'float32' as const});

    it('a memory limit holds, and says what is in use', () => {
      const own = withEnvironment({RBN_MEMORY_LIMIT: '8kB'}, ownBackend);
      const id = write(own, 1500);
      assert.throws(() => write(own, 1000), hasCode('OUT_OF_MEMORY', /4000 bytes.*6000.*limit is 8000/));
      own.disposeData(id);
      own.disposeData(write(own, 1000));
      assert.equal(own.numDataIds(), 0);
      own.dispose();
    });

    it('an operation that finds no memory is named and leaves nothing behind', () => {
      const own = ownBackend();
      const x = info(own, 100);
      const {used} = own.context.memory();
      own.context.failAllocation(1);
      assert.throws(() => own.compute('Neg', [x], {shape: [100], dtype: 'float32'}), hasCode('OUT_OF_MEMORY', /^Neg: /));
      assert.equal(own.context.memory().used, used);
      own.release(own.compute('Neg', [x], {shape: [100], dtype: 'float32'}));
      own.dispose();
    });

    it('bad settings are named', () => {
      assert.throws(() => withEnvironment({RBN_MEMORY_LIMIT: 'much'}, ownBackend), /RBN_MEMORY_LIMIT: expected .*'much'/);
      assert.throws(() => withEnvironment({RBN_SYNC: 'yes'}, ownBackend), /RBN_SYNC: expected 0 or 1, received 'yes'/);
      assert.throws(() => withEnvironment({RBN_DEVICE: '-1'}, ownBackend), /RBN_DEVICE: expected .*'-1'/);
      assert.throws(() => withEnvironment({RBN_DEVICE: '99'}, ownBackend), hasCode('NO_DEVICE', /99/));
    });

    it('a backend that is disposed of refuses work and frees nothing twice', () => {
      const own = ownBackend();
      const id = write(own, 10);
      own.dispose();
      own.dispose();
      assert.ok(own.disposeData(id));
      assert.throws(() => write(own, 10), /destroyed/);
    });

    it('calls that do not fit are refused before they touch memory', () => {
      const own = ownBackend();
      const x = info(own, 10);
      assert.throws(() => own.compute('Nonsense', [x], {shape: [10], dtype: 'float32'}), /no operation Nonsense/);
      assert.throws(() => own.compute('Neg', [], {shape: [10], dtype: 'float32'}), /Neg: expected 1 inputs, received 0/);
      assert.throws(() => own.compute('Neg', [{...x, shape: [11]}], {shape: [11], dtype: 'float32'}), /expected at least 44 bytes, received 40/);
      assert.throws(() => own.compute('Neg', [x], {shape: [12], dtype: 'float32'}), RangeError);
      own.dispose();
    });
  });

  it('frees everything with itself, 300 times', function() {
    if (testEngine !== 'simulator') this.timeout(120000); // contexts of a GPU take their time
    const witness = ownBackend(); // on the simulator there is one pool: it sees what all hold
    const before = witness.context.memory().reserved;
    for (let i = 0; i < 300; i++) {
      const own = ownBackend();
      const x = {dataId: own.write(floats(50), [50], 'float32'), shape: [50], dtype: 'float32' as const};
      own.compute('Neg', [x], {shape: [50], dtype: 'float32'});
      own.dispose();
    }
    assert.equal(witness.context.memory().reserved, before);
    witness.dispose();
  });

  it('lives beside another one', () => {
    const a = ownBackend(), b = ownBackend();
    const x = {dataId: a.write(floats(9), [9], 'float32'), shape: [9], dtype: 'float32' as const};
    const y = {dataId: b.write(floats(9), [9], 'float32'), shape: [9], dtype: 'float32' as const};
    for (const [own, t] of [[a, x], [b, y]] as const) {
      assert.deepEqual(own.values(own.compute('Neg', [t], {shape: [9], dtype: 'float32'})), floats(9).map((v) => -v));
    }
    a.dispose();
    assert.deepEqual(b.values(y), floats(9));
    b.dispose();
  });
});
