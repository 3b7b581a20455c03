// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn train`: the main job on real data.
import {availableParallelism} from 'node:os';
import {basename, join, resolve} from 'node:path';
import {devices} from '../binding';
import type {Backend} from '../train/backend';
import {loadData} from '../train/data';
import {machineLine} from '../train/machine';
import {Norm, NORMS} from '../train/network';
import {ProgressView} from '../train/progress';
import {runConfigs, train} from '../train/train';
import {DEFAULTS, Summary, TrainOptions} from '../train/verdict';
import {chooseBackend} from './backend';
import {choiceOption, makeFolder, numberOption, parseOptions, UsageError, Values} from './options';

const HELP = `Usage: tfjs-rbn train [OPTIONS]

Trains a small residual network on 1,437 handwritten digits (8 by 8 pixels) and tests it on 360 others: with
Representative Batch Normalization and with tf.layers.batchNormalization, same seeds, same batches. Writes the
models and a report, report.html, with curves. Exits with 1 where, at the default size, a mean test accuracy stays under
0.95 or the command takes more than 3 minutes.

  --data DIR        other grey images: a folder with the four files of MNIST, or of Fashion-MNIST, gzipped or not
  --epochs N        passes over the training images (default ${DEFAULTS.epochs})
  --seeds N         runs of each normalization, with seeds 1 to N (default ${DEFAULTS.seeds})
  --norm NAME       normalizations to train: rbn, bn (tf.layers.batchNormalization) or both (default both)
  --width N         channels of the network's first block (default ${DEFAULTS.width})
  --batch-size N    images a step (default ${DEFAULTS.batchSize})
  --lr X            learning rate at the start (default ${DEFAULTS.learningRate}); falls to 0 along half a cosine
  --jobs N          runs at a time, each in a process of its own (default: one a core; one on a GPU, which
                    parallel runs would share, and disturb each other's times)
  --backend NAME    tfjs backend: cuda, which is a GPU; tensorflow, which is tfjs-node; or cpu (default: cuda where
                    there is a GPU, else tensorflow where tfjs-node is installed, else cpu)
  --out DIR         where models and report go (default ${join('runs', 'digits')}, or runs and the data's name)
  --help            this text

A quick try: tfjs-rbn train --epochs 1 --seeds 1
`;

const SPECS = {
  data: {type: 'string'}, epochs: {type: 'string'}, seeds: {type: 'string'}, norm: {type: 'string'}, width: {type: 'string'}, 'batch-size': {type: 'string'},
  lr: {type: 'string'}, jobs: {type: 'string'}, backend: {type: 'string'}, out: {type: 'string'}, help: {type: 'boolean', short: 'h'},
} as const;

const MOST_JOBS = 1024, MOST_SEEDS = 1000, MOST_EPOCHS = 10000, MOST_WIDTH = 1024;

/** The data is read again by each run, in a process of its own; here for what it holds, and to tell at once of what is wrong. */
function dataFrom(values: Values): Pick<TrainOptions, 'data' | 'images'> {
  const data = values.data === undefined ? null : resolve(String(values.data));
  try {
    const {train, test} = loadData(data);
    return {data, images: {train: train.count, test: test.count}};
  } catch (error) {
    throw data === null ? error : new UsageError(`--data: ${(error as Error).message}`);
  }
}

function optionsFrom(values: Values): (backend: Backend) => TrainOptions {
  const {data, images} = dataFrom(values);
  const norm = choiceOption(values, 'norm', [...NORMS, 'both'] as const, 'both');
  const whole = (name: string, byDefault: number, most: number) => numberOption(values, name, byDefault, {least: 1, most, whole: true});
  const jobs = values.jobs === undefined ? null : whole('jobs', 1, MOST_JOBS);
  const options = {
    data, images,
    norms: norm === 'both' ? NORMS : [norm as Norm],
    epochs: whole('epochs', DEFAULTS.epochs, MOST_EPOCHS),
    seeds: whole('seeds', DEFAULTS.seeds, MOST_SEEDS),
    batchSize: numberOption(values, 'batch-size', DEFAULTS.batchSize, {least: 2, most: images.train, whole: true}),
    learningRate: numberOption(values, 'lr', DEFAULTS.learningRate, {least: 1e-6, most: 100, whole: false}),
    width: whole('width', DEFAULTS.width, MOST_WIDTH),
    out: resolve(String(values.out ?? join('runs', data === null ? 'digits' : basename(data)))),
  };
  return backend => ({...options, backend, jobs: jobs ?? (backend.name === 'cuda' ? 1 : availableParallelism())});
}

export async function run(args: string[]): Promise<number> {
  const values = parseOptions(args, SPECS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const optionsOn = optionsFrom(values);
  const {backend, description, warnings} = chooseBackend(values);
  const options = optionsOn(backend);
  makeFolder(options.out);
  const configs = runConfigs(options);
  const command = ['tfjs-rbn train', ...args].join(' ');
  process.stdout.write(`${configs.length} runs, ${Math.min(options.jobs, configs.length)} at a time: ${options.norms.join(' and ')}, ` +
      `${options.seeds} ${options.seeds === 1 ? 'seed' : 'seeds'}, ${options.epochs} ${options.epochs === 1 ? 'epoch' : 'epochs'}\n${options.data === null ? '' : `data ${options.data}: ${options.images.train} images for training, ${options.images.test} for testing\n`}backend ${description}\n${machineLine()}\n\n`);
  for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n\n`);
  const withoutAddon = devices().missing.find(({code}) => code === 'NO_BINARY');
  if (withoutAddon) process.stderr.write(`Warning: ${withoutAddon.message} RBN runs in plain TypeScript.\nNext: ${withoutAddon.next}\n\n`);
  const view = new ProgressView(configs, process.stdout);
  const result = await train(options, configs, command, (config, progress) => view.update(config, progress)).finally(() => view.end());
  process.stdout.write(`\n${table(result.summaries)}\n`);
  process.stdout.write(`Saved and loaded again, with the same test accuracy: ${configs.length} of ${configs.length} models in ${join(options.out, 'models')}\n`);
  process.stdout.write(`Report: ${result.report}\n`);
  process.stdout.write(`Time: ${result.seconds.toFixed(1)} s\n`);
  for (const note of result.notAsked) process.stdout.write(`Note: ${note}\n`);
  for (const miss of result.missed) process.stderr.write(`Missed: ${miss}\n`);
  return result.missed.length === 0 ? 0 : 1;
}

function table(summaries: Summary[]): string {
  const head = ['', 'test accuracy', 'parameters', 'ms a step', 'in normalization'];
  const rows = summaries.map(s => [
    s.norm,
    s.accuracy.toFixed(4) + (s.spread === null ? '' : ` ± ${s.spread.toFixed(4)}`),
    String(s.parameters),
    s.stepMilliseconds.toFixed(1),
    `${(100 * s.normShare).toFixed(0)} %`,
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i].length)));
  return [head, ...rows].map(r => r.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join('   ')).join('\n') + '\n';
}
