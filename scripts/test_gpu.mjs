// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run test:gpu [-- --sanitizer]`: the table of cases on a GPU, from C++ (float32 and bfloat16, every plan
// that fits, the C ABI) and through the addon; the backend `cuda`'s tests and tfjs-core's own. Builds nothing, so that it runs on a machine without a
// compiler, and fails where there is no GPU. --sanitizer: also under compute-sanitizer's memcheck and racecheck,
// on the small cases.
import {spawnSync} from 'node:child_process';
import path from 'node:path';

import {notBuilt, root, say, which} from './tools.mjs';

const engine = process.env.RBN_ENGINE_PATH ?? path.join(root, 'out/cuda/librbn_engine_cuda.so');
const runner = path.join(root, 'out/simulator/rbn_case_runner');
const tests = path.join(root, 'out/test/gpu/cases.gpu.js');
let failed = 0;

function check(what, file, args) {
  say(what);
  const {status, signal, error} = spawnSync(file, args, {
    cwd: root, stdio: 'inherit',
    env: {...process.env, RBN_ENGINE: 'cuda', RBN_TEST_ENGINE: 'cuda', RBN_ENGINE_PATH: engine},
  });
  if (status === 0) return;
  say(`${what} FAILED (${error?.message ?? signal ?? `exit ${status}`})`);
  failed++;
}

failed += notBuilt(
    [[engine, 'npm run build:engine'], [runner, 'npm run build:simulator'], [tests, 'npm run build:test']]).length;
if (failed === 0) {
  check('case runner on the GPU', runner, ['--engine', engine]);
  check('cases through the addon on the GPU', process.execPath,
      [path.join(root, 'node_modules/mocha/bin/mocha.js'), '--no-config', '--timeout', '60000', tests]);
  check('the backend cuda on the GPU', process.execPath,
      [path.join(root, 'node_modules/mocha/bin/mocha.js'), '--no-config', '--timeout', '60000',
        path.join(root, 'out/test/cuda/*.test.js')]);
  check("tfjs-core's own tests on the GPU", process.execPath,
      [path.join(root, 'scripts/conformance.mjs'), '--engine', 'cuda', '--jobs', '4']);
}
if (failed === 0 && process.argv.includes('--sanitizer')) {
  const sanitizer = which('compute-sanitizer');
  if (sanitizer === null) {
    say('compute-sanitizer is not on PATH; it comes with the CUDA toolkit');
    failed++;
  } else {
    for (const tool of ['memcheck', 'racecheck']) {
      check(`compute-sanitizer, ${tool}`, sanitizer,
          ['--tool', tool, '--error-exitcode', '1', runner, '--engine', engine, '--small', '--no-abi']);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
