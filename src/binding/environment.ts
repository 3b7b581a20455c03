// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The environment variables that the package reads, all of them, in one place. They are read anew at each
// call, because tests and programs may set them after the import.
import {Isa} from './native';

const ISAS: readonly Isa[] = ['baseline', 'avx2', 'avx512'];

/** Settings from the environment; undefined where a variable is not set. */
export interface Settings {
  /** RBN_ENGINE: 'cuda' (default) or 'simulator', a test device that runs CUDA code on the CPU. */
  engine: 'cuda' | 'simulator';
  /** RBN_ENGINE_PATH: the engine's shared library, instead of the built one. */
  enginePath: string | undefined;
  /** RBN_ADDON_PATH: the native addon, instead of the built one. */
  addonPath: string | undefined;
  /** RBN_CUBLAS_PATH, RBN_CUDNN_PATH: the library's file, instead of the one that is found; 'none' for none. */
  cublasPath: string | undefined;
  cudnnPath: string | undefined;
  /** RBN_TENSORFLOW_GPU=1: kernels for a GPU in tfjs-node too, which have never run on one. */
  tensorflowGpu: boolean;
  /** RBN_THREADS: threads of the native CPU code; 0 for as many as this process may use. */
  threads: number;
  /** RBN_ISA: instruction set of the native CPU code, instead of the machine's best. */
  isa: Isa | undefined;
  /** RBN_DEVICE: index of the GPU for the backend `cuda`, in the driver's order. */
  device: number;
  /** RBN_MEMORY_LIMIT: bytes of GPU memory that the backend `cuda` may hold, such as 4000000000 or 4GB; 0 for all. */
  memoryLimit: number;
  /** RBN_SYNC=1: each operation waits for its kernels, so that an error names the one at fault. */
  sync: boolean;
  /** RBN_STRICT=1: what the backend `cuda` has no kernel for is an error, instead of run on the CPU with a warning. */
  strict: boolean;
  /**
   * RBN_STOCK_BATCH_NORM=1: on the backend `cuda`, too, tf.layers' batch normalization in training goes tfjs-layers' own
   * way, by many kernels.
   */
  stockBatchNorm: boolean;
}

/** '4GB' → 4e9; also MB and kB, and GiB, MiB and KiB. */
function bytes(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) *(?:([kKMG])(i?)B?|B)?$/.exec(text);
  const value = match === null ? NaN :
      Math.floor(Number(match[1]) * (match[3] ? 1024 : 1000) ** ' KMG'.indexOf((match[2] ?? ' ').toUpperCase()));
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${name}: expected a number of bytes such as 4000000000, 4GB or 4GiB, received '${text}'`);
  }
  return value;
}

function flag(name: string): boolean {
  const text = process.env[name] || '0';
  if (text !== '0' && text !== '1') throw new RangeError(`${name}: expected 0 or 1, received '${text}'`);
  return text === '1';
}

/** `threads` of the settings alone: each kernel call asks for it, and reading all variables takes microseconds. */
export function threadsSetting(): number {
  const threads = Number(process.env.RBN_THREADS || 0);
  if (!Number.isInteger(threads) || threads < 0 || threads > 1024) {
    throw new RangeError(`RBN_THREADS: expected a whole number from 0 to 1024, received '${process.env.RBN_THREADS}'`);
  }
  return threads;
}

/** `stockBatchNorm` of the settings alone, for the same reason. */
export function stockBatchNormSetting(): boolean {
  return flag('RBN_STOCK_BATCH_NORM');
}

/** CUDA_HOME: where the CUDA toolkit is. */
export function cudaHome(): string {
  return process.env.CUDA_HOME || '/usr/local/cuda';
}

/** Reads the settings; throws RangeError for a value that no variable has. */
export function settings(): Settings {
  const engine = process.env.RBN_ENGINE || 'cuda';
  if (engine !== 'cuda' && engine !== 'simulator') {
    throw new RangeError(`RBN_ENGINE: expected 'cuda' or 'simulator', received '${engine}'`);
  }
  const isa = process.env.RBN_ISA || undefined;
  if (isa !== undefined && !ISAS.includes(isa as Isa)) {
    throw new RangeError(`RBN_ISA: expected one of ${ISAS.join(', ')}, received '${isa}'`);
  }
  const device = Number(process.env.RBN_DEVICE || 0);
  if (!Number.isInteger(device) || device < 0 || device > 65535) {
    throw new RangeError(`RBN_DEVICE: expected the index of a GPU, received '${process.env.RBN_DEVICE}'`);
  }
  return {
    engine,
    enginePath: process.env.RBN_ENGINE_PATH || undefined,
    addonPath: process.env.RBN_ADDON_PATH || undefined,
    cublasPath: process.env.RBN_CUBLAS_PATH || undefined,
    cudnnPath: process.env.RBN_CUDNN_PATH || undefined,
    threads: threadsSetting(),
    isa: isa as Isa | undefined,
    device,
    memoryLimit: bytes('RBN_MEMORY_LIMIT', process.env.RBN_MEMORY_LIMIT || '0'),
    sync: flag('RBN_SYNC'),
    strict: flag('RBN_STRICT'),
    stockBatchNorm: stockBatchNormSetting(),
    tensorflowGpu: flag('RBN_TENSORFLOW_GPU'),
  };
}
