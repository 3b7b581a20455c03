// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark's results as Markdown, for terminals and docs/.
import {machineLine} from '../train/machine';
import {CONTESTANTS, ContestantName} from './contestants';
import type {BenchResult, Row} from './result';
import {elements, shapeName} from './shapes';
import {digits, figure, figureNote, table} from './table';
import {targetSection} from './target';
import {ratio} from './targets';

const BYTES = 4; // float32

// Passes over memory of the size of x that a call can not do without when x does not fit in a cache: forward reads
// x twice and writes y; backward reads dy and x twice and writes dx.
const PASSES = {training: 8, frozen: 3, copy: 2};

/** Contestants that move each byte as often as PASSES says. */
const FUSED: ContestantName[] = ['native', 'kernels', 'nativeAlone', 'typescriptAlone'];

const EXPLAINED: Partial<Record<ContestantName, string>> = {
  native: 'RBN in tfjs, native: `rbn.representativeBatchNormTraining` through `tf.grads` (training), `rbn.representativeBatchNorm` (frozen).',
  kernels: 'without a tape: both kernels by `engine().runKernel`; what `tf.grads` adds, it adds to every op of tfjs.',
  typescriptAlone: 'alone: the call below the kernel, on arrays that are allocated once; the TypeScript form is what runs where the addon is not built.',
  composed: 'composed kernels: the same ops on the kernels that other backends get, composed of tfjs ops.',
  opByOp: 'op by op in tfjs: the definition in tfjs ops, differentiated by tfjs.',
  tfBatchNorm: 'tf.layers.batchNormalization: the ops that this layer calls, plain BatchNorm.',
  fusedBatchNorm: 'fused: what this layer runs in training on `cuda` with this package, one kernel each way and its moving statistics.',
  torchBatchNorm: 'PyTorch: channels_last; its RBN is the definition around its own fused standardisation, differentiated by autograd (bench/torch_peer.py).',
};

export function report(result: BenchResult, command: string, chart: string | null): string {
  const {date, machine, load, torch, gpu, tensorflow, rows, overhead, targets} = result;
  const names = (Object.keys(CONTESTANTS) as ContestantName[]).filter(name => rows.some(row => row.times[name] !== undefined));
  const where = gpu !== null ? `on ${gpu.engine === 'simulator' ? 'the simulator: these times mean nothing' : 'a GPU'}` :
      `on the CPU${tensorflow === null ? '' : ', in tfjs-node'}`;
  return [
    `# Benchmark ${where}`, '',
    `${date} UTC, by \`${command}\` on ${machineLine(machine)}${gpu === null ? `; PyTorch ${torch ?? 'not there'}` : ''}. ` +
      `Load average at the start: ${load.toFixed(1)}.`,
    ...setting(result),
    'float32, channels last. Milliseconds a call: the median over rounds in which all contestants take turns, warm.' +
      figureNote(rows.flatMap(row => Object.values(row.times))), '',
    ...(chart === null ? [] : [`![Milliseconds a training step of one layer](${chart})`, '']),
    ...targetSection(targets),
    '## Training: forward and backward, milliseconds', '', ...times(rows.filter(r => r.training), names), '',
    ...(names.includes('native') ? ['## Training: times the milliseconds of RBN in tfjs, native', '', ...ratios(rows.filter(r => r.training), names), ''] : []),
    '## Frozen: forward with given statistics, milliseconds', '', ...times(rows.filter(r => !r.training), names), '',
    '## Bytes a second', '',
    `GB/s, counting ${PASSES.training} passes over x in training (forward reads x twice and writes y, backward reads dy and x twice and ` +
      `writes dx), ${PASSES.frozen} frozen${names.includes('copy') ? `, ${PASSES.copy} for the copy (one thread)` : ''}. ` +
      'More than memory gives means that x stayed in a cache.', '',
    ...bandwidth(rows, names), '',
    '## Overhead of a call', '',
    `A frozen forward on shape ${overhead.shape} takes ${overhead.rbn.toFixed(1)} µs, tf.add of the same tensor ${overhead.add.toFixed(1)} µs, tidy and dispose included.`, '',
    '## What is compared', '',
    ...names.flatMap(name => EXPLAINED[name] === undefined ? [] : [`- ${EXPLAINED[name]}`]),
    '',
  ].join('\n');
}

/** What the contestants run on, and in how many threads. */
function setting({threads, isa, backend, gpu, tensorflow}: BenchResult): string[] {
  if (gpu !== null) {
    return [`${gpu.name}, compute capability ${gpu.computeCapability}, driver for CUDA ${gpu.cuda ?? 'of unknown version'}. Times are between ` +
      'events on the device, from before a call to after it: where JavaScript calls later than the GPU could begin, that is in them. ' +
      '`npm run bench:gpu` times the kernels of RBN alone.'];
  }
  return [
    ...(tensorflow === null ? [] : [`tfjs is tfjs-node's backend \`tensorflow\` on TensorFlow ${tensorflow.version}, where RBN runs ` +
      `${tensorflow.way === 'op' ? 'as an op' : 'on copies of tensors'}; TensorFlow's own ops choose their threads themselves.`]),
    `${threads} ${threads === 1 ? 'thread' : 'threads'} for native code (${isa ?? 'addon not built'}) and PyTorch; ` +
      `${backend === 'cpu' ? 'everything else runs' : 'the TypeScript form and the copy run'} in one.`,
  ];
}

function times(rows: Row[], names: ContestantName[]): string[] {
  return table(['shape', ...names.map(n => CONTESTANTS[n])], rows.map(({shape, times}) => [
    shapeName(shape),
    ...names.map(n => {
      const t = times[n];
      return t === undefined ? '–' : figure(t);
    }),
  ]));
}

function ratios(rows: Row[], names: ContestantName[]): string[] {
  const others = names.filter(n => n !== 'native' && n !== 'copy');
  return table(['shape', ...others.map(n => CONTESTANTS[n])], rows.map(({shape, times}) => [
    shapeName(shape),
    ...others.map(n => {
      const r = ratio(times, n, 'native');
      return r === null ? '–' : digits(r);
    }),
  ]));
}

function bandwidth(rows: Row[], names: ContestantName[]): string[] {
  const counted = [...FUSED, 'copy' as const].filter(n => names.includes(n));
  return table(['shape', '', ...counted.map(n => CONTESTANTS[n])], rows.map(({shape, training, times}) => [
    shapeName(shape), training ? 'training' : 'frozen',
    ...counted.map(n => {
      const t = times[n];
      const passes = n === 'copy' ? PASSES.copy : training ? PASSES.training : PASSES.frozen;
      return t === undefined ? '–' : (passes * BYTES * elements(shape) / t.milliseconds / 1e6).toFixed(1);
    }),
  ]));
}
