// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the benchmark of kernels measured on a GPU.
import type {Target} from '../target';
import type {Layer, Times} from './contestants';
import type {HostTime} from './host_time';

/** As the case runner's `device` answers. */
export interface Gpu {
  engine: 'cuda' | 'simulator';
  version: string; // of the package
  name: string;
  computeCapability: string;
  multiprocessors: number;
  memoryBytes: number;
  l2Bytes: number;
  cudaRuntime: string; // that the engine was compiled with
  cudaDriver: string; // that the driver serves
}

export interface Torch { torch: string; cuda: string | null; cudnn: number | null; name: string }

export interface GpuRow {
  layer: Layer;
  sets: number; // of tensors, used in turn
  times: Times;
  leftOut: Record<string, string>; // peers, and why
  timing: Record<string, string>; // of peers: 'graph' or 'kernels' (summed), and the name of autograd's last step
}

export interface GpuBenchResult {
  date: string; // UTC
  node: string;
  gpu: Gpu;
  driver: string | null; // nvidia-smi's line
  torch: Torch | null;
  noTorch: string | null; // why
  hostTime: HostTime;
  rows: GpuRow[];
  failures: string[]; // layers that are not in the rows, and why
  targets: Target[];
}
