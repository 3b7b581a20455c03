// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Runs training runs in child processes, several at a time: tfjs's `cpu` backend works in one thread.
import {fork} from 'node:child_process';
import {join} from 'node:path';
import {Progress, RunConfig, RunResult} from './run';
import type {WorkerMessage} from './worker';

const WORKER = join(__dirname, 'worker.js');

/** Results in the order of `configs`. The first run that fails ends the others and rejects. */
export async function runAll(configs: RunConfig[], jobs: number,
                             onProgress: (config: RunConfig, progress: Progress) => void): Promise<RunResult[]> {
  const results: RunResult[] = [];
  const abort = new AbortController();
  let next = 0;
  const slot = async () => {
    while (next < configs.length && !abort.signal.aborted) {
      const i = next++;
      results[i] = await runInChild(configs[i], abort.signal, p => onProgress(configs[i], p));
    }
  };
  try {
    await Promise.all(Array.from({length: Math.min(jobs, configs.length)}, slot));
  } catch (error) {
    abort.abort();
    throw error;
  }
  return results;
}

function runInChild(config: RunConfig, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const name = `training ${config.norm} with seed ${config.seed}`;
    const child = fork(WORKER, {silent: true, serialization: 'advanced', signal});
    let result: RunResult | null = null;
    let failure: string | null = null;
    let errors = '';
    child.stdout!.resume();
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { errors += text; });
    child.on('message', (message: WorkerMessage) => {
      if ('progress' in message) onProgress(message.progress);
      else if ('result' in message) result = message.result;
      else failure = message.error;
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      if (result !== null) resolve(result);
      else reject(new Error(`${name}: ${failure ?? `the process ended with ${killedBy ?? `code ${code}`}\n${errors}`}`));
    });
    child.send(config);
  });
}
