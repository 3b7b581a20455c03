// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The machine in words, for reports.
import {availableParallelism, cpus, totalmem} from 'node:os';
import {version_core} from '@tensorflow/tfjs-core';

export interface Machine { cpu: string; cores: number; memoryGiB: number; system: string; node: string; tfjs: string }

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    tfjs: version_core,
  };
}

export function machineLine(m: Machine = machine()): string {
  return `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.system}, Node ${m.node}, TensorFlow.js ${m.tfjs}`;
}
