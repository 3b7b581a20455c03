// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How an op finds kernels on a backend that was registered after this package: register.ts puts in a
// function that registers the composed ones. Ops can not import kernels themselves (they lie below).
import {backend, engine, getKernel} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNorm} from './kernel_names';

let registerFor: ((backendName: string) => void) | null = null;

/** Sets what registers both kernels for a backend that has none. */
export function provideFallback(register: (backendName: string) => void): void {
  registerFor = register;
}

/** Sees to it that the active backend has the kernels. */
export function ensureKernels(): void {
  if (engine().backendName == null) backend(); // initialises the best backend there is
  const name = engine().backendName;
  if (registerFor !== null && getKernel(RepresentativeBatchNorm, name) == null) registerFor(name);
}
