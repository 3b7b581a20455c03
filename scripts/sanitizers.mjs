// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run test:sanitizers`: the native code under AddressSanitizer with UndefinedBehaviorSanitizer, and
// under ThreadSanitizer. C++ runners for both; for ASan also the addon inside Node, with random arguments.
// (ThreadSanitizer inside Node reports Node's own threads, so it stays with the C++ runners.)
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import {buildAddon, buildWithCmake, output, root, say} from './tools.mjs';

let failed = 0;

/** What a check prints is shown when it has ended: several run at a time. */
function check(what, file, args, env = {}) {
  return () => new Promise((resolve) => {
    const child = spawn(file, args, {cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, ...env}});
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => chunks.push(Buffer.from(`${error}\n`)));
    child.on('close', (code, signal) => {
      say(`${what}: ${path.relative(root, file)} ${args.join(' ')}`);
      process.stdout.write(Buffer.concat(chunks));
      if (code !== 0) {
        say(`${what} FAILED (${signal ?? `exit ${code}`})`);
        failed++;
      }
      resolve();
    });
  });
}

/** A folder whose build goes beside, not over, the package's own: the same sources by links. */
function linkedCopy(name) {
  const folder = path.join(root, 'out', name);
  fs.mkdirSync(folder, {recursive: true});
  for (const entry of ['binding.gyp', 'package.json', 'native', 'node_modules']) {
    const link = path.join(folder, entry);
    if (!fs.existsSync(link)) fs.symlinkSync(path.join(root, entry), link);
  }
  return folder;
}

const checks = [];
for (const [name, kind, extra] of [['asan', 'address', []], ['tsan', 'thread', ['--small']]]) {
  const built = await buildWithCmake(`the simulated engine, sanitizer '${kind}'`, name,
      {RBN_BUILD: 'simulator', RBN_SANITIZE: kind});
  if (!built) process.exit(1);
  const bin = file => path.join(root, 'out', name, file);
  const libraries = ['tensorflow_fake', 'tensorflow_incomplete', 'engine_simulator'].map(file => bin(`librbn_${file}.so`));
  // LeakSanitizer itself crashes at exit where a library with thread-local variables was opened at run time. What
  // the engine allocates on its device is counted by the runner; leaks of its host memory are not seen.
  const withoutLeaks = {ASAN_OPTIONS: 'detect_leaks=0'};
  checks.push(
      check(`case table, ${name}, engine`, bin('rbn_case_runner'),
          ['--engine', bin('librbn_engine_simulator.so'), ...extra], withoutLeaks),
      check(`simulator's own test, ${name}`, bin('rbn_simulator_test'), []),
      check(`case table, ${name}, native CPU`, bin('rbn_case_runner'), ['--cpu', ...extra]),
      check(`ops of TensorFlow, ${name}`, bin('rbn_tensorflow_test'), libraries, withoutLeaks));
}

const folder = linkedCopy('addon-asan');
if (!await buildAddon(folder, {...process.env, RBN_SANITIZE: 'address'})) process.exit(1);
// Node is not instrumented, so the runtime has to be there before it; and it keeps memory until it exits.
const libasan = output('g++', ['-print-file-name=libasan.so']).trim();
// First, because it takes longest.
checks.unshift(check('random arguments, the case table and the backend cuda, addon and engine under ASan', process.execPath,
    [path.join(root, 'node_modules/mocha/bin/mocha.js'), '--no-config', '--timeout', '600000',
      // Figures of speed mean nothing under a sanitizer; whole published models would take an hour, on kernels that
      // the other tests run, too.
      '--ignore', 'out/test/cuda/overhead*.test.js', '--ignore', 'out/test/cuda/models.test.js',
      'out/test/fuzz_addon.test.js', 'out/test/cases.test.js', 'out/test/cuda/*.test.js'], {
      LD_PRELOAD: libasan,
      ASAN_OPTIONS: 'detect_leaks=0,allocator_may_return_null=1',
      UBSAN_OPTIONS: 'halt_on_error=1,print_stacktrace=1',
      RBN_ADDON_PATH: path.join(folder, 'build/Release/rbn.node'),
      RBN_ENGINE: 'simulator',
      RBN_ENGINE_PATH: path.join(root, 'out/asan/librbn_engine_simulator.so'),
    }));

await Promise.all(Array.from({length: os.availableParallelism()}, async () => {
  while (checks.length > 0) await checks.shift()();
}));
process.exitCode = failed === 0 ? 0 : 1;
