// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A child process of `train`: receives one RunConfig, sends Progress messages, then the RunResult.
import * as tf from '@tensorflow/tfjs-core';
import '../index';
import {startBackend} from './backend';
import {replaceConv2DBackpropFilter} from './conv2d_backprop_filter';
import {RunConfig, RunResult, Progress, trainRun} from './run';

export type WorkerMessage = {progress: Progress} | {result: RunResult} | {error: string};

// A bar needs no more than a few updates a second.
const REPORT_INTERVAL = 100; // milliseconds

function send(message: WorkerMessage): Promise<void> {
  return new Promise((resolve, reject) => process.send!(message, (error: Error | null) => error ? reject(error) : resolve()));
}

async function main(config: RunConfig): Promise<void> {
  tf.enableProdMode(); // no advice to install another backend
  await startBackend(config.backend);
  // What this replaces is slow on `cpu` only.
  if (config.backend.name === 'cpu') replaceConv2DBackpropFilter();
  let reported = -Infinity;
  const result = await trainRun(config, progress => {
    if (progress.epoch === null && performance.now() - reported < REPORT_INTERVAL) return;
    reported = performance.now();
    void send({progress});
  });
  await send({result});
}

process.once('message', (config: RunConfig) => {
  main(config).catch((error: Error) => send({error: error.message})).then(() => process.disconnect());
});
// Without a parent there is nobody to train for.
process.once('disconnect', () => process.exit());
