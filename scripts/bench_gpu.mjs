// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run bench:gpu`: the kernels of RBN on a GPU against memory copies and, where python3 has it, PyTorch. Builds nothing,
// so that it runs on a machine without a compiler; fails where there is no GPU.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {parseArgs} from 'node:util';

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
const dist = file => path.join(root, 'dist', file);

/** The options, or a line that says what is wrong with them. */
function read(args, shapesFrom) {
  const string = {type: 'string'}, boolean = {type: 'boolean'};
  let values;
  try {
    ({values} = parseArgs({args, options: {shapes: string, out: string, 'compile-seconds': string, quick: boolean, help: boolean}}));
  } catch (error) {
    return error.message;
  }
  const shapes = shapesFrom(values.shapes);
  if (shapes === null) return `--shapes: expected shapes such as 32x14x14x256, received '${values.shapes}'`;
  const out = path.resolve(values.out ?? path.join(root, 'out/bench_gpu.md'));
  if (!out.endsWith('.md')) return `--out: expected a name that ends in .md, received '${values.out}'`;
  const compileSeconds = Number(values['compile-seconds'] ?? 150);
  if (!(compileSeconds >= 0)) return `--compile-seconds: expected a number from 0, received '${values['compile-seconds']}'`;
  return {shapes, out, effort: {...values.quick ? QUICK : FULL, compileSeconds}, help: values.help};
}

/** null for what is none; the default where there is no list. */
function shapesIn(byDefault) {
  return list => {
    if (list === undefined) return byDefault;
    const shapes = list.split(',').map(text => text.split('x').map(Number));
    const wrong = shape => shape.length !== 4 || shape.some(size => !Number.isInteger(size) || size < 1) || shape[0] * shape[1] * shape[2] < 2;
    return shapes.some(wrong) ? null : shapes;
  };
}

async function run({shapes, out, effort}) {
  const {gpuBench} = (await import(dist('bench/gpu_bench.js'))).default;
  const {gpuChart, gpuReport} = (await import(dist('bench/gpu_report.js'))).default;
  const result = await gpuBench({
    runner, engine, shapes, effort,
    driver: output('nvidia-smi', ['--query-gpu=driver_version', '--format=csv,noheader'])?.split('\n')[0] ?? null,
    hostTime: kind => measureHost(kind, effort),
    onProgress: say,
  });
  const command = ['npm run bench:gpu', ...process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []].join(' ');
  const other = ending => out.replace(/\.md$/, ending);
  mkdirSync(path.dirname(out), {recursive: true});
  writeFileSync(other('.json'), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(other('.svg'), gpuChart(result));
  const report = gpuReport(result, command, path.basename(other('.svg')));
  writeFileSync(out, report);
  process.stdout.write(report);
  say(`written: ${out}, ${other('.json')}, ${other('.svg')}`);
}

async function measureHost(kind, effort) {
  process.env.RBN_ENGINE = kind;
  const {default: tf} = await import('@tensorflow/tfjs-core');
  await import(dist('cuda.js'));
  await tf.setBackend('cuda');
  tf.enableProdMode();
  const {measureHostTime} = (await import(dist('bench/host_time.js'))).default;
  return measureHostTime(effort);
}

const needed = [
  [engine, 'npm run build:engine'], [runner, 'npm run build:simulator'], [dist('bench/shapes.js'), 'npm run build'],
  [path.join(root, 'build/Release/rbn.node'), 'npm run build:addon'],
];
process.exitCode = 1;
if (notBuilt(needed).length === 0) {
  const {GPU_STAGES} = (await import(dist('bench/shapes.js'))).default;
  const options = read(process.argv.slice(2), shapesIn(GPU_STAGES));
  if (typeof options === 'string') {
    say(options);
  } else if (options.help) {
    process.stdout.write(HELP);
    process.exitCode = 0;
  } else {
    try {
      await run(options);
      process.exitCode = 0;
    } catch (error) {
      say(`the benchmark failed: ${error.message}`);
    }
  }
}
