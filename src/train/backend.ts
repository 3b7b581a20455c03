// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The tfjs backend that training or a benchmark runs on.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

export type Backend =
  | {name: 'cpu'}
  | {name: 'tensorflow'; tfjsNode: string} // folder of the package
  | {name: 'cuda'; engine: 'cuda' | 'simulator'};

/** Loads and activates it. */
export async function startBackend(backend: Backend): Promise<void> {
  if (backend.name === 'tensorflow') require(backend.tfjsNode);
  if (backend.name === 'cuda') await import('../cuda.js');
  if (!await tf.setBackend(backend.name)) throw new Error(`the backend '${backend.name}' does not start; next: tfjs-rbn doctor`);
}
