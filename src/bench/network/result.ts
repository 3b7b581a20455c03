// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the benchmark of networks measured.
import type {Norm} from '../../train/network';
import type {Measurement} from '../measure';
import type {Surroundings, Tensorflow} from '../surroundings';
import type {Target} from '../target';
import type {Case, NetworkContestantName} from './contestants';
import type {NetworkSize} from './networks';
import type {KernelTime} from './profile';

export interface NetworkTimes {
  each: Measurement;
  row: Measurement | null; // calls in a row
}

export interface CaseResult extends Case {
  sizes: Record<Norm, NetworkSize>;
  times: Partial<Record<NetworkContestantName, NetworkTimes>>;
  /** Of a call in tfjs: the part of its time until JavaScript had nothing left to do but wait. */
  scriptShares: Partial<Record<Norm, number>>;
  /** Of a call in tfjs. */
  kernels: Partial<Record<Norm, KernelTime[]>>;
  /** Who takes no part, and why. */
  failures: string[];
}

export interface NetworkBenchResult extends Surroundings {
  torch: {version: string; device: string} | null;
  /** Why PyTorch takes no part. */
  withoutTorch: string | null;
  tensorflow: Tensorflow | null;
  libraries: {name: string; state: string; version: string | null}[]; // on the backend cuda
  fallbacks: string[]; // kernels that the backend cuda did not run on the device
  cases: CaseResult[];
  targets: Target[];
}
