// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run test:mutation`: does the case table notice when the CUDA code is wrong? Every barrier, condition,
// bound and formula term of native/rbn and native/cuda/rbn is broken in turn and the case runner is asked.
// What it does not notice must be listed in test/native/mutation/survivors.json with the reason; a survivor
// that is not listed fails, and so does a listed one that is noticed.
//
//   node scripts/mutate.mjs [--sample N] [--seed S] [--filter REGEX] [--jobs 2] [--resume] [--quick] [--report] [--list]
//
// --sample: N mutants that are not known to survive, chosen by --seed. --filter: of 'file: kind: line'.
// --resume: takes over what earlier runs of the same kernels noticed and, with the same tests, what they did not:
// a run that was cut off goes on, and one after a new test asks for the survivors alone. --report: writes
// docs/mutation.md; with --resume it takes over only what ran with these very kernels and tests. --quick: what is
// listed as a survivor goes through the first stage alone.
// All mutants are compiled into one engine (test/native/mutation/mutant.h), which RBN_MUTANT tells what to
// break: once with AddressSanitizer and UBSan, once with ThreadSanitizer, once plain. All mutants go through the
// first stage, those that are left through the next. A run that takes more processor time than four times the
// whole engine's run is a hang and counts as noticed; how busy the machine is does not matter.
import {spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {findMutants, wrapMutants} from '../test/native/mutation/find_mutants.mjs';
import {buildWithCmake, root, say} from './tools.mjs';

const {values: options} = parseArgs({
  options: {
    sample: {type: 'string'},
    seed: {type: 'string', default: '1'},
    filter: {type: 'string'},
    jobs: {type: 'string', default: '2'},
    resume: {type: 'boolean', default: false},
    quick: {type: 'boolean', default: false},
    report: {type: 'boolean', default: false},
    list: {type: 'boolean', default: false},
  },
});

if (options.report && (options.filter || options.sample))
  throw new Error('--report: of all mutants, so without --filter and --sample');

const FOLDERS = ['native/rbn', 'native/cuda/rbn'];
const SURVIVORS = path.join(root, 'test/native/mutation/survivors.json');
const SCRATCH = path.join(root, 'out/mutation');

/** The builds: the folder of the case runner, and what they are configured with. */
const BUILDS = {
  plain: {runner: 'simulator', sanitize: ''},
  asan: {runner: 'asan', sanitize: 'address'},
  tsan: {runner: 'tsan', sanitize: 'thread'},
};

/** Runs of the case runner. The first notices nearly all; a lost barrier may need a certain schedule. */
const STAGES = [
  {name: 'ASan and UBSan, small cases', build: 'asan', args: ['--small'], barrierSeeds: '1,2,3'},
  {name: 'TSan, small cases', build: 'tsan', args: ['--small', '--no-abi']},
  {name: 'all cases', build: 'plain', args: ['--no-abi']},
];

function allMutants() {
  const mutants = [];
  for (const folder of FOLDERS) {
    for (const name of fs.readdirSync(path.join(root, folder)).sort()) {
      if (!/\.(cu|h|cc)$/.test(name)) continue;
      const file = `${folder}/${name}`;
      mutants.push(...findMutants(file, fs.readFileSync(path.join(root, file), 'utf8')));
    }
  }
  // A name that stays when lines move: what is broken how, in which line, and the how-manieth of its like.
  const seen = new Map();
  mutants.forEach((mutant, id) => {
    const base = `${mutant.file}: ${mutant.kind}: ${mutant.wrap} ${mutant.what}: ${mutant.text}`;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    Object.assign(mutant, {id, name: count === 1 ? base : `${base} #${count}`});
  });
  return mutants;
}

/** A file as the mutated engine has it: with its mutants wrapped in, and without the operations beside RBN. */
function mutated(file, text, mutants) {
  if (file !== 'native/sources.json') return mutants.length > 0 ? wrapMutants(text, mutants) : text;
  const sources = JSON.parse(text);
  sources.cuda = sources.cuda.filter((name) => !name.startsWith('native/cuda/ops/'));
  sources.cuda.push('test/native/mutation/no_operations.cc');
  return JSON.stringify(sources);
}

/** A copy of the sources with every mutant wrapped in; a file that is there already keeps its time. */
function writeSources(mutants) {
  const source = path.join(SCRATCH, 'source');
  const copy = (entry) => {
    const from = path.join(root, entry), to = path.join(source, entry);
    if (fs.statSync(from).isDirectory()) {
      fs.mkdirSync(to, {recursive: true});
      const names = fs.readdirSync(from);
      for (const name of fs.readdirSync(to)) {
        if (!names.includes(name)) fs.rmSync(path.join(to, name), {recursive: true});
      }
      for (const name of names) copy(`${entry}/${name}`);
      return;
    }
    const text = mutated(entry, fs.readFileSync(from, 'utf8'), mutants.filter((m) => m.file === entry));
    if (fs.existsSync(to) && fs.readFileSync(to, 'utf8') === text) return;
    fs.mkdirSync(path.dirname(to), {recursive: true});
    fs.writeFileSync(to, text);
  };
  for (const entry of ['native', 'test/native', 'test/cases.json', 'CMakeLists.txt', 'package.json']) copy(entry);
  return source;
}

/** What each run said, in a file that is kept for --resume. */
function openRecord(mutants) {
  const file = path.join(SCRATCH, 'record.jsonl');
  const hashOf = (files) => {
    const hash = createHash('sha256');
    for (const name of files) hash.update(fs.readFileSync(path.join(root, name)));
    return hash.digest('hex').slice(0, 12);
  };
  const filesOf = (folder, pattern) => fs.readdirSync(path.join(root, folder)).sort()
      .filter((name) => pattern.test(name)).map((name) => `${folder}/${name}`);
  const kernels = hashOf(new Set(mutants.map((m) => m.file)));
  // What asks, and what it asks through: the rest of the mutated engine and how both are built.
  const tests = hashOf([
    ...filesOf('test/native', /^(?:case_runner|reference).*\.(?:cc|h)$/), 'test/cases.json', 'CMakeLists.txt',
    ...filesOf('test/native/mutation', /\.(?:mjs|h|cc)$/), ...filesOf('native/simulator', /\.(?:cc|h)$/),
    ...filesOf('native/simulator/include', /^cuda.*\.h$/), ...filesOf('native/simulator/include/simulator', /\.h$/),
    ...filesOf('native/cuda', /\.(?:cc|h)$/), ...filesOf('native/cuda/runtime', /\.(?:cc|h)$/),
  ]);
  const noticed = new Map(), passed = new Set();
  let seconds = 0;
  if (options.resume && fs.existsSync(file)) {
    for (const line of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const entry = JSON.parse(line);
      if (entry.kernels !== kernels || (options.report && entry.tests !== tests)) continue;
      seconds += entry.seconds;
      if (entry.noticed) noticed.set(entry.name, entry.stage);
      else if (entry.tests === tests) passed.add(`${entry.stage}: ${entry.name}`);
    }
  }
  return {
    noticed,
    hasPassed: (mutant, stage) => passed.has(`${stage.name}: ${mutant.name}`),
    add: (mutant, stage, wasNoticed, tookSeconds) => {
      seconds += tookSeconds;
      const entry = {kernels, tests, name: mutant.name, stage: stage.name, noticed: wasNoticed, seconds: tookSeconds};
      fs.appendFileSync(file, `${JSON.stringify(entry)}\n`);
    },
    hours: () => seconds / 3600,
  };
}

function compile(what, file, args) {
  const {status, stdout, stderr} = spawnSync(file, args, {encoding: 'utf8', maxBuffer: 1 << 28});
  if (status === 0) return;
  const errors = `${stdout}\n${stderr}`.split('\n').filter((line) => /error|Error/.test(line));
  throw new Error(`${what} does not compile:\n${errors.slice(0, 20).join('\n')}`);
}

/** The case runner and all mutants of one build; built when the first stage asks for them. */
async function build(name, source) {
  const {runner, sanitize} = BUILDS[name];
  const definitions = {RBN_BUILD: 'simulator', ...(sanitize && {RBN_SANITIZE: sanitize})};
  const built = await buildWithCmake(`the case runner, ${name}`, runner, definitions, 'rbn_case_runner');
  if (!built) process.exit(1);
  say(`building all mutants, ${name}`);
  const folder = path.join(SCRATCH, name);
  // A loop that was made to run past an array must do so, whatever the compiler may take for granted.
  const flags = `-fno-aggressive-loop-optimizations -include ${path.join(source, 'test/native/mutation/mutant.h')}`;
  compile(name, 'cmake', ['-S', source, '-B', folder, ...Object.entries(definitions).map(([k, v]) => `-D${k}=${v}`),
    '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CXX_FLAGS_RELEASE=-O1', `-DCMAKE_CXX_FLAGS=${flags}`]);
  compile(name, 'cmake', ['--build', folder, '--target', 'rbn_engine_simulator', '--parallel', options.jobs]);
  // A copy: the build folder may be built in again while this runs.
  fs.rmSync(path.join(folder, 'rbn_case_runner'), {force: true}); // may still run
  fs.copyFileSync(path.join(root, 'out', runner, 'rbn_case_runner'), path.join(folder, 'rbn_case_runner'));
}

/** Cases that reach what a file holds, where that is not all of them; the tests of the ABI go with each. */
const REACHED = [
  [/once_first\.cu$/, 'axis 1.* frozen'],
  [/once_last\.cu$/, ' frozen'],
  [/_first\.cu$/, 'axis 1'],
  [/single\.cu$/, 'one position|pair|\\[[0-9]+,[0-9]+\\]'],
];

/** The state of a process, 'S' where it sleeps, and its processor time in clock ticks; null where it is gone. */
function lookAt(pid) {
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return {state: fields[0], ticks: Number(fields[11]) + Number(fields[12])};
  } catch {
    return null;
  }
}

/**
 * Runs one stage with one mutant, or without (null). The limit is of processor time. What sleeps for a minute without
 * using any is a deadlock, which no such limit ends.
 */
function run({build, args, barrierSeeds}, mutant, limitSeconds) {
  const cases = mutant && REACHED.find(([file]) => file.test(mutant.file))?.[1];
  const filter = cases ? ['--filter', `ABI|${cases}`] : [];
  const seeds = ['--seeds', mutant && mutant.kind !== 'barrier' ? '1' : barrierSeeds ?? '1'];
  const started = Date.now();
  return new Promise((resolve) => {
    const runner = path.join(SCRATCH, build, 'rbn_case_runner');
    const engine = path.join(SCRATCH, build, 'librbn_engine_simulator.so');
    const limited = ['-c', `ulimit -S -t ${limitSeconds}; exec "$0" "$@"`, runner];
    const child = spawn('bash', [...limited, '--engine', engine, '--fail-fast', ...args, ...seeds, ...filter], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        RBN_MUTANT: String(mutant?.id ?? -1),
        ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0',
        UBSAN_OPTIONS: 'halt_on_error=1',
        TSAN_OPTIONS: 'halt_on_error=1',
      },
    });
    let output = '';
    const keep = (chunk) => output = (output + chunk).slice(-4000);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let asleep = 0, ticks = 0;
    const timer = setInterval(() => {
      const now = lookAt(child.pid);
      asleep = now?.state === 'S' && now.ticks === ticks ? asleep + 1 : 0;
      ticks = now?.ticks ?? ticks;
      if (asleep === 60) child.kill('SIGXCPU');
    }, 1000);
    child.on('close', (status, signal) => {
      clearInterval(timer);
      resolve({
        passed: status === 0, hung: signal === 'SIGXCPU', output, seconds: (Date.now() - started) / 1000,
        processorSeconds: ticks / 100, // up to its last second
      });
    });
  });
}

function progress(stage, done, total, noticed) {
  const line = `${stage}: ${done}/${total} mutants, ${noticed} noticed`;
  if (process.stderr.isTTY) {
    const filled = Math.round(30 * done / total);
    process.stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] ${line}${done === total ? '\n' : ''}`);
  } else if (done === total || done % Math.ceil(total / 10) === 0) {
    say(line);
  }
}

/** In an order that depends on the seed alone. */
function shuffled(mutants, seed) {
  let state = Number(seed) >>> 0;
  const random = () => { // xorshift after a step that takes 0 away
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    let z = state;
    z ^= z << 13, z ^= z >>> 17, z ^= z << 5;
    return (z >>> 0) / 2 ** 32;
  };
  const rest = [...mutants], order = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return order;
}

/** The survivors that are known, by name; the file has them under their reasons. */
function readSurvivors() {
  const reasons = new Map();
  for (const {reason, mutants} of JSON.parse(fs.readFileSync(SURVIVORS, 'utf8'))) {
    for (const name of mutants) {
      if (reasons.has(name)) throw new Error(`survivors.json names a mutant twice: ${name}`);
      reasons.set(name, reason);
    }
  }
  return reasons;
}

function report(results, survivors, hours) {
  const missed = results.filter((r) => r.stage === null);
  const table = (head, keyOf) => [
    `| ${head} | mutants | noticed | not noticed |`, '| --- | ---: | ---: | ---: |',
    ...[...new Set(results.map(keyOf))].map((group) => {
      const own = results.filter((r) => keyOf(r) === group), lost = own.filter((r) => r.stage === null).length;
      return `| ${group} | ${own.length} | ${own.length - lost} | ${lost} |`;
    }), '',
  ];
  const reasons = [...new Set(missed.map(({mutant}) => survivors.get(mutant.name) ?? 'No reason yet.'))];
  const names = (reason) => missed.filter(({mutant}) => (survivors.get(mutant.name) ?? 'No reason yet.') === reason)
      .map(({mutant}) => `- \`${mutant.name.replaceAll('`', '')}\``);
  const lines = [
    '# Mutation test', '',
    'Do the tests notice when a kernel is wrong? Every barrier, condition, bound and sum of `native/rbn` and',
    '`native/cuda/rbn`, and every term and factor of the formulas in `native/rbn/algebra.h`, is broken in turn on the',
    'simulator. The case table, the tests of the C ABI, AddressSanitizer with UBSan, or ThreadSanitizer must notice.', '',
    '```bash',
    'npm run test:mutation                                    # all; fails where a mutant survives without a reason',
    'npm run test:mutation -- --resume                        # goes on after a run that was cut off, or after a new test',
    'npm run test:mutation -- --filter finalize --sample 20   # some of one file',
    'npm run test:mutation -- --quick                         # what is known to survive goes through the first stage alone',
    'npm run test:mutation -- --report                        # all, and writes this page',
    '```', '',
    'All mutants are compiled into one engine, and an environment variable says which one is broken; a mutant is a',
    'process that ends at the first failure. A mutant that nothing notices stands in `test/native/mutation/survivors.json`',
    'under its reason. An entry whose place is gone, or that a test notices by now, fails the run. A process hangs, and so',
    'is noticed, when it uses four times the processor time of the run without a mutant. `.ci/run` runs a sample.', '',
    'Not covered: the operations beside RBN in `native/cuda/ops`, the runtime in `native/cuda/runtime`, the CPU code in',
    '`native/cpu`, and what only a GPU has (its memory model, its caches, launches too large for the simulator).', '',
    `${new Date().toISOString().slice(0, 10)}: ${results.length} mutants, ${results.length - missed.length} noticed, ` +
      `${missed.length} not; ${hours.toFixed(1)} hours of processes that hold a mutant each, ${options.jobs} at a time.` +
      (options.quick ? ` Those that are not went through '${STAGES[0].name}' alone (\`--quick\`).` : ''), '',
    ...table('file', (r) => `\`${r.mutant.file}\``),
    ...table('what is broken', (r) => r.mutant.kind),
    '| noticed first by | mutants |', '| --- | ---: |',
    ...STAGES.map(({name}) => `| ${name} | ${results.filter((r) => r.stage === name).length} |`), '',
    '## Not noticed', '',
    'A place as `file: what is broken: how: line`, under the reason why nothing notices.', '',
    ...reasons.flatMap((reason) => [reason, '', ...names(reason), '']),
  ];
  fs.writeFileSync(path.join(root, 'docs/mutation.md'), lines.join('\n'));
}

const mutants = allMutants();
let chosen = options.filter ? mutants.filter((m) => new RegExp(options.filter).test(m.name)) : mutants;
const survivors = readSurvivors();
// A survivor takes every stage to the end; that those that are known still survive is for the whole run to say.
if (options.sample) {
  chosen = shuffled(chosen, options.seed).filter((m) => !survivors.has(m.name)).slice(0, Number(options.sample));
}
if (options.list) {
  // At once: a pipe would lose what is not yet written at the exit.
  fs.writeSync(1, chosen.map((mutant) => `${mutant.id}\t${mutant.name}\n`).join(''));
  process.exit(0);
}

const started = Date.now();
const source = writeSources(mutants), builds = new Set();
const record = openRecord(mutants);
const {noticed} = record;
for (const stage of STAGES) {
  const queue = chosen.filter((m) => !noticed.has(m.name) && !record.hasPassed(m, stage) &&
      !(options.quick && stage !== STAGES[0] && survivors.has(m.name)));
  const total = queue.length;
  if (total === 0) continue;
  if (!builds.has(stage.build)) await build(stage.build, source);
  builds.add(stage.build);
  const whole = await run(stage, null, 600);
  if (!whole.passed) throw new Error(`without any mutant, '${stage.name}' fails:\n${whole.output}`);
  const limitSeconds = Math.ceil(4 * whole.processorSeconds) + 4;
  let done = 0, found = 0;
  const worker = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const {passed, hung, seconds} = await run(stage, mutant, limitSeconds);
      record.add(mutant, stage, !passed, seconds);
      if (!passed) {
        found++;
        noticed.set(mutant.name, stage.name);
        if (hung) process.stderr.write(`\nhangs: ${mutant.name}\n`);
      }
      progress(stage.name, ++done, total, found);
    }
  };
  await Promise.all(Array.from({length: Number(options.jobs)}, worker));
}
const results = chosen.map((mutant) => ({mutant, stage: noticed.get(mutant.name) ?? null}));

// A name that no mutant has is stale whatever was run.
const names = new Set(mutants.map((m) => m.name));
const problems = [...survivors.keys()].filter((name) => !names.has(name))
    .map((name) => `is listed, but there is no such place: ${name}`);
for (const {mutant, stage} of results) {
  const listed = survivors.has(mutant.name);
  if (stage === null && !listed) problems.push(`survives: ${mutant.name}`);
  if (stage !== null && listed) problems.push(`is listed, but noticed by '${stage}': ${mutant.name}`);
}
const minutes = (Date.now() - started) / 60000;
if (options.report) report(results, survivors, record.hours());
for (const problem of problems) console.log(problem);
console.log(`${results.filter((r) => r.stage !== null).length} of ${results.length} mutants noticed, ` +
  `${results.filter((r) => r.stage === null && survivors.has(r.mutant.name)).length} known survivors, ${minutes.toFixed(1)} min`);
console.log(`${results.length - problems.length} passed, ${problems.length} failed`);
process.exitCode = problems.length === 0 ? 0 : 1;
