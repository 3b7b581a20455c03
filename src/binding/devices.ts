// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What this machine and this installation have: addon, engine, driver, GPUs; and for whatever is missing
// the reason and the next command. `tfjs-rbn doctor` prints it.
import * as fs from 'node:fs';

import {findAddon, packageVersion, rebuildCommand} from './addon';
import {findEngine, probeDevices, toProblem} from './engine';
import {settings} from './environment';
import {Problem} from './errors';
import {LibraryState, openLibraries} from './libraries';
import {Engine, EngineDevice, Isa} from './native';
import {latestTensorflowOps} from './tensorflow';

/** Where the kernel module of NVIDIA's driver tells its version. */
const DRIVER_PATH = '/proc/driver/nvidia/version';

const NO_DRIVER: Problem = {
  code: 'NO_DRIVER',
  message: `no NVIDIA driver is loaded (looked for ${DRIVER_PATH})`,
  next: 'nvidia-smi   (install the NVIDIA driver if it fails; the CPU code needs none)',
};

/** What `devices()` returns. */
export interface Devices {
  /** Version of the package. */
  version: string;
  /** The native addon: where it was looked for; isa and threads are null where it is missing. */
  addon: {path: string; loaded: boolean; isa: Isa | null; threads: number | null};
  /** The CUDA engine (or, with RBN_ENGINE=simulator, the simulated one) and where it was looked for. */
  engine: {path: string; kind: 'cuda' | 'simulator'; loaded: boolean; architectures: string | null; cudaRuntime: string | null};
  /**
   * The NVIDIA driver: the version of its kernel module, and the newest CUDA version that it serves, such as
   * '13.0'. Null where there is none; only the engine can ask for the CUDA version.
   */
  driver: {path: string; version: string | null; cuda: string | null};
  /** GPUs in the driver's order; memory in bytes. */
  gpus: EngineDevice[];
  /**
   * NVIDIA's libraries that the backend `cuda` uses, and where they are; empty without the engine. Files are looked at
   * and loaded; whether they work on the GPU, `tfjs-rbn doctor` tries.
   */
  libraries: LibraryState[];
  /**
   * How RBN runs on tfjs-node's backend `tensorflow`: 'op' inside the TensorFlow that it has loaded, or 'copy', on
   * copies of its tensors. Null until RBN has been called there in this thread.
   */
  tensorflow: {path: string | null; version: string | null; way: 'op' | 'copy'} | null;
  /** Why something is missing, and what to do; empty where all is there. */
  missing: Problem[];
}

/**
 * Tells what there is: engine, driver, GPUs, memory, and why something is missing.
 *
 * Never throws for what is missing and never warns; RangeError for an environment variable that has no
 * such value.
 *
 * ```js
 * const found = rbn.devices();
 * for (const gpu of found.gpus) console.log(gpu.name, gpu.totalMemory);
 * for (const {code, next} of found.missing) console.log(code, next);
 * ```
 */
export function devices(): Devices {
  return inspect(false);
}

/**
 * As `devices`, but opens the GPU and the libraries on it as the backend `cuda` does, where the GPU that RBN_DEVICE names
 * is of use. That takes its time, and some of the GPU's memory while it lasts.
 */
export function triedDevices(): Devices {
  return inspect(true);
}

function inspect(tries: boolean): Devices {
  const {engine: kind, threads, device} = settings();
  const addon = findAddon();
  const engine = findEngine();
  const probe = engine.engine === null ? null : probeDevices(engine.engine);
  const version = driverVersion();
  // Without an engine nobody has asked the driver; a missing one is worth saying all the same.
  const driverProblem = probe !== null ? probe.problem : version !== null ? null : NO_DRIVER;
  const gpus = probe?.devices ?? [];
  const {libraries, problem: gpuProblem} = engine.engine === null ? {libraries: [], problem: null} :
      findLibraries(engine.engine, tries && gpus[device]?.supported ? device : null);
  const onTensorflow = latestTensorflowOps();
  const missing = [
    addon.problem, engine.problem, driverProblem, gpuProblem, ...libraries.map(({problem}) => problem), onTensorflow?.problem ?? null,
  ].filter((p, i, all): p is Problem => p !== null && all.indexOf(p) === i);
  if (gpus.length > 0 && device >= gpus.length) {
    missing.push({
      code: 'NO_DEVICE', message: `RBN_DEVICE: expected 0 to ${gpus.length - 1}, received ${device}`,
      next: 'unset RBN_DEVICE   (nvidia-smi -L lists the GPUs)',
    });
  }
  for (const gpu of gpus) {
    if (!gpu.supported) {
      missing.push({
        code: 'UNSUPPORTED_GPU',
        message: `the engine (architectures ${engine.engine!.architectures}) holds no code for ${gpu.name}, ` +
            `compute capability ${gpu.computeCapability}`,
        next: `RBN_CUDA_ARCHITECTURES=native ${rebuildCommand('engine')}`,
      });
    }
  }
  return {
    version: packageVersion,
    addon: {
      path: addon.path,
      loaded: addon.addon !== null,
      isa: addon.addon?.currentIsa() ?? null,
      threads: addon.addon === null ? null : threads || addon.addon.defaultThreads(),
    },
    engine: {
      path: engine.path,
      kind,
      loaded: engine.engine !== null,
      architectures: engine.engine?.architectures ?? null,
      cudaRuntime: cudaVersion(engine.engine?.cudaRuntime ?? null),
    },
    driver: {path: DRIVER_PATH, version, cuda: cudaVersion(probe?.driver ?? null)},
    gpus,
    libraries,
    tensorflow: onTensorflow &&
        {path: onTensorflow.path, version: onTensorflow.version, way: onTensorflow.ops === null ? 'copy' : 'op'},
    missing,
  };
}

/** NVIDIA's libraries, opened on a GPU and let go again; with null their files are only looked at. */
function findLibraries(engine: Engine, gpu: number | null): {libraries: LibraryState[]; problem: Problem | null} {
  const seen = () => openLibraries(engine, (i, candidates) => engine.findLibrary(i, candidates));
  if (gpu === null) return {libraries: seen(), problem: null};
  try {
    const context = engine.createContext(gpu);
    try {
      return {libraries: openLibraries(engine, (i, candidates) => context.openLibrary(i, candidates)), problem: null};
    } finally {
      context.destroy();
    }
  } catch (e) {
    return {libraries: seen(), problem: toProblem(e, 'nvidia-smi   (what else runs on the GPU, and whether it works)')};
  }
}

/** '580.65.06', as the kernel module has it. */
function driverVersion(): string | null {
  try {
    return /Kernel Module.*?\s(\d+\.[\d.]+)/.exec(fs.readFileSync(DRIVER_PATH, 'utf8'))?.[1] ?? null;
  } catch {
    return null; // there is no such file without the driver
  }
}

/** 13000 → '13.0', as CUDA numbers its versions. */
function cudaVersion(n: number | null): string | null {
  return n ? `${Math.floor(n / 1000)}.${(n % 1000) / 10}` : null;
}
