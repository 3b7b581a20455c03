// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a training was asked for and what came out, and whether that is what the package promises.
import type {Backend} from './backend';
import {Norm} from './network';
import {RunResult} from './run';

export interface TrainOptions {
  backend: Backend;
  data: string | null; // a folder of images; null for the digits
  images: {train: number; test: number};
  norms: readonly Norm[];
  epochs: number;
  seeds: number; // seeds 1 to this
  batchSize: number;
  learningRate: number;
  width: number;
  jobs: number; // processes at a time
  out: string; // a folder that is there
}

export const DEFAULTS = {data: null, epochs: 4, seeds: 3, batchSize: 32, learningRate: 0.1, width: 8} as const;

// The promise: mean test accuracy for each normalization, and wall time from the start of the process on 2 cores or a GPU.
const LEAST_ACCURACY = 0.95;
const MOST_SECONDS = 180;
const CORES_OF_PROMISE = 2;

/** Results of one normalization over all seeds. */
export interface Summary {
  norm: Norm;
  runs: RunResult[];
  accuracy: number; // mean over seeds, after the last epoch
  spread: number | null; // sample standard deviation over seeds; null for one seed
  parameters: number;
  stepMilliseconds: number; // median over seeds
  normShare: number; // of a step, 0 to 1
}

export interface TrainResult {
  options: TrainOptions;
  summaries: Summary[];
  seconds: number;
  /** What the promise says about this run: figures missed, or why they were not asked for. */
  missed: string[];
  notAsked: string[];
  report: string; // path
}

export function judge(options: TrainOptions, summaries: Summary[], seconds: number): {missed: string[]; notAsked: string[]} {
  const changed = (Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]).filter(key => options[key] !== DEFAULTS[key]);
  if (changed.length > 0) {
    return {missed: [], notAsked: [`accuracy of ${LEAST_ACCURACY} and ${MOST_SECONDS} s are asked of the default size only (changed: ${changed.join(', ')})`]};
  }
  const missed = summaries.filter(s => s.accuracy < LEAST_ACCURACY).map(
      s => `mean test accuracy of ${s.norm}: expected at least ${LEAST_ACCURACY}, reached ${s.accuracy.toFixed(4)}`);
  const {backend, jobs} = options;
  if (backend.name === 'cuda' && backend.engine === 'simulator') {
    return {missed, notAsked: [`${MOST_SECONDS} s are asked of a GPU, and the simulator is none`]};
  }
  if (backend.name !== 'cuda' && jobs < CORES_OF_PROMISE) {
    return {missed, notAsked: [`${MOST_SECONDS} s are asked of ${CORES_OF_PROMISE} processes or more`]};
  }
  if (seconds > MOST_SECONDS) missed.push(`time: expected at most ${MOST_SECONDS} s, took ${seconds.toFixed(0)} s`);
  return {missed, notAsked: []};
}
