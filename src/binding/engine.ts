// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Finds and opens the CUDA engine, or on request the simulated one, and says exactly what is missing.
import * as fs from 'node:fs';
import * as path from 'node:path';

import {findAddon, packageRoot, packageVersion, rebuildCommand} from './addon';
import {settings} from './environment';
import {Problem, RbnError, RbnErrorCode} from './errors';
import {Engine, EngineContext, EngineDevice} from './native';

export interface EngineResult {
  path: string;
  engine: Engine | null;
  problem: Problem | null;
}

/** Next steps by code, where they do not depend on the case. */
const NEXT: Partial<Record<RbnErrorCode, string>> = {
  NO_DRIVER: 'nvidia-smi   (install or update the NVIDIA driver if it fails)',
  NO_DEVICE: 'nvidia-smi -L   (in a container: start it with --gpus all)',
  OUT_OF_MEMORY: 'nvidia-smi   (who else uses the GPU; a smaller batch, tf.tidy and tf.dispose hold less; RBN_MEMORY_LIMIT, where it is set)',
  DEVICE_LOST: 'start the process again with RBN_SYNC=1: the error then names the operation',
  UNSUPPORTED_GPU: `RBN_CUDA_ARCHITECTURES=native ${rebuildCommand('engine')}`,
};

/** Where the engine is looked for. */
export function enginePath(): string {
  const {engine, enginePath} = settings();
  return enginePath ?? path.join(packageRoot, 'out', engine, `librbn_engine_${engine}.so`);
}

const opened = new Map<string, Engine>();

/** Looks for the engine that the settings name and says what came of it; throws only for bad settings. */
export function findEngine(): EngineResult {
  const {engine: kind, enginePath: given} = settings();
  const file = enginePath();
  const known = opened.get(file);
  if (known !== undefined) return {path: file, engine: known, problem: null};
  const missing = (message: string, next: string): EngineResult => ({
    path: file,
    engine: null,
    problem: {code: 'NO_ENGINE', message, next: given === undefined ? next : `unset RBN_ENGINE_PATH   (it names ${given})`},
  });

  const {addon, problem} = findAddon();
  if (addon === null) return {path: file, engine: null, problem};
  if (!fs.existsSync(file)) {
    return kind === 'simulator' ?
        missing(`the simulated engine is not built (looked for ${file})`, 'npm run build:simulator   (in a checkout)') :
        missing(`the CUDA engine is not built (looked for ${file})`,
            `with the CUDA toolkit (nvcc 12.8 or newer) and cmake on PATH: ${rebuildCommand('engine')}`);
  }
  try {
    const engine = addon.openEngine(file);
    if (engine.version !== packageVersion) {
      return missing(`the engine is of version ${engine.version}, the package of ${packageVersion} (${file})`,
          rebuildCommand('engine'));
    }
    opened.set(file, engine);
    return {path: file, engine, problem: null};
  } catch (e) {
    return missing(`the engine does not open: ${(e as Error).message}`, rebuildCommand('engine'));
  }
}

/**
 * The engine that the settings name.
 *
 * Throws RbnError NO_BINARY or NO_ENGINE.
 */
export function openEngine(): Engine {
  const {engine, problem} = findEngine();
  if (engine === null) throw new RbnError(problem!);
  return engine;
}

/**
 * A context on device `index` of an engine; the caller destroys it.
 *
 * Throws RbnError NO_DRIVER, NO_DEVICE or UNSUPPORTED_GPU.
 */
export function createContext(engine: Engine, index: number): EngineContext {
  return translated(() => engine.createContext(index));
}

/** What the engine's driver and devices are; a problem instead of a throw. */
export function probeDevices(engine: Engine): {driver: number | null; devices: EngineDevice[]; problem: Problem | null} {
  let driver: number | null = null;
  try {
    driver = engine.driverVersion() || null;
    return {driver, devices: engine.devices(), problem: null};
  } catch (e) {
    return {driver, devices: [], problem: toProblem(e)};
  }
}

/** Runs `f`; an error of the addon that carries a code becomes an RbnError. */
export function translated<T>(f: () => T): T {
  try {
    return f();
  } catch (e) {
    throw translate(e);
  }
}

/** An error of the addon that carries a code as an RbnError; any other as it is. */
export function translate(e: unknown): unknown {
  if (e instanceof RbnError || typeof (e as {code?: unknown}).code !== 'string') return e;
  return new RbnError(toProblem(e), {cause: e});
}

/** An error of the addon that carries a code; any other is thrown. `otherwise`: the next step where the code names none. */
export function toProblem(e: unknown, otherwise = 'npx tfjs-rbn doctor'): Problem {
  const {code, message} = e as {code?: RbnErrorCode; message: string};
  if (code === undefined) throw e;
  return {code, message, next: NEXT[code] ?? otherwise};
}
