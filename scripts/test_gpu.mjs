// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run test:gpu [-- --only PART,… --sanitizer]`: on a GPU, in these parts:
//   runner       the table of cases from C++: float32 and bfloat16, every plan that fits, the C ABI
//   addon        the table of cases through the addon
//   backend      the backend `cuda`'s tests
//   conformance  tfjs-core's own specs
// Builds nothing, so that it runs on a machine without a compiler, and fails where there is no GPU. --sanitizer: also
// the small cases under compute-sanitizer's memcheck and racecheck, where the parts have passed.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';

import {notBuilt, root, say, which} from './tools.mjs';

const {values: options} = parseArgs({options: {only: {type: 'string'}, sanitizer: {type: 'boolean', default: false}}});
const engine = process.env.RBN_ENGINE_PATH ?? path.join(root, 'out/cuda/librbn_engine_cuda.so');
const runner = path.join(root, 'out/simulator/rbn_case_runner');
const mocha = [path.join(root, 'node_modules/mocha/bin/mocha.js'), '--no-config', '--timeout', '60000'];
const PARTS = {
  runner: [runner, '--engine', engine],
  addon: [process.execPath, ...mocha, path.join(root, 'out/test/gpu/cases.gpu.js')],
  backend: [process.execPath, ...mocha, path.join(root, 'out/test/cuda/*.test.js')],
  conformance: [process.execPath, path.join(root, 'scripts/conformance.mjs'), '--engine', 'cuda', '--jobs', '4'],
};
const chosen = options.only?.split(',') ?? Object.keys(PARTS);
let failed = 0;

function check(what, [file, ...args]) {
  say(what);
  const started = Date.now();
  const {status, signal, error} = spawnSync(file, args, {
    cwd: root, stdio: 'inherit',
    env: {...process.env, RBN_ENGINE: 'cuda', RBN_TEST_ENGINE: 'cuda', RBN_ENGINE_PATH: engine},
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  if (status === 0) return say(`${what}: passed in ${seconds} s`);
  say(`${what} FAILED after ${seconds} s (${error?.message ?? signal ?? `exit ${status}`})`);
  failed++;
}

for (const part of chosen.filter(part => !(part in PARTS))) {
  say(`--only: expected some of ${Object.keys(PARTS).join(', ')}, received '${part}'`);
  failed++;
}
const needed = [[engine, 'npm run build:engine'], [runner, 'npm run build:simulator'],
  [path.join(root, 'out/test/gpu/cases.gpu.js'), 'npm run build:test']];
// The first run of the specs compiles them.
if (chosen.includes('conformance') && !fs.existsSync(path.join(root, 'node_modules/typescript'))) {
  needed.push([path.join(root, 'out/conformance/versions'), 'npm run test:conformance   (where TypeScript is)']);
}
failed += notBuilt(needed).length;
if (failed === 0) for (const part of chosen) check(`on the GPU: ${part}`, PARTS[part]);
if (failed === 0 && options.sanitizer) {
  const sanitizer = which('compute-sanitizer');
  if (sanitizer === null) {
    say('compute-sanitizer is not on PATH; it comes with the CUDA toolkit');
    failed++;
  } else {
    for (const tool of ['memcheck', 'racecheck']) {
      check(`compute-sanitizer, ${tool}`,
          [sanitizer, '--tool', tool, '--error-exitcode', '1', ...PARTS.runner, '--small', '--no-abi']);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
