// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Runs spec files in one worker process at a time. Where a worker crashes or falls silent, the spec it was at has
// failed, and a new worker goes on with those that are left.
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {root} from '../../scripts/tools.mjs';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
const TIMEOUT = 60_000; // ms a spec; the simulator takes seconds for the largest
const SILENCE = 2 * TIMEOUT; // ms without an event: something blocks the process, so that jasmine can not end the spec
const POLL = 100; // ms between looks into the journal

/**
 * Runs `files` as `call` says ({backend, load, filter, exclusions}), with journals in `folder`.
 *
 * Resolves to {specs: [{file, name, exclusion, status?, ms?, messages?}], problems: [{file, name, messages}]}.
 * `onProgress` is called with that object as it grows.
 */
export async function runJob(files, call, environment, folder, onProgress) {
  const job = {specs: [], problems: []};
  for (let attempt = 0; ; attempt++) {
    const settled = job.specs.flatMap(({status}, position) => status === undefined ? [] : [position]);
    const journal = path.join(folder, `${attempt}.jsonl`), config = path.join(folder, `${attempt}.json`);
    fs.writeFileSync(journal, '');
    fs.writeFileSync(config, JSON.stringify({...call, files, settled, timeout: TIMEOUT, journal}));
    const state = await runWorker(config, journal, environment, job, onProgress);
    if (state.finished) return job;
    if (state.running === null) throw new Error(`a worker ended outside of any spec: ${state.end}`);
    Object.assign(job.specs[state.running], {status: 'failed', ms: 0, messages: [`${state.end}, during this spec`]});
  }
}

/** One worker; resolves to {finished, running: the position of the spec it was at or null, end: how it ended}. */
function runWorker(config, journal, environment, job, onProgress) {
  const state = {finished: false, running: null, end: ''};
  const file = fs.openSync(journal, 'r');
  let rest = '', heard = Date.now();
  const read = () => {
    const text = fs.readFileSync(file, 'utf8'); // goes on where the last read ended
    if (text === '') return;
    heard = Date.now();
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) take(JSON.parse(line), job, state);
    onProgress(job);
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WORKER, config], {cwd: root, env: environment, stdio: ['ignore', 'ignore', 'pipe']});
    let errors = '', silent = false;
    child.stderr.on('data', chunk => { errors = (errors + chunk).slice(-2000); });
    const timer = setInterval(() => {
      read();
      silent = Date.now() - heard > SILENCE;
      if (silent) kill();
    }, POLL);
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill); // where another job could not even start
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('exit', kill);
      clearInterval(timer);
      read();
      fs.closeSync(file);
      state.end = (silent ? `silent for ${SILENCE / 1000} s` : signal ?? `exit code ${code}`) + `\n${errors}`.trimEnd();
      resolve(state);
    });
  });
}

function take({specs, started, done, status, ms, messages, problem, finished}, job, state) {
  if (specs !== undefined && job.specs.length === 0) job.specs = specs;
  if (started !== undefined) state.running = started;
  if (done !== undefined) {
    Object.assign(job.specs[done], {status, ms, messages});
    state.running = null;
  }
  if (problem !== undefined) job.problems.push(problem);
  if (finished) state.finished = true;
}
