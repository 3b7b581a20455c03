// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// NVIDIA's libraries for matrix products and convolutions: where they are looked for, and what to do where there is
// none that will do. The backend works without them, on kernels of its own.
import * as path from 'node:path';

import {rebuildCommand} from './addon';
import {cudaHome, Settings, settings} from './environment';
import {Problem, RbnErrorCode} from './errors';
import {Engine, EngineLibrary} from './native';

interface Library {
  name: 'cuBLAS' | 'cuDNN';
  code: RbnErrorCode;
  /** What plain kernels do without it. */
  work: string;
  setting: 'cublasPath' | 'cudnnPath';
  variable: string;
  /** The package of pip that holds library and headers, by CUDA's major version. */
  packageOf(cuda: number): string;
}

/** By the number that the engine knows them by, in the order in which they are opened: cuDNN may need cuBLAS. */
const LIBRARIES: readonly Library[] = [
  {name: 'cuBLAS', code: 'NO_CUBLAS', work: 'matrix products', setting: 'cublasPath', variable: 'RBN_CUBLAS_PATH',
    packageOf: (cuda) => cuda === 12 ? 'nvidia-cublas-cu12' : 'nvidia-cublas'},
  {name: 'cuDNN', code: 'NO_CUDNN', work: 'convolutions', setting: 'cudnnPath', variable: 'RBN_CUDNN_PATH',
    packageOf: (cuda) => `nvidia-cudnn-cu${cuda === 12 ? 12 : 13}`},
];

/** What came of looking for a library. */
export interface LibraryState {
  name: 'cuBLAS' | 'cuDNN';
  /** `off`: not looked for, as a setting says or because the engine is the simulator. */
  state: 'in use' | 'off' | 'missing';
  /** Of the file that is in use or will not do. */
  version: string | null;
  path: string | null;
  /** Why it is missing. */
  problem: Problem | null;
}

/**
 * Opens the libraries by `open`, which gets their numbers and candidates: a context's or the engine's own function.
 *
 * Never throws for what is missing.
 */
export function openLibraries(engine: Engine, open: (library: number, candidates: string[]) => EngineLibrary): LibraryState[] {
  const all = settings();
  return LIBRARIES.map((library, i) => {
    const given = all[library.setting];
    // The simulator's memory is no GPU's: it takes none but the false ones of its tests.
    if (given === 'none' || (given === undefined && engine.kind === 'simulator')) {
      return {name: library.name, state: 'off', version: null, path: null, problem: null};
    }
    const {file, headers} = engine.libraries[i]!;
    const candidates = given !== undefined ? [given] : file === null ? [] : places(file, headers);
    const found = open(i, candidates);
    return {
      name: library.name,
      state: found.inUse ? 'in use' : 'missing',
      version: found.version || null,
      path: found.path || null,
      problem: found.inUse ? null : problemOf(library, all, engine, candidates, found),
    };
  });
}

/** The system's loader, then beside the headers that the engine was compiled with, then the CUDA toolkit. */
function places(file: string, headers: string | null): string[] {
  const beside = headers ? ['lib', 'lib64'].map((folder) => path.join(headers, '..', folder)) : [];
  return [file, ...[...beside, path.join(cudaHome(), 'lib64')].map((folder) => path.join(folder, file))];
}

function problemOf({name, code, work, setting, variable, packageOf}: Library, all: Settings, engine: Engine,
                   candidates: string[], {path: file, problem}: EngineLibrary): Problem {
  const why = file !== '' ? `${file}: ${problem}` :
      problem !== '' ? problem : `not found (looked for ${candidates.join(', ')})`;
  const install = `pip install ${packageOf(Math.floor(engine.cudaRuntime / 1000))}`;
  const next = all[setting] !== undefined ? `unset ${variable}   (it names ${all[setting]})` :
      file !== '' ? `${variable}=/path/to/another   (or ${install} && ${rebuildCommand('engine')})` :
      `${install} && ${rebuildCommand('engine')}${candidates.length > 0 ? `   (or ${variable}=/path/to/${candidates[0]})` : ''}`;
  return {code, message: `${name} is not used, plain kernels do ${work}, slower: ${why}`, next};
}
