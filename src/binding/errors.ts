// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The one error class for what the environment lacks or did: no addon, no engine, no driver, no GPU,
// no memory. Wrong arguments are TypeError and RangeError instead.

/** What went wrong, for programs; `RbnError.message` says it for people. */
export type RbnErrorCode =
  | 'NO_BINARY' // the native addon is not built or does not load
  | 'NO_ENGINE' // the CUDA engine is not built or does not load
  | 'NO_DRIVER' // no NVIDIA driver, or one that is too old
  | 'NO_DEVICE' // the driver names no GPU
  | 'UNSUPPORTED_GPU' // the engine holds no code for this GPU
  | 'NO_TFJS_NODE' // tfjs-node is not installed, or does not load
  | 'NO_TENSORFLOW' // tfjs-node's binding is not among the loaded modules
  | 'UNSUPPORTED_TENSORFLOW' // RBN can not be an op of the TensorFlow behind tfjs-node
  | 'NO_CUBLAS' // no cuBLAS that will do: plain kernels make matrix products
  | 'NO_CUDNN' // the same of convolutions
  | 'OUT_OF_MEMORY'
  | 'DEVICE_LOST' // nothing on this device works any more in this process
  | 'FALLBACK' // RBN_STRICT forbids what the backend `cuda` has no kernel for
  | 'CUDA_ERROR'; // any other error of the CUDA runtime

/** What is missing, why, and the next command to run. */
export interface Problem {
  code: RbnErrorCode;
  message: string;
  next: string;
}

/**
 * An error of the environment, with a code and the next thing to do.
 *
 * ```js
 * try {
 *   tryTheGpu();
 * } catch (e) {
 *   if (e instanceof rbn.RbnError && e.code === 'NO_DRIVER') console.log(e.next);
 * }
 * function tryTheGpu() { throw new rbn.RbnError({code: 'NO_DRIVER', message: 'no driver', next: 'nvidia-smi'}); }
 * ```
 */
export class RbnError extends Error implements Problem {
  readonly code: RbnErrorCode;
  /** The next command to run, or what to change. */
  readonly next: string;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(`${problem.message} [${problem.code}] Next: ${problem.next}`, options);
    this.name = 'RbnError';
    this.code = problem.code;
    this.next = problem.next;
  }
}
