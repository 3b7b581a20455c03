// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run bench:gpu`: its targets and its report on made-up results, PyTorch's side on stand-ins for a GPU, and the whole of
// it on the simulator.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {gpuBench, setsFor} from '#dist/bench/gpu/bench';
import {bytesOf, ContestantName, CONTESTANTS, Direction, Layer, layersOf, PEERS, Times} from '#dist/bench/gpu/contestants';
import {gpuChart, gpuReport} from '#dist/bench/gpu/report';
import type {Gpu, GpuBenchResult, GpuRow} from '#dist/bench/gpu/result';
import {checkGpuTargets, copyCeiling, geometricMean} from '#dist/bench/gpu/targets';
import {Shape} from '#dist/bench/shapes';
import {torchThere} from '#dist/bench/torch_peer';

import {root} from './support/files';

const plain: Layer = {shape: [32, 56, 56, 64], dtype: 'float32', training: true, residual: false}; // 25.7 MB
const large: Layer = {...plain, shape: [256, 56, 56, 64]}; // 205.5 MB

type Microseconds = Partial<Record<ContestantName, [forward: number, backward?: number]>>;

const row = (layer: Layer, microseconds: Microseconds, leftOut: Record<string, string> = {}): GpuRow => ({
  layer, sets: 1, leftOut, timing: Object.fromEntries(PEERS.filter(p => p in microseconds).map(p => [p, 'graph'])),
  times: Object.fromEntries(Object.entries(microseconds).map(([name, times]) => [name, Object.fromEntries(
      times.map((t, i) => [(['forward', 'backward'] as Direction[])[i], {milliseconds: t! / 1000, calls: 20}]))])) as Times,
});

// 1.0 of the better BatchNorm (30 + 50), 0.2 of op by op, 0.8 of torch.compile; above the copy kernel by 31 − 1.3 · 20 = 5 µs.
const ours: Microseconds = {rbn: [31, 49], copy: [18], kernelCopy: [20]};
const peers: Microseconds = {
  cudnnLast: [40, 50], nativeLast: [30, 50], cudnnFirst: [50, 50], nativeFirst: [31, 50], torchRbn: [150, 250], torchCompiled: [40, 60],
};
// 3 · 205.5 MB in 250 µs are 2466 GB/s, 5 · 205.5 MB in 360 µs 2854; the copy of 137 µs reaches 3000.
const onLarge: Microseconds = {rbn: [250, 360], copy: [137], kernelCopy: [140]};
const hostTime = {layer: 29, trainingLayer: 60, op: 12};

describe('bench:gpu, figures', () => {
  const found = (rows: GpuRow[], what: RegExp, host = hostTime, failures: string[] = []) =>
    checkGpuTargets({rows, hostTime: host, failures}).filter(t => what.test(t.what)).map(({limit, measured, met}) => [limit, measured, met]);

  it('covers ResNet-50 in both modes, types and endings, what has targets first', () => {
    const layers = layersOf([[1, 2, 2, 4], [3, 2, 2, 4]]);
    assert.equal(new Set(layers.map(l => JSON.stringify(l))).size, 2 * 8);
    assert.ok(layers.slice(0, 8).every(l => l.training) && layers.slice(8).every(l => !l.training));
  });

  it('takes sets of tensors until the cache holds nothing of the next', () => {
    assert.equal(setsFor(plain, 50 * 2 ** 20, 64), Math.ceil(8 * 50 * 2 ** 20 / (2 * 25690112)));
    assert.equal(setsFor(large, 50 * 2 ** 20, 64), 2);
    assert.equal(setsFor({...plain, shape: [1024, 56, 56, 64]}, 50 * 2 ** 20, 64), 1);
    assert.equal(setsFor({...plain, shape: [1, 1, 2, 4]}, 50 * 2 ** 20, 64), 64);
  });

  it('counts the bytes that must move', () => {
    const shape: Shape = [2, 2, 2, 8]; // 64 elements: a mask of 8 bytes
    const bytes = (layer: Partial<Layer>, direction: Direction) => bytesOf({...plain, shape, ...layer}, direction);
    assert.equal(bytes({}, 'forward'), 3 * 256);
    assert.equal(bytes({}, 'backward'), 5 * 256);
    assert.equal(bytes({residual: true, dtype: 'bfloat16'}, 'forward'), 4 * 128 + 8);
    assert.equal(bytes({residual: true, dtype: 'bfloat16'}, 'backward'), 6 * 128 + 16);
    assert.equal(bytes({training: false}, 'forward'), 2 * 256);
    assert.equal(bytes({training: false, residual: true}, 'forward'), 3 * 256);
  });

  it('compares with the better BatchNorm, both directions together', () => {
    const rows = [row(plain, {...ours, ...peers})];
    assert.deepEqual(found(rows, /BatchNorm, its best, every shape, float32$/), [['≤ 1.00', '1.00 (32x56x56x64)', true]]);
    assert.deepEqual(found(rows, /geometric mean, float32$/), [['≤ 0.80', '1.00', false]]);
    assert.deepEqual(found(rows, /op by op.* float32$/), [['≤ 0.25', '0.20 (32x56x56x64)', true]]);
    assert.deepEqual(found(rows, /torch\.compile.* float32$/), [['< 1', '0.80 (32x56x56x64)', true]]);
  });

  it('lets the worst shape count, and averages the rest geometrically', () => {
    const slower = row({...plain, shape: [32, 7, 7, 2048]}, {...ours, ...peers, rbn: [62, 98], torchCompiled: [80, 80]});
    const rows = [row(plain, {...ours, ...peers, rbn: [10, 10]}), slower];
    assert.deepEqual(found(rows, /BatchNorm, its best, every shape, float32$/), [['≤ 1.00', '2.00 (32x7x7x2048), 1 of 2 miss it', false]]);
    assert.deepEqual(found(rows, /geometric mean, float32$/), [['≤ 0.80', '0.71', true]]); // √(0.25 · 2)
    assert.deepEqual(found(rows, /torch\.compile.* float32$/), [['< 1', '1.00 (32x7x7x2048), 1 of 2 miss it', false]]);
    assert.equal(geometricMean([1, 4, 2]), 2);
  });

  it('keeps types and endings apart', () => {
    const rows = [row(plain, {...ours, ...peers}), row({...plain, residual: true, dtype: 'bfloat16'}, {...ours, ...peers, rbn: [62, 98]})];
    assert.equal(found(rows, /every shape, float32$/).every(([, , met]) => met), true);
    assert.deepEqual(found(rows, /BatchNorm, its best, every shape, bfloat16, residual and ReLU$/).map(([, , met]) => met), [false]);
  });

  it('reaches no figure with a peer that was not measured everywhere, and asks none without it', () => {
    const {torchCompiled, ...rest} = peers;
    const rows = [row(plain, {...ours, ...peers}), row({...plain, shape: [32, 7, 7, 2048]}, {...ours, ...rest})];
    assert.deepEqual(found(rows, /torch\.compile.* float32$/), [['< 1', '0.80 (32x56x56x64), 1 of 2 not measured', false]]);
    assert.deepEqual(found([row(plain, ours)], /PyTorch/), []);
  });

  it('reaches no figure of all layers where some failed', () => {
    const targets = found([row(plain, {...ours, ...peers})], /op by op.* float32$|host time/, hostTime, ['another layer: no memory']);
    assert.deepEqual(targets, [['≤ 0.25', '0.20 (32x56x56x64), without the layers that failed', false], ['< 30 µs', '29.0 µs', true]]);
  });

  it('holds large tensors against the copy, by the bytes of two passes', () => {
    const rows = [row(large, onLarge), row(plain, {...ours, copy: [1]})]; // the small copy is no ceiling
    assert.equal(Math.round(copyCeiling(rows)), 3000);
    assert.equal(Math.round(copyCeiling([row(large, {...onLarge, kernelCopy: [131]})])), 3138); // the faster copy counts
    assert.deepEqual(found(rows, /forward over the copy/), [['≥ 85 %', '82 % (256x56x56x64)', false]].map(
        ([limit, measured, met]) => [limit, `${measured}, 1 of 1 miss it`, met]));
    assert.deepEqual(found(rows, /backward over the copy/), [['≥ 85 %', '95 % (256x56x56x64)', true]]);
  });

  it('holds the forward of middle tensors against the copy kernel', () => {
    assert.deepEqual(found([row(plain, ours), row(large, onLarge)], /copy kernel/), [['≤ 4 µs', '5.0 µs (32x56x56x64), 1 of 1 miss it', false]]);
    assert.deepEqual(found([row(plain, {...ours, rbn: [30, 1]})], /copy kernel/), [['≤ 4 µs', '4.0 µs (32x56x56x64)', true]]);
  });

  it('has one for the host', () => {
    assert.deepEqual(found([row(plain, ours)], /host time/), [['< 30 µs', '29.0 µs', true]]);
    assert.deepEqual(found([row(plain, ours)], /host time/, {...hostTime, layer: 30}).map(([, , met]) => met), [false]);
  });
});

const gpu: Gpu = {
  engine: 'cuda', version: '0.1.0', name: 'A GPU', computeCapability: '9.0', multiprocessors: 132, memoryBytes: 2 ** 36, l2Bytes: 50 * 2 ** 20,
  cudaRuntime: '13.0', cudaDriver: '13.0',
};

describe('bench:gpu, report', () => {
  const {torchCompiled, ...rest} = peers;
  const rows = [
    row(plain, {...ours, ...peers}), row({...plain, residual: true}, {...ours, ...rest}, {torchCompiled: 'no compiler\nat all'}),
    row({...plain, training: false}, {rbn: [20], copy: [18], kernelCopy: [20], nativeLast: [19]}), row(large, onLarge),
  ];
  rows[1]!.timing.torchRbn = 'kernels, ReluBackward0, can not be captured';
  const result: GpuBenchResult = {
    date: '2026-01-01 00:00', node: 'v20', gpu, driver: '580.1', noTorch: null, hostTime, rows, failures: ['7x7x7x7 float32 frozen: no memory'],
    targets: checkGpuTargets({rows, hostTime, failures: []}),
    torch: {torch: '2.9', cuda: '13.0', cudnn: 91000, name: 'A GPU'},
  };

  it('says what it was measured on, and every figure', () => {
    const text = gpuReport(result, 'npm run bench:gpu', 'x.svg');
    assert.match(text, /^# Benchmark of the kernels on A GPU$/m);
    assert.match(text, /2026-01-01 00:00 UTC, by `npm run bench:gpu`.*132 multiprocessors, 64 GiB, L2 50 MiB; driver 580\.1 for CUDA 13\.0/);
    assert.match(text, /PyTorch 2\.9, CUDA 13\.0, cuDNN 91000, on A GPU/);
    assert.match(text, /!\[.*\]\(x\.svg\)/);
    assert.match(text, /\*\*missed\*\*/);
    assert.match(text, /^\| 256x56x56x64 +\| float32 +\| 205\.5 \| +250 \+ 360 \| 82 %, 95 % \| .* – \| +137 \| +140 \|$/m);
    assert.match(text, /^\| 32x56x56x64 +\| float32 \| +plain \| +1\.00 \| +0\.20 \| +0\.80 \|$/m);
    assert.match(text, /Left out on 1 of 4: RBN, torch\.compile: no compiler$/m);
    assert.match(text, /^\*\*Failed\.\*\* 7x7x7x7 float32 frozen: no memory$/m);
    assert.match(text, /profiler instead: RBN op by op\.$/m);
    for (const name of Object.values(CONTESTANTS)) assert.ok(text.includes(name), name);
    assert.doesNotMatch(text, /undefined|NaN|Infinity|simulator/);
    const alone = gpuReport({...result, torch: null, noTorch: 'python3 has no PyTorch', rows: rows.slice(3)}, '', null);
    assert.match(alone, /Without PyTorch: python3 has no PyTorch\./);
    assert.doesNotMatch(alone, /undefined|NaN|Infinity|over a peer/);
  });

  it('draws a bar a contestant of the training times', () => {
    const svg = gpuChart(result);
    assert.equal([...svg.matchAll(/<rect class="(?!page)/g)].length, 4 + 4 + 1); // key, the first row, the last
    assert.doesNotMatch(svg, /NaN|undefined/);
    assert.match(svg, />80<.*>100</s); // µs: ours, torch.compile
  });
});

describe('bench:gpu, PyTorch as on a GPU', function() {
  this.timeout(600000); // importing torch on a busy machine

  const ask = (requests: object[], ...args: string[]) => {
    const {stdout, stderr} = spawnSync('python3',
        [join(root, 'test/support/torch_gpu_stand_in.py'), join(root, 'bench/torch_gpu_peer.py'), ...args],
        {encoding: 'utf8', input: requests.map(r => JSON.stringify(r)).join('\n'),
          maxBuffer: 2 ** 26}); // PyTorch's complaints that there is no GPU
    assert.ok(stdout !== '', stderr);
    return stdout.trimEnd().split('\n').map(line => JSON.parse(line));
  };
  const layer = {shape: [2, 2, 2, 4], dtype: 'bfloat16', training: true, residual: true, sets: 3};

  it('captures both directions, and times what it is asked for', function() {
    if (!torchThere()) this.skip();
    const peers = PEERS.filter(peer => peer !== 'torchCompiled');
    const frozen = {...layer, training: false};
    const [device, ...answers] = ask([
      {device: 'cuda'},
      ...peers.flatMap(slot => [
        {slot, prepare: {...layer, peer: slot}}, {slot, direction: 'forward', samples: 3}, {slot, direction: 'backward', samples: 2},
      ]),
      {clear: true}, {slot: 'a', prepare: {...frozen, peer: 'torchRbn'}}, {slot: 'a', direction: 'forward', samples: 1},
      {slot: 'a', direction: 'backward', samples: 1}, {clear: true}, {slot: 'a', direction: 'forward', samples: 1},
    ]);
    assert.equal(device.name, 'a stand-in');
    peers.forEach((_, i) => {
      assert.deepEqual(answers[3 * i], {timing: 'graph', by: 'ReluBackward0', why: null});
      assert.deepEqual([answers[3 * i + 1], answers[3 * i + 2]].map(a => a.milliseconds.length), [3, 2]);
    });
    const [cleared, prepared, forward, backward, , gone] = answers.slice(3 * peers.length);
    assert.deepEqual([cleared, prepared], [{}, {timing: 'graph', by: null, why: null}]);
    assert.equal(forward.milliseconds.length, 1);
    assert.match(backward.error, /KeyError: 'backward'/);
    assert.match(gone.error, /KeyError: 'a'/);
  });

  it('sums kernel times where there can be no graph, and says why', function() {
    if (!torchThere()) this.skip();
    const [, prepared, forward] = ask(
        [{device: 'cuda'}, {slot: 'a', prepare: {...layer, peer: 'nativeLast'}}, {slot: 'a', direction: 'forward', samples: 2}], 'no-graphs');
    assert.equal(prepared.timing, 'kernels');
    assert.match(prepared.why, /not permitted/);
    assert.equal(forward.milliseconds.length, 2);
  });
});

describe('bench:gpu, a case runner that fails', function() {
  this.timeout(600000);

  let folder: string;
  before(() => { folder = mkdtempSync(join(tmpdir(), 'rbn-runner-')); });
  after(() => rmSync(folder, {recursive: true}));

  /** The benchmark with a case runner in JavaScript, which does `prepare` for the request `words`. */
  const run = async (prepare: string) => {
    const runner = join(folder, 'runner');
    writeFileSync(runner, `#!${process.execPath}
      const say = (answer) => console.log(JSON.stringify(answer));
      require('readline').createInterface({input: process.stdin}).on('line', (line) => {
        const words = line.split(' ');
        if (words[0] === 'device') say(${JSON.stringify(gpu)});
        else if (words[0] === 'prepare') { ${prepare} }
        else say({milliseconds: Array(Number(words[2])).fill(words[1] === 'backward' ? 3 : 2)});
      });`, {mode: 0o755});
    const lines: string[] = [];
    const effort = {rounds: 1, roundMilliseconds: 1, warmUpMilliseconds: 1, pauseMilliseconds: 0, mostSets: 64, leastSamples: 5, compileSeconds: 0};
    const result = await gpuBench({
      runner, engine: '', shapes: [[2, 2, 2, 4]], effort, driver: null, hostTime: async () => hostTime, onProgress: line => lines.push(line),
    });
    return {result, lines};
  };

  it('leaves out a layer that fails, and tells it', async () => {
    const {result, lines} = await run("say(words[2] === 'bfloat16' && words[3] === 'training' ? {error: 'no memory'} : {});");
    assert.deepEqual(result.failures, [
      '2x2x2x4 bfloat16 training: rbn_case_runner: no memory', '2x2x2x4 bfloat16 training, residual and ReLU: rbn_case_runner: no memory',
    ]);
    assert.equal(result.rows.length, 6);
    assert.deepEqual(result.rows[0]!.times, {
      rbn: {forward: {milliseconds: 2, calls: 5}, backward: {milliseconds: 3, calls: 5}},
      copy: {forward: {milliseconds: 2, calls: 5}}, kernelCopy: {forward: {milliseconds: 2, calls: 5}},
    });
    assert.equal(result.rows[0]!.sets, 64);
    assert.ok(lines.some(line => /^\[2\/8\] 2x2x2x4 bfloat16 training failed: .*no memory$/.test(line)), lines.join('\n'));
    // There may be a PyTorch here, but no GPU for it.
    assert.match(result.noTorch!, /^python3 has no PyTorch$|PyTorch sees no GPU$/);
  });

  it('fails where none succeeds, or the process ends', async () => {
    await assert.rejects(run("say({error: 'no memory'});"), /2x2x2x4 float32 training: rbn_case_runner: no memory/);
    await assert.rejects(run('process.exit(1);'), /rbn_case_runner ended without an answer/);
  });
});

describe('npm run bench:gpu', function() {
  this.timeout(600000);

  const simulator = join(root, 'out/simulator/librbn_engine_simulator.so');
  let folder: string;
  before(() => { folder = mkdtempSync(join(tmpdir(), 'rbn-bench-')); });
  after(() => rmSync(folder, {recursive: true}));

  const bench = (environment: object, ...args: string[]) => spawnSync(process.execPath, [join(root, 'scripts/bench_gpu.mjs'), ...args],
      {encoding: 'utf8', env: {...process.env, RBN_ENGINE_PATH: simulator, ...environment}});
  const run = (environment: object) => {
    const {status, stdout, stderr} = bench(
        environment, '--quick', '--shapes', '2x2x2x8', '--compile-seconds', '0', '--out', join(folder, 'deep/x.md'));
    assert.equal(status, 0, stderr);
    const [text, svg, json] = ['md', 'svg', 'json'].map(ending => readFileSync(join(folder, `deep/x.${ending}`), 'utf8'));
    assert.equal(stdout, text!.replace(/^!\[.*\n\n/m, ''));
    assert.match(text!, /^# Benchmark of the kernels on the simulator: these times mean nothing$/m);
    assert.match(svg!, /^<svg .*<\/svg>\n$/s);
    assert.doesNotMatch(`${text}${svg}`, /undefined|NaN/);
    assert.equal([...stderr.matchAll(/^tfjs-rbn: \[\d\/8\] 2x2x2x8 /gm)].length, 8);
    const result = JSON.parse(json!) as GpuBenchResult;
    assert.ok(Object.values(result.hostTime).every(t => t > 0));
    for (const {layer, sets, times} of result.rows) {
      assert.equal(sets, 3);
      for (const directions of Object.values(times)) {
        for (const measured of Object.values(directions)) assert.ok(measured.milliseconds > 0, JSON.stringify(directions));
      }
      assert.deepEqual(Object.keys(times.rbn!), layer.training ? ['forward', 'backward'] : ['forward']);
    }
    assert.deepEqual(result.rows.map(r => r.layer), layersOf([[2, 2, 2, 8]]));
    return {result, text: text!, stderr};
  };

  it('times every layer on an engine, where there is no PyTorch', () => {
    const {result, text, stderr} = run({PATH: ''});
    for (const {times} of result.rows) assert.deepEqual(Object.keys(times), ['rbn', 'copy', 'kernelCopy']);
    assert.match(stderr, /without PyTorch: python3 has no PyTorch/);
    assert.match(text, /Without PyTorch: python3 has no PyTorch\./);
    assert.deepEqual(result.targets.map(t => t.what), ['host time of one RBN layer from TypeScript']);
  });

  it('and all peers on each, where there is', function() {
    if (!torchThere()) this.skip();
    const {result, text} = run({});
    const ran = PEERS.filter(peer => peer !== 'torchCompiled');
    for (const {layer, times, leftOut, timing} of result.rows) {
      for (const peer of ran) assert.deepEqual(Object.keys(times[peer]!), layer.training ? ['forward', 'backward'] : ['forward']);
      assert.deepEqual(leftOut, {torchCompiled: 'compilations had taken 0 s'});
      assert.deepEqual(Object.keys(timing), ran);
    }
    assert.match(text, /Left out on 8 of 8: RBN, torch\.compile/);
    assert.ok(result.targets.length > 12, `${result.targets.length} targets`);
  });

  it('says what is wrong with its options, and what is not built', () => {
    for (const [args, error] of [
      [['--shapes', '8x'], /--shapes: expected shapes such as .* received '8x'/],
      [['--shapes', '1x1x1x8'], /--shapes: expected/], // one value a channel
      [['--out', 'x.txt'], /--out: expected a name that ends in \.md/], [['--compile-seconds', 'x'], /--compile-seconds: expected a number/],
      [['--bla'], /--bla/],
    ] as const) {
      const {status, stderr} = bench({}, ...args);
      assert.equal(status, 2);
      assert.match(stderr, error);
    }
    const missing = bench({RBN_ENGINE_PATH: join(root, 'nowhere.so')});
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /nowhere\.so is not built; next: npm run build:engine/);
    const broken = bench({RBN_ENGINE_PATH: __filename});
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /the benchmark failed: rbn_case_runner ended without an answer/);
  });
});
