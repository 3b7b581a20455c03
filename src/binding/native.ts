// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The one typed interface to the native addon: what native/addon exports, by argument. Nothing else in
// src names a function of the addon.

/** x is [N, S, C] or [N, C, S]; as RbnLayout in native/rbn/problem.h. */
export const enum Layout {
  ChannelsLast = 0,
  ChannelsFirst = 1,
}

/** As RbnActivation in native/rbn/problem.h. */
export const enum Activation {
  Linear = 0,
  Relu = 1,
}

/** As RbnPlan in native/cuda/engine.h. */
export const enum Plan {
  Auto = 0,
  TwoPass = 1,
  Single = 2,
  FrozenOnce = 3,
}

/** What is copied to and from the engine. */
export type HostArray = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** Device memory, by its address; lives until `release` or until its context is destroyed. */
export type DeviceAddress = number;

/**
 * Arguments that forward calls share, in the order of RbnProblem and RbnForward. `T` is Float32Array for
 * the CPU and DeviceAddress for the engine; null leaves an optional array out. `P` are
 * the calibration's three, which the engine takes as null, all or none: plain batch normalization.
 */
export type ForwardArguments<T, B, P = T> = [
  instances: number, positions: number, channels: number,
  layout: Layout, training: boolean, activation: Activation, epsilon: number,
  x: T, residual: T | null, gamma: T | null, beta: T | null,
  centerWeight: P, scaleWeight: P, scaleBias: P,
  givenMean: T | null, givenVariance: T | null,
  y: T, mean: T | null, variance: T | null, state: T | null, mask: B | null,
];

/** Arguments of backward calls, in the order of RbnProblem and RbnBackward. */
export type BackwardArguments<T, B, P = T> = [
  instances: number, positions: number, channels: number,
  layout: Layout, training: boolean, activation: Activation, epsilon: number,
  dy: T, x: T, gamma: T | null, beta: T | null,
  centerWeight: P, scaleWeight: P, scaleBias: P,
  mean: T | null, variance: T, state: T, mask: B | null,
  dx: T, dresidual: T | null, dgamma: T | null, dbeta: T | null,
  dcenterWeight: P, dscaleWeight: P, dscaleBias: P,
];

type EngineForward = ForwardArguments<DeviceAddress, DeviceAddress, DeviceAddress | null>;
type EngineBackward = BackwardArguments<DeviceAddress, DeviceAddress, DeviceAddress | null>;

export interface EngineDevice {
  name: string;
  computeCapability: string; // '9.0'
  multiprocessors: number;
  supported: boolean;
  totalMemory: number; // bytes
  freeMemory: number; // bytes
}

/** How products are made, as RbnProducts in native/cuda/engine.h. */
export const enum Products {
  Exact = 0,
  Tf32 = 1,
  Plain = 2,
}

/** What came of opening a library, as RbnLibraryInfo in native/cuda/engine.h. */
export interface EngineLibrary {
  inUse: boolean;
  version: string;
  path: string;
  problem: string;
}

/** Bytes of device memory, as RbnMemory in native/cuda/engine.h. */
export interface EngineMemory {
  used: number;
  peak: number;
  reserved: number;
  limit: number; // 0: none
  allocations: number;
}

/**
 * One device, one stream; from `openEngine(path).createContext(device)`. A failed call throws an Error that
 * carries a code, or TypeError and RangeError for arguments.
 */
export interface EngineContext {
  allocate(bytes: number): DeviceAddress;
  release(address: DeviceAddress): void;
  memory(): EngineMemory;
  /** 0 takes the limit away. */
  setMemoryLimit(bytes: number): void;
  /** For tests: the k-th allocation from now fails once; 0: none. */
  failAllocation(k: number): void;
  /** Calls wait for their kernels, so that an error names the call that caused it. */
  setSynchronous(on: boolean): void;
  upload(to: DeviceAddress, from: HostArray): void;
  /** Waits for the device. */
  download(to: HostArray, from: DeviceAddress): void;
  /** Another thread waits. `from` may be released at once; `to` must not be detached meanwhile. */
  downloadAsync(to: HostArray, from: DeviceAddress): Promise<void>;
  synchronize(): void;
  /** The returned function stops the timer; what that returns waits, and gives the milliseconds on the device between. */
  startTimer(): () => () => number;
  /** Opens the first of the candidates that will do, of a library by its number (RbnLibrary). */
  openLibrary(library: number, candidates: string[]): EngineLibrary;
  setProducts(products: Products): void;
  /** One call of an operation, encoded as command.ts does it. */
  run(command: Float64Array): void;
  forward(plan: Plan, ...args: EngineForward): void;
  backward(plan: Plan, ...args: EngineBackward): void;
  planFits(plan: Plan, instances: number, positions: number, channels: number, layout: Layout,
           training: boolean, backward: boolean): boolean;
  destroy(): void;
}

export interface Engine {
  readonly kind: 'cuda' | 'simulator';
  readonly version: string;
  readonly architectures: string;
  readonly cudaRuntime: number;
  /** What `run` knows, by index; takesHost: one-element tensors may stay on the host. */
  readonly operations: readonly {name: string; takesHost: boolean}[];
  /** By number: the file that the system's loader knows, and the headers' folder; null: compiled without. */
  readonly libraries: readonly {file: string | null; headers: string | null}[];
  /** As a context's openLibrary, only to look. */
  findLibrary(library: number, candidates: string[]): EngineLibrary;
  driverVersion(): number;
  devices(): EngineDevice[];
  createContext(device: number): EngineContext;
}

export type Isa = 'baseline' | 'avx2' | 'avx512';

/** As Flags in native/tensorflow/ops.h. */
export const enum TensorflowFlag {
  Training = 1,
  Relu = 2,
  ChannelsFirst = 4,
  Gamma = 8,
  Beta = 16,
  Residual = 32,
  State = 64,
  Mask = 128,
}

/** What registering RBN's ops with a loaded TensorFlow came to. */
export interface TensorflowRegistration {
  /** '' where the ops are there; otherwise why not. */
  problem: string;
  /** The first function that the library lacks; '' where that is not the problem. */
  missing: string;
  /** Why there are no kernels for a GPU where they were asked for; '' where they are or were not. */
  gpuProblem: string;
  forwardOp: string;
  backwardOp: string;
  milliseconds: number; // that it took in the call that did it
}

/** What the ops' kernels last saw in this process; addresses are for comparing. */
export interface TensorflowTrace {
  forwardCalls: number;
  backwardCalls: number;
  x: bigint;
  state: bigint;
  result: bigint; // y or dx
}

export interface NativeAddon {
  readonly version: string;
  /** RBN on typed arrays, without a copy, on `threads` threads (0: the default). Synchronous. */
  cpuForward(threads: number, ...args: ForwardArguments<Float32Array, Uint8Array>): void;
  cpuBackward(threads: number, ...args: BackwardArguments<Float32Array, Uint8Array>): void;
  defaultThreads(): number;
  bestIsa(): Isa;
  currentIsa(): Isa;
  setIsa(isa: Isa): boolean;
  /** Opens the engine's shared library; throws where it can not be opened or has another ABI version. */
  openEngine(path: string): Engine;
  /**
   * Registers RBN's ops with the TensorFlow that the loaded library `binding` stands on; once a process. With the path
   * of the CUDA engine, kernels for a GPU too; '' for none.
   */
  registerTensorflow(binding: string, engine: string): TensorflowRegistration;
  tensorflowTrace(): TensorflowTrace;
}
