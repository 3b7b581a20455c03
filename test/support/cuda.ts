// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The `cuda` backend in tests: on the simulator, or with RBN_TEST_ENGINE=cuda on a GPU (`npm run test:gpu`).
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';

import * as tf from '@tensorflow/tfjs-core';
import {CudaBackend} from 'tfjs-rbn/cuda';

export const testEngine = process.env.RBN_TEST_ENGINE ?? 'simulator';

/** The environment of a process that runs on the same engine. */
export const cudaEnvironment = (): NodeJS.ProcessEnv => ({...process.env, RBN_ENGINE: testEngine});

/** What the doctor says of a cuDNN, in a process of its own on the simulator, where the loader is shown no other. */
export function doctorOfCudnn(file: string): string {
  const {LD_LIBRARY_PATH: _, ...environment} = process.env;
  const {signal, stdout, stderr} = spawnSync(process.execPath, [require.resolve('#dist/cli/main'), 'doctor'],
      {encoding: 'utf8', env: {...environment, RBN_ENGINE: 'simulator', RBN_CUDNN_PATH: file}});
  assert.equal(signal, null, stderr);
  return stdout;
}

/** Whether the system's loader knows a cuDNN, whose parts any other would find. */
export const systemHasCudnn = /libcudnn_/.test(spawnSync('ldconfig', ['-p'], {encoding: 'utf8'}).stdout ?? '');

/** Inside a `describe`: its tests run on the backend `cuda`, and must leave no memory behind. */
export function onCuda(): void {
  let before_: string | undefined, bytes = 0, tensors = 0;
  before(async () => {
    before_ = process.env.RBN_ENGINE;
    process.env.RBN_ENGINE = testEngine;
    assert.ok(await tf.setBackend('cuda'), 'the backend cuda did not come up');
    ({used: bytes} = backend().context.memory());
    tensors = tf.memory().numTensors;
  });
  after(async () => {
    try {
      assert.equal(tf.memory().numTensors, tensors, 'tensors left behind');
      assert.equal(backend().context.memory().used, bytes, 'bytes of GPU memory left behind');
    } finally {
      await tf.setBackend('cpu');
      if (before_ === undefined) delete process.env.RBN_ENGINE;
      else process.env.RBN_ENGINE = before_;
    }
  });
}

/** Inside a `describe`: a kernel that would fall back to the CPU is an error that names it. */
export function strictly(): void {
  let before_: string | undefined;
  before(() => {
    before_ = process.env.RBN_STRICT;
    process.env.RBN_STRICT = '1';
  });
  after(() => {
    if (before_ === undefined) delete process.env.RBN_STRICT;
    else process.env.RBN_STRICT = before_;
  });
}

/** Runs `f` with these variables in the environment. */
export async function withEnvironment<T>(variables: Record<string, string>, f: () => T | Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await f();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/**
 * Runs `f` with products by the engine's own kernels, whatever libraries there are. Where one of those finds no memory for
 * its workspace they take its place, and the failure of that allocation is no error: tests of a lack of memory could not
 * tell where a step ends.
 */
export async function withPlainProducts<T>(f: () => T | Promise<T>): Promise<T> {
  tf.env().set('RBN_CUDA_PLAIN', true);
  try {
    return await f();
  } finally {
    tf.env().set('RBN_CUDA_PLAIN', false);
  }
}

/** The backend object behind 'cuda', while it is the active one. */
export function backend(): CudaBackend {
  return tf.backend() as unknown as CudaBackend;
}

/** A backend of its own, for tests that spoil it. Its tensors are made by `write` alone, without tf. */
export function ownBackend(): CudaBackend {
  const engine = process.env.RBN_ENGINE;
  process.env.RBN_ENGINE = testEngine;
  try {
    return new CudaBackend();
  } finally {
    if (engine === undefined) delete process.env.RBN_ENGINE;
    else process.env.RBN_ENGINE = engine;
  }
}
