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
  /** RBN_THREADS: threads of the native CPU code; 0 for as many as this process may use. */
  threads: number;
  /** RBN_ISA: instruction set of the native CPU code, instead of the machine's best. */
  isa: Isa | undefined;
}

/** Reads the settings; throws RangeError for a value that no variable has. */
export function settings(): Settings {
  const engine = process.env.RBN_ENGINE || 'cuda';
  if (engine !== 'cuda' && engine !== 'simulator') {
    throw new RangeError(`RBN_ENGINE: expected 'cuda' or 'simulator', received '${engine}'`);
  }
  const threads = Number(process.env.RBN_THREADS || 0);
  if (!Number.isInteger(threads) || threads < 0 || threads > 1024) {
    throw new RangeError(`RBN_THREADS: expected a whole number from 0 to 1024, received '${process.env.RBN_THREADS}'`);
  }
  const isa = process.env.RBN_ISA || undefined;
  if (isa !== undefined && !ISAS.includes(isa as Isa)) {
    throw new RangeError(`RBN_ISA: expected one of ${ISAS.join(', ')}, received '${isa}'`);
  }
  return {
    engine,
    enginePath: process.env.RBN_ENGINE_PATH || undefined,
    addonPath: process.env.RBN_ADDON_PATH || undefined,
    threads,
    isa: isa as Isa | undefined,
  };
}
