// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Measures time where the work is done. Kernels of a GPU run later than they are called, so there the marks are put on the
// device's own queue, and nobody waits before the time is read: waiting at each mark would slow down what is measured.
import * as tf from '@tensorflow/tfjs-core';
import type {CudaBackend} from '../cuda';
import type {Backend} from './backend';

/** Starts; the returned function stops; what that returns gives the milliseconds between, and may wait for them. */
export type Stopwatch = () => () => () => number;

/** For backends that have done their work when an op returns. */
export const wallStopwatch: Stopwatch = () => {
  const started = performance.now();
  return () => {
    const milliseconds = performance.now() - started;
    return () => milliseconds;
  };
};

/** That of a backend, which must be the active one. */
export function stopwatchOf({name}: Backend): Stopwatch {
  if (name !== 'cuda') return wallStopwatch;
  const {context} = tf.backend() as unknown as CudaBackend;
  return () => context.startTimer();
}
