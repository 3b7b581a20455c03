// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The main job: trains the network with each normalization and seed, and says whether the figures that
// the package promises were reached.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import type {Backend} from './backend';
import {Norm} from './network';
import {runAll} from './pool';
import {reportPage} from './report';
import {Progress, RunConfig, RunResult} from './run';
import {mean, median, standardDeviation} from './statistics';

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

export function runConfigs(options: TrainOptions): RunConfig[] {
  const {backend, data, epochs, seeds, batchSize, learningRate, width, out} = options;
  // BatchNorm first: its runs take longest, and the short ones fill the end evenly.
  const norms = [...options.norms].sort();
  return norms.flatMap(norm => Array.from({length: seeds}, (_, i) => (
    {backend, data, norm, seed: i + 1, epochs, batchSize, learningRate, width, modelDirectory: join(out, 'models', `${norm}-seed${i + 1}`)})));
}

export async function train(options: TrainOptions, configs: RunConfig[], command: string,
                            onProgress: (config: RunConfig, progress: Progress) => void): Promise<TrainResult> {
  const results = await runAll(configs, options.jobs, onProgress);
  const summaries = options.norms.map(norm => summarize(norm, results.filter(r => r.norm === norm)));
  const seconds = performance.now() / 1000; // since the process started
  const report = join(options.out, 'report.html');
  const result = {options, summaries, seconds, report, ...judge(options, summaries, seconds)};
  writeFileSync(report, reportPage(result, command));
  writeFileSync(join(options.out, 'results.json'), JSON.stringify({command, seconds, options, summaries}, null, 1));
  return result;
}

function summarize(norm: Norm, runs: RunResult[]): Summary {
  const accuracies = runs.map(r => r.epochs[r.epochs.length - 1].testAccuracy);
  return {
    norm, runs,
    accuracy: mean(accuracies),
    spread: runs.length > 1 ? standardDeviation(accuracies) : null,
    parameters: runs[0].parameters,
    stepMilliseconds: median(runs.map(r => r.stepMilliseconds)),
    normShare: median(runs.map(r => r.normMilliseconds / r.stepMilliseconds)),
  };
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
