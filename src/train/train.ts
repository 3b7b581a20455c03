// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The main job: trains the network with each normalization and seed, and writes the report.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Norm} from './network';
import {runAll} from './pool';
import {reportPage} from './report';
import {Progress, RunConfig, RunResult} from './run';
import {mean, median, standardDeviation} from './statistics';
import {judge, Summary, TrainOptions, TrainResult} from './verdict';

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
