// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run bench:gpu [-- SHAPES]`: times the kernels alone on a GPU, in float32 and bfloat16, on the shapes of
// `tfjs-rbn bench` or on others, such as 32x14x14x256,8x7x7x512. Builds nothing; fails where there is no GPU.
import {spawnSync} from 'node:child_process';
import path from 'node:path';

import {notBuilt, output, root, say} from './tools.mjs';

const engine = process.env.RBN_ENGINE_PATH ?? path.join(root, 'out/cuda/librbn_engine_cuda.so');
const runner = path.join(root, 'out/simulator/rbn_case_runner');
const shapesFile = path.join(root, 'dist/bench/shapes.js');

const needed = [[engine, 'npm run build:engine'], [runner, 'npm run build:simulator'], [shapesFile, 'npm run build']];
if (notBuilt(needed).length > 0) {
  process.exitCode = 1;
} else {
  const {RESNET50, shapeName} = (await import(shapesFile)).default;
  const shapes = process.argv[2] ?? RESNET50.map(shapeName).join(',');
  const gpu = output('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']);
  if (gpu !== null) say(gpu.trim());
  const {status, signal, error} = spawnSync(runner, ['--engine', engine, '--bench', shapes], {cwd: root, stdio: 'inherit'});
  if (status !== 0) {
    say(`the benchmark failed (${error?.message ?? signal ?? `exit ${status}`})`);
    process.exitCode = 1;
  }
}
