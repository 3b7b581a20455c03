// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// RBN as ops inside the TensorFlow that tfjs-node has loaded: finds the file of tfjs-node's binding among the
// modules that Node has loaded, and has the addon register the ops there. Where that can not be, RBN still runs
// on this backend, on copies, after one warning.
import {findAddon, nativeAddon} from './addon';
import {findEngine} from './engine';
import {settings} from './environment';
import {Problem} from './errors';

/** How RBN runs on one tfjs-node binding. */
export interface TensorflowOps {
  /** The binding's file; null where it is not among the loaded modules. */
  path: string | null;
  /** TensorFlow's version, as the binding says; null where it does not. */
  version: string | null;
  /** Names of the registered ops; null: RBN runs on copies. */
  ops: {forward: string; backward: string} | null;
  /** What the registration took, in milliseconds, in the process that holds it. */
  milliseconds: number | null;
  /** Why RBN runs on copies; null where it does not. */
  problem: Problem | null;
}

const known = new WeakMap<object, TensorflowOps>();
let latest: TensorflowOps | null = null;
let warned = false;

/** tfjs-node's native module, as far as this file knows it. */
export interface TensorflowBinding {
  readonly TF_Version?: string;
}

/** The ops for a tfjs-node backend's binding, registered at the first call. Warns once where there are none. */
export function tensorflowOps(binding: TensorflowBinding): TensorflowOps {
  let result = known.get(binding);
  if (result === undefined) {
    result = register(binding);
    known.set(binding, result);
    latest = result;
    // Without the addon its own warning has more to say.
    if (result.problem !== null && nativeAddon() !== null && !warned) {
      warned = true;
      process.emitWarning(`${result.problem.message} RBN runs on the backend 'tensorflow' on copies of its tensors, ` +
          `which is slower.\nNext: ${result.problem.next}`, {type: 'RbnWarning', code: result.problem.code});
    }
  }
  return result;
}

/** What the last registration in this thread came to; null where RBN has not run on `tensorflow` yet. */
export function latestTensorflowOps(): TensorflowOps | null {
  return latest;
}

function register(binding: TensorflowBinding): TensorflowOps {
  const version = binding.TF_Version ?? null;
  const nothing = {path: null, version, ops: null, milliseconds: null};
  const {addon, problem} = findAddon();
  if (addon === null) return {...nothing, problem};
  const path = fileOf(binding);
  if (path === null) {
    return {...nothing, problem: {
      code: 'NO_TENSORFLOW',
      message: "tfjs-node's native binding is not among the modules that Node has loaded.",
      next: 'npm ls @tensorflow/tfjs-node   (load it with require or import, not through a bundler or a mocked require)',
    }};
  }
  const {forwardOp, backwardOp, milliseconds, problem: message, gpuProblem} = addon.registerTensorflow(path, engineForGpu());
  if (gpuProblem !== '') warnOfGpu({code: 'NO_ENGINE', message: gpuProblem, next: 'npx tfjs-rbn doctor'});
  if (message !== '') {
    return {...nothing, path, problem: {
      code: 'UNSUPPORTED_TENSORFLOW',
      message: `RBN can not be an op of this TensorFlow: ${message}.`,
      next: 'npx tfjs-rbn doctor   (versions that work: docs/tfjs-node.md)',
    }};
  }
  return {path, version, ops: {forward: forwardOp, backward: backwardOp}, milliseconds, problem: null};
}

/** The CUDA engine's library, where kernels for a GPU are asked for and it can be had; else ''. */
function engineForGpu(): string {
  if (!settings().tensorflowGpu) return '';
  const {path, problem} = findEngine();
  if (problem === null) return path;
  warnOfGpu(problem);
  return '';
}

function warnOfGpu({code, message, next}: Problem): void {
  process.emitWarning(`RBN_TENSORFLOW_GPU=1, but ${message}. RBN has no kernels for a GPU in tfjs-node; where TensorFlow ` +
      `uses a GPU, it copies tensors to the CPU for them.\nNext: ${next}`, {type: 'RbnWarning', code});
}

/** The file that a native module's exports come from. */
function fileOf(exports: object): string | null {
  // An ES module that imports tfjs-node gets it through the same cache: tfjs-node is CommonJS.
  return Object.keys(require.cache).find((file) => require.cache[file]?.exports === exports) ?? null;
}
