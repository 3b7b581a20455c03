// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a benchmark is run on: machine, backend, GPU.
import {availableParallelism, loadavg} from 'node:os';
import {devices, latestTensorflowOps, nativeAddon, settings} from '../binding';
import type {Backend} from '../train/backend';
import {Machine, machine} from '../train/machine';

export interface Tensorflow {
  version: string | null;
  way: 'op' | 'copy'; // how RBN ran
  registration: number | null; // milliseconds that registering the ops took, once
}

export interface Gpu {
  engine: 'cuda' | 'simulator';
  name: string;
  computeCapability: string;
  cuda: string | null; // that the driver serves
}

export interface Surroundings {
  date: string; // UTC
  machine: Machine;
  load: number; // runnable processes, averaged over the minute before
  threads: number;
  isa: string | null; // null without the native addon
  backend: Backend['name'];
  gpu: Gpu | null; // on the backend cuda
}

export function surroundings({name: backend}: Backend): Surroundings {
  const {addon, engine, driver, gpus} = devices();
  const {name, computeCapability} = gpus[settings().device] ?? {};
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '), machine: machine(), load: loadavg()[0],
    threads: addon.threads ?? availableParallelism(), isa: nativeAddon()?.currentIsa() ?? null, backend,
    gpu: backend === 'cuda' ? {engine: engine.kind, name, computeCapability, cuda: driver.cuda} : null,
  };
}

/** TensorFlow once RBN has run on its backend; null on others. */
export function tensorflowState(): Tensorflow | null {
  const ops = latestTensorflowOps();
  return ops && {version: ops.version, way: ops.ops === null ? 'copy' : 'op', registration: ops.milliseconds};
}
