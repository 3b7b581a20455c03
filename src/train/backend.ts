// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The tfjs backend that training or a benchmark runs on.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

export type Backend =
  | {name: 'cpu'}
  | {name: 'tensorflow'; tfjsNode: string}; // folder of the package

/** Loads and activates it. */
export async function startBackend(backend: Backend): Promise<void> {
  if (backend.name === 'tensorflow') require(backend.tfjsNode);
  if (!await tf.setBackend(backend.name)) throw new Error(`the backend '${backend.name}' does not start`);
}
