// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Where the time of a call goes: JavaScript, and kernels by name.
import * as tf from '@tensorflow/tfjs-core';
import type {Stopwatch} from '../../train/stopwatch';

export interface Timed {
  milliseconds: number;
  /** Until JavaScript had nothing left to do but wait for the result. Where kernels run in this thread, they are in it. */
  javascript: number;
}

export async function timed(call: () => Promise<void>): Promise<Timed> {
  let waiting: number | null = null;
  const started = performance.now();
  // Node comes to this once nothing more can be done without an event from outside, such as the end of a copy.
  const immediate = setImmediate(() => { waiting = performance.now(); });
  await call();
  const ended = performance.now();
  clearImmediate(immediate);
  return {milliseconds: ended - started, javascript: (waiting ?? ended) - started};
}

export interface KernelTime { kernel: string; calls: number; milliseconds: number }

/**
 * Of one call, the mean of several; the slowest kernel first.
 *
 * tf.profile has the backend time each kernel, and that of `cuda` waits for it, so that the next one meets an idle GPU, whose
 * start is then counted, too. Here all times are read after the last call.
 */
export async function profileKernels(call: () => Promise<void>, calls: number, stopwatch: Stopwatch): Promise<KernelTime[]> {
  const backend = tf.backend() as {time?: tf.KernelBackend['time']}, reads: (() => void)[] = [];
  backend.time = kernel => {
    const stop = stopwatch();
    kernel();
    const read = stop();
    return new Promise(resolve => reads.push(() => resolve({kernelMs: read()})));
  };
  try {
    const {kernels} = await tf.profile(async () => {
      for (let i = 0; i < calls; ++i) await call();
      for (const read of reads) read();
      return [];
    });
    return byName(kernels, calls);
  } finally {
    delete backend.time; // the class's own is back
  }
}

function byName(kernels: Awaited<ReturnType<typeof tf.profile>>['kernels'], calls: number): KernelTime[] {
  const times = new Map<string, KernelTime>();
  for (const {name, kernelTimeMs} of kernels) {
    if (tf.getKernel(name, tf.getBackend()) == null) continue; // tfjs-core lists gradients of its own, too, around their kernels
    const time = times.get(name) ?? {kernel: name, calls: 0, milliseconds: 0};
    time.calls += 1 / calls;
    time.milliseconds += kernelTimeMs as number / calls;
    times.set(name, time);
  }
  return [...times.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
