// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run test:conformance`: does a backend do what tfjs-core's own specs, which it ships, ask of one? Without
// options, `cuda` on the simulated device is asked.
//
//   node scripts/conformance.mjs [--backend NAME] [--load MODULE]… [--engine cuda|simulator] [--files REGEX]
//                                [--filter REGEX] [--jobs N] [--report FILE.json]
//
// --load: a module that registers the backend; by default tfjs-rbn/cuda for cuda, @tensorflow/tfjs-backend-NAME for others.
// --engine: sets RBN_ENGINE; --files: of spec files, --filter: of specs' full names. --report: writes every result.
// test/conformance/exclusions.json names the specs that can not run, with the reason; one that names none is an error.
// RBN_STRICT=1 makes failures of all specs that need a kernel which `cuda` has not.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {runJob} from '../test/conformance/job.mjs';
import {compileModules, coreModules} from '../test/conformance/modules.mjs';
import {root, say} from './tools.mjs';

const {values: options} = parseArgs({
  options: {
    backend: {type: 'string', default: 'cuda'},
    load: {type: 'string', multiple: true},
    engine: {type: 'string', default: process.env.RBN_ENGINE || 'simulator'},
    files: {type: 'string', default: ''},
    filter: {type: 'string', default: ''},
    jobs: {type: 'string', default: String(os.availableParallelism())},
    report: {type: 'string'},
  },
});
const {backend, engine, filter} = options;
const load = options.load ?? [backend === 'cuda' ? 'tfjs-rbn/cuda' : `@tensorflow/tfjs-backend-${backend}`];
const jobCount = Number(options.jobs);
if (!Number.isInteger(jobCount) || jobCount < 1) fail(`--jobs: expected a whole number from 1, received '${options.jobs}'`);
const exclusions = JSON.parse(fs.readFileSync(path.join(root, 'test/conformance/exclusions.json'), 'utf8'));

compileModules();
const files = fs.readdirSync(coreModules, {recursive: true, encoding: 'utf8'})
    .filter(file => file.endsWith('_test.js') && new RegExp(options.files).test(file)).sort();
if (files.length === 0) fail(`--files: no file of specs matches ${options.files}`);

const started = Date.now();
const jobs = await runJobs(Math.min(jobCount, files.length)).catch(error => fail(error.message));
const specs = jobs.flatMap(job => job.specs);
const problems = jobs.flatMap(job => job.problems);
const seconds = (Date.now() - started) / 1000;
if (specs.length === 0) fail(`--filter: no spec matches ${filter}`);

const withStatus = status => specs.filter(spec => spec.status === status);
const failures = [...withStatus('failed'), ...problems];
const excluded = exclusions.map(({reason}, i) => ({reason, specs: specs.filter(({exclusion}) => exclusion === i).length}));
const idle = options.files === '' && filter === '' ? exclusions.filter((_, i) => excluded[i].specs === 0) : [];
const lost = specs.filter(({status, exclusion}) => status === undefined && exclusion < 0);

for (const {file, name, messages} of failures) {
  console.log(`FAILED ${file}: ${name}\n    ${messages.join('\n').split('\n').slice(0, 4).join('\n    ')}`);
}
if (failures.length > 0) console.log(`\nfailures by file\n${counted(failures)}\n`);
for (const {reason, specs: count} of excluded) if (count > 0) console.log(`${String(count).padStart(5)} excluded: ${reason}`);
for (const {reason, ...which} of idle) console.log(`FAILED exclusions.json: ${JSON.stringify(which)} names no spec; take it out`);
for (const {file, name} of lost) console.log(`FAILED ${file}: ${name}: was not run`);
console.log(`backend '${backend}'${backend === 'cuda' ? `, engine '${engine}'` : ''}, Node ${process.version}: ` +
    `${specs.length} specs of ${files.length} files, ${seconds.toFixed(1)} s`);
const [passed, failed, skipped] =
    [withStatus('passed').length, failures.length + idle.length + lost.length, withStatus('pending').length];
if (options.report !== undefined) {
  fs.writeFileSync(options.report,
      JSON.stringify({backend, engine, node: process.version, seconds, passed, failed, skipped, excluded, problems, specs}, null, 1));
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** Ends the run without a result: exit code 2. */
function fail(message) {
  say(message);
  process.exit(2);
}

/** All files, dealt out to `count` workers side by side. */
async function runJobs(count) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-conformance-'));
  const left = new Map();
  try {
    return await Promise.all(Array.from({length: count}, (_, i) => {
      const folder = path.join(scratch, String(i));
      fs.mkdirSync(folder);
      const mine = files.filter((_, at) => at % count === i);
      return runJob(mine, {backend, load, filter, exclusions}, {...process.env, RBN_ENGINE: engine}, folder, job => {
        left.set(i, job);
        bar([...left.values()].flatMap(({specs}) => specs), left.size < count);
      });
    }));
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    fs.rmSync(scratch, {recursive: true});
  }
}

/** Redraws the progress on a terminal; `loading` while not all specs are known. */
function bar(specs, loading) {
  if (!process.stderr.isTTY || loading || specs.length === 0) return;
  const width = 30;
  const runnable = specs.filter(({exclusion}) => exclusion < 0);
  const done = runnable.filter(({status}) => status !== undefined).length;
  const filled = Math.round(width * done / runnable.length);
  const failed = runnable.filter(({status}) => status === 'failed').length;
  process.stderr.write(`\r\x1b[K[${'█'.repeat(filled)}${'░'.repeat(width - filled)}] ${done} of ${runnable.length} specs, ${failed} failed`);
}

/** Lines of how many there are a file, most first. */
function counted(items) {
  const counts = new Map();
  for (const {file} of items) counts.set(file, (counts.get(file) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([file, count]) => `${String(count).padStart(5)} ${file}`).join('\n');
}
