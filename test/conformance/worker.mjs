// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One process of the conformance run: loads a backend and spec files, runs the specs, and appends a line of JSON
// an event to a journal. The writes are synchronous: whatever ends this process, the journal is whole.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';

import {root} from '../../scripts/tools.mjs';
import {coreModules, installLoader} from './modules.mjs';

const require = createRequire(path.join(root, 'package.json')); // so that this package finds itself by its name
const {backend, load, files, filter, exclusions, settled, timeout, journal} = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));

const out = fs.openSync(journal, 'a');
const log = event => fs.writeSync(out, `${JSON.stringify(event)}\n`);

const jasmine = createRequire(require.resolve('jasmine'))('jasmine-core').boot();
jasmine.DEFAULT_TIMEOUT_INTERVAL = timeout;
const env = jasmine.getEnv();
env.configure({random: false, forbidDuplicateNames: false}); // tfjs-core has specs of one name

installLoader();
const core = file => require(path.join(coreModules, file));
const tf = core('index.js');
for (const name of load) require(name);
core('public/chained_ops/register_all_chained_ops.js');
core('register_all_gradients.js');
const engine = tf.engine();
const setBackend = engine.setBackend.bind(engine);
engine.setBackend = async name => { // the specs do not look at the result, and would go on with another backend
  const started = await setBackend(name);
  if (!started && name === backend) throw new Error(`the backend '${backend}' does not start`);
  return started;
};
await engine.setBackend(backend);

const {setTestEnvs, BROWSER_ENVS} = core('jasmine_util.js');
Error.stackTraceLimit = 20; // jasmine_util.js removes the limit, and then each error that a spec expects is slow
setTestEnvs([{name: backend, backendName: backend, isDataSync: true}]);
// Most suites `for browsers` need none; exclusions.json names the specs that do.
BROWSER_ENVS.predicate = () => true;

const selected = new RegExp(filter);
const excluding = exclusions.map(({file, name, match}) => spec => (file === undefined || file === spec.file) &&
    (name === undefined || name === spec.name) && (match === undefined || new RegExp(match).test(spec.name)));
/** A name without that of the test environment, which jasmine_util.js puts after its suites'. */
const plainName = name => name.replaceAll(` ${backend} {}`, '');
/** Ids of jasmine to positions in `specs`; these are the same in each process that loads the same files. */
const positions = new Map();
const specs = [];
const fileOfSuite = new Map();
function discover(node, file) {
  if (node.children !== undefined) {
    fileOfSuite.set(node.id, file);
    for (const child of node.children) discover(child, file);
    return;
  }
  const spec = {file, name: plainName(node.getFullName())};
  if (!selected.test(spec.name)) return;
  positions.set(node.id, specs.length);
  specs.push({...spec, exclusion: excluding.findIndex(excludes => excludes(spec))});
}
for (const file of files) {
  const {length} = env.topSuite().children;
  core(file);
  for (const node of env.topSuite().children.slice(length)) discover(node, file);
}
log({specs});

const done = new Set(settled);
env.configure({
  specFilter({id}) {
    const position = positions.get(id);
    return position !== undefined && specs[position].exclusion < 0 && !done.has(position);
  },
});
const messagesOf = ({failedExpectations}) => failedExpectations.map(({message, stack}) => `${message}\n${stack}`);
env.addReporter({
  specStarted({id}) {
    if (positions.has(id)) log({started: positions.get(id)});
  },
  specDone(result) {
    if (result.status === 'excluded') return;
    const messages = result.status === 'pending' ? [result.pendingReason] : messagesOf(result);
    log({done: positions.get(result.id), status: result.status, ms: result.duration ?? 0, messages});
  },
  suiteDone(result) { // what beforeAll and afterAll threw
    if (result.failedExpectations.length === 0) return;
    log({problem: {file: fileOfSuite.get(result.id), name: plainName(result.fullName), messages: messagesOf(result)}});
  },
  jasmineDone(result) { // what was thrown outside of any spec
    if (result.failedExpectations.length === 0) return;
    log({problem: {file: files.length === 1 ? files[0] : '(all files)', name: '(outside of specs)', messages: messagesOf(result)}});
  },
});
await env.execute();
log({finished: true});
process.exit(0); // a backend may hold handles that keep the process alive
