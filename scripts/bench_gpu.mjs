// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run bench:gpu`: the kernels of RBN on a GPU against memory copies and, where python3 has it, PyTorch. Builds nothing,
// so that it runs on a machine without a compiler; fails where there is no GPU.
import path from 'node:path';

import {notBuilt, output, root, say} from './tools.mjs';

const HELP = `Usage: npm run bench:gpu -- [OPTIONS]

Times on the device: RBN's training forward and backward and its frozen forward, float32 and bfloat16, plain and with a
residual and ReLU; PyTorch's batch normalization, RBN op by op and torch.compile of it. Prints a report with the figures that
the package sets itself; a missed one is no error.

  --shapes LIST           such as 32x56x56x64,256x7x7x2048 (default: ResNet-50's stages at batch 32 and 256)
  --out FILE.md           where the report goes, with FILE.json and FILE.svg beside it (default: out/bench_gpu.md)
  --compile-seconds S     what torch.compile may take in all (default: 150); later layers are timed without it
  --quick                 few samples
  --help                  this text
`;

// Of 20 samples the median is steady to a few percent.
const FULL = {rounds: 4, roundMilliseconds: 20, warmUpMilliseconds: 30, pauseMilliseconds: 0, mostSets: 64, leastSamples: 5};
const QUICK = {rounds: 1, roundMilliseconds: 1, warmUpMilliseconds: 1, pauseMilliseconds: 0, mostSets: 3, leastSamples: 1};

const engine = process.env.RBN_ENGINE_PATH ?? path.join(root, 'out/cuda/librbn_engine_cuda.so');
const runner = path.join(root, 'out/simulator/rbn_case_runner');
const dist = async file => (await import(path.join(root, 'dist', file))).default;

const SPECS = {
  shapes: {type: 'string'}, out: {type: 'string'}, 'compile-seconds': {type: 'string'}, quick: {type: 'boolean'}, help: {type: 'boolean'},
};

async function run(args) {
  const {markdownPath, numberOption, parseOptions, shapesOption, writeResults} = await dist('cli/options.js');
  const {GPU_STAGES} = await dist('bench/shapes.js');
  const values = parseOptions(args, SPECS);
  if (values.help) return void process.stdout.write(HELP);
  const out = markdownPath({out: path.join(root, 'out/bench_gpu.md'), ...values});
  const shapes = shapesOption(values, GPU_STAGES);
  const compileSeconds = numberOption(values, 'compile-seconds', 150, {least: 0, most: 3600, whole: false});
  const effort = {...values.quick ? QUICK : FULL, compileSeconds};

  const {gpuBench} = await dist('bench/gpu/bench.js');
  const {gpuChart, gpuReport} = await dist('bench/gpu/report.js');
  const result = await gpuBench({
    runner, engine, shapes, effort,
    driver: output('nvidia-smi', ['--query-gpu=driver_version', '--format=csv,noheader'])?.split('\n')[0] ?? null,
    hostTime: kind => measureHost(kind, effort),
    onProgress: say,
  });
  const command = ['npm run bench:gpu', ...args.length > 0 ? ['--', ...args] : []].join(' ');
  if (result.failures.length > 0) process.exitCode = 1;
  writeResults(result, {out, json: false, chart: () => gpuChart(result), report: chart => gpuReport(result, command, chart)});
}

async function measureHost(kind, effort) {
  process.env.RBN_ENGINE = kind;
  const {default: tf} = await import('@tensorflow/tfjs-core');
  await dist('cuda.js');
  await tf.setBackend('cuda');
  tf.enableProdMode();
  const {measureHostTime} = await dist('bench/gpu/host_time.js');
  return measureHostTime(effort);
}

const needed = [
  [engine, 'npm run build:engine'], [runner, 'npm run build:simulator'], [path.join(root, 'dist/cli/options.js'), 'npm run build'],
  [path.join(root, 'build/Release/rbn.node'), 'npm run build:addon'],
];
if (notBuilt(needed).length > 0) {
  process.exitCode = 1;
} else {
  try {
    await run(process.argv.slice(2));
  } catch (error) {
    const {UsageError} = await dist('cli/options.js');
    process.exitCode = error instanceof UsageError ? 2 : 1;
    say(error instanceof UsageError ? error.message : `the benchmark failed: ${error.message}`);
  }
}
