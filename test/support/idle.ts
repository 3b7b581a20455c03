// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Backends whose kernels do nothing, for measuring what JavaScript spends around them.
import * as assert from 'node:assert/strict';

import * as tf from '@tensorflow/tfjs-core';
import {CudaBackend} from 'tfjs-rbn/cuda';

import {ownBackend} from './cuda';

/** A backend that remembers how many hold its data, and nothing else. */
export class Nothing extends tf.KernelBackend {
  private readonly data = new tf.DataStorage<{refCount: number}>(this, tf.engine());
  override write(): object {
    const dataId = {};
    this.data.set(dataId, {refCount: 1});
    return dataId;
  }
  override readSync(): Float32Array {
    return Float32Array.of(1);
  }
  override async read(): Promise<Float32Array> {
    return this.readSync();
  }
  override incRef(dataId: object): void {
    this.data.get(dataId).refCount++;
  }
  override disposeData(dataId: object): boolean {
    return --this.data.get(dataId).refCount === 0 && this.data.delete(dataId);
  }
  override numDataIds(): number {
    return this.data.numDataIds();
  }
  override dispose(): void {}
  override floatPrecision(): 32 {
    return 32;
  }
}

type Context = CudaBackend['context'];

/** Bytes that were copied to the device since `reset`. */
export class Uploads {
  bytes = 0;
  largest = 0;
  reset(): void {
    this.bytes = this.largest = 0;
  }
  add(bytes: number): void {
    this.bytes += bytes;
    this.largest = Math.max(this.largest, bytes);
  }
}

/** Takes the device away from a backend: memory is but a number, operations do nothing. Returns what gives it back. */
export function makeIdle(backend: CudaBackend, uploads = new Uploads()): () => void {
  const owner = backend as unknown as {context: Context}, {context} = owner;
  let address = 0;
  const idle: Partial<Context> = {
    allocate: () => ++address,
    release() {},
    upload: (_, {byteLength}) => uploads.add(byteLength),
    download() {},
    async downloadAsync() {},
    run() {},
    setProducts() {},
    forward() {},
    backward() {},
  };
  owner.context = idle as Context;
  return () => { owner.context = context; };
}

interface Call {
  kernel: string;
  outputs: {shape: number[]; dtype: tf.DataType}[];
  list: boolean;
}

/** Registers kernels on a backend by the names of those of `cuda`; returns what removes the backend and them. */
function registerAs(backendName: string, backend: tf.KernelBackend, make: (config: tf.KernelConfig) => tf.KernelFunc):
    () => void {
  const configs = tf.getKernelsForBackend('cuda');
  tf.registerBackend(backendName, () => backend);
  for (const config of configs) tf.registerKernel({...config, backendName, kernelFunc: make(config)});
  return () => {
    tf.removeBackend(backendName);
    for (const {kernelName} of configs) tf.unregisterKernel(kernelName, backendName);
  };
}

/**
 * tfjs-core and tfjs-layers by themselves, as they are for a backend not named cuda: registers the backend 'stock',
 * whose kernels do nothing but say what shapes they would return. They have learnt that from a first run of `prepare`,
 * which makes what a step needs, and of two such steps (the first makes an optimizer's state, too), on the backend
 * 'recorder'.
 */
export async function registerStock(prepare: () => Promise<{step: () => Promise<void>; dispose: () => void}>):
    Promise<() => void> {
  const recorded: Call[] = [], device = ownBackend(), giveBack = makeIdle(device);
  const forget = registerAs('recorder', device, ({kernelName: kernel, kernelFunc}) => (call) => {
    const results = kernelFunc(call), list = Array.isArray(results);
    const outputs = (list ? results : [results]).map(({shape, dtype}) => ({shape, dtype}));
    recorded.push({kernel, list, outputs});
    return results;
  });
  await tf.setBackend('recorder');
  const {step, dispose} = await prepare();
  await step();
  const begin = recorded.length;
  await step();
  const end = recorded.length;
  dispose();
  giveBack();
  forget();
  let at = 0;
  return registerAs('stock', new Nothing(), ({kernelName}) => ({backend}) => {
    if (at === end) at = begin;
    const {kernel, list, outputs} = recorded[at++]!;
    assert.equal(kernelName, kernel, `call ${at - 1} of the backend that does nothing`);
    const results = outputs.map(({shape, dtype}) => ({dataId: (backend as Nothing).write(), shape, dtype}));
    return list ? results : results[0]!;
  });
}
