// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The results of `npm run bench:gpu` as Markdown and as a picture.
import {drawBars} from '../bars';
import {shapeName} from '../shapes';
import type {Colours} from '../svg';
import {digits, table} from '../table';
import {targetSection} from '../target';
import {bestBatchNorm, ContestantName, CONTESTANTS, milliseconds, tensorBytes} from './contestants';
import type {GpuBenchResult, GpuRow} from './result';
import {copyCeiling, ofCeiling} from './targets';

const COPIES: readonly ContestantName[] = ['copy', 'kernelCopy'];

export function gpuReport(result: GpuBenchResult, command: string, chart: string | null): string {
  const {date, node, gpu, driver, torch, noTorch, hostTime, rows, failures, targets} = result;
  const simulated = gpu.engine === 'simulator';
  const names = (Object.keys(CONTESTANTS) as ContestantName[]).filter(name => rows.some(row => row.times[name] !== undefined));
  const ceiling = copyCeiling(rows);
  const section = (title: string, training: boolean, residual: boolean) =>
    times(title, rows.filter(({layer}) => layer.training === training && layer.residual === residual), names, ceiling);
  return [
    `# Benchmark of the kernels on ${simulated ? 'the simulator: these times mean nothing' : gpu.name}`, '',
    `${date} UTC, by \`${command}\`, tfjs-rbn ${gpu.version}, Node ${node}. ${gpu.name}, compute capability ${gpu.computeCapability}, ` +
      `${gpu.multiprocessors} multiprocessors, ${(gpu.memoryBytes / 2 ** 30).toFixed(0)} GiB, L2 ${(gpu.l2Bytes / 2 ** 20).toFixed(0)} MiB; ` +
      `driver ${driver ?? 'unknown'} for CUDA ${gpu.cudaDriver}, engine of CUDA ${gpu.cudaRuntime}. ` +
      (torch === null ? `Without PyTorch: ${noTorch}.` :
        `PyTorch ${torch.torch}, CUDA ${torch.cuda ?? 'none'}, cuDNN ${torch.cudnn ?? 'none'}, on ${torch.name}.`), '',
    'Microseconds a call on the device: CUDA graphs of a call on each of several sets of tensors, so many that the L2 cache holds nothing of ' +
      'the next; between two events, warm, median, all in turns. bfloat16 tensors, float32 parameters (of PyTorch\'s RBN: bfloat16). ' +
      'No work of the host and no moving statistics are in it.',
    ...kernelSums(rows), '',
    ...failures.flatMap(failure => [`**Failed.** ${failure}`, '']),
    ...(chart === null ? [] : [`![Microseconds of forward and backward](${chart})`, '']),
    ...targetSection(targets),
    ...section('Training: forward + backward, µs', true, false),
    ...section('Training with residual and ReLU: forward + backward, µs', true, true),
    ...ratios(rows.filter(({layer}) => layer.training)),
    ...section('Frozen: forward, µs', false, false),
    ...section('Frozen with residual and ReLU: forward, µs', false, true),
    '## What is compared', '',
    `- \`of copy\`: bytes of forward + backward over the ${digits(ceiling)} GB/s that a copy reaches at best. ` +
      ' Training reads x twice each way; more than 100 % means that the cache served some of it.',
    '- copy: the driver\'s, device to device, of a tensor as large; copy kernel: an elementwise kernel of this engine, one read and one write.',
    '- BatchNorm: `F.batch_norm` without moving statistics, cuDNN allowed or not, then `add_` and `relu_`. cuDNN takes what it supports; ' +
      'the JSON file has autograd\'s name for what ran.',
    '- RBN op by op: the definition in PyTorch around its own fused standardisation, channels_last (bench/torch_gpu_peer.py); torch.compile of the same.',
    ...leftOut(rows),
    '', '## Host time of one layer', '',
    `From TypeScript until the kernels are on the stream: the layer ${hostTime.layer.toFixed(1)} µs, in training ${hostTime.trainingLayer.toFixed(1)} µs ` +
      `(moving statistics, too), the op alone ${hostTime.op.toFixed(1)} µs.`,
    '',
  ].join('\n');
}

const micro = (t: number) => digits(1000 * t);

function times(title: string, rows: GpuRow[], names: readonly ContestantName[], ceiling: number): string[] {
  if (rows.length === 0) return [];
  return [`## ${title}`, '', ...table(
    ['tensor', 'type', 'MB', CONTESTANTS.rbn, 'of copy', ...names.filter(n => n !== 'rbn').map(n => CONTESTANTS[n])],
    rows.map(row => {
      const cell = (name: ContestantName) => {
        const {forward, backward} = row.times[name] ?? {};
        if (forward === undefined) return '–';
        return backward === undefined ? micro(forward.milliseconds) : `${micro(forward.milliseconds)} + ${micro(backward.milliseconds)}`;
      };
      const {layer} = row;
      const percent = (['forward', ...layer.training ? ['backward' as const] : []] as const).map(
          direction => `${(100 * ofCeiling(row, direction, ceiling)).toFixed(0)} %`);
      return [shapeName(layer.shape), layer.dtype, (tensorBytes(layer) / 1e6).toFixed(1), cell('rbn'), percent.join(', '),
        ...names.filter(n => n !== 'rbn').map(cell)];
    })), ''];
}

/** Of the microseconds of each peer, what RBN takes. */
function ratios(rows: GpuRow[]): string[] {
  if (!rows.some(({times}) => Object.keys(times).length > 1 + COPIES.length)) return [];
  const share = (row: GpuRow, peer: number | null) => peer === null ? '–' : (milliseconds(row.layer, row.times, 'rbn')! / peer).toFixed(2);
  return ['## Training: RBN\'s time over a peer\'s, forward + backward', '', ...table(
    ['tensor', 'type', '', 'BatchNorm, its best', CONTESTANTS.torchRbn, CONTESTANTS.torchCompiled],
    rows.map(row => [
      shapeName(row.layer.shape), row.layer.dtype, row.layer.residual ? 'residual, ReLU' : 'plain', share(row, bestBatchNorm(row.layer, row.times)),
      ...(['torchRbn', 'torchCompiled'] as const).map(name => share(row, milliseconds(row.layer, row.times, name))),
    ])), ''];
}

/** Peers that could not be captured into a graph. */
function kernelSums(rows: GpuRow[]): string[] {
  const summed = new Set(rows.flatMap(({timing}) => Object.keys(timing).filter(peer => timing[peer].startsWith('kernels'))));
  if (summed.size === 0) return [];
  return [`Of these, some or all times are sums of kernel times by PyTorch's profiler instead: ${
    [...summed].map(peer => CONTESTANTS[peer as ContestantName]).join('; ')}.`];
}

function leftOut(rows: GpuRow[]): string[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    for (const [peer, why] of Object.entries(row.leftOut)) {
      const line = `${CONTESTANTS[peer as ContestantName]}: ${why.split('\n')[0]}`;
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
  }
  return [...counts].map(([line, count]) => `- Left out on ${count} of ${rows.length}: ${line}`);
}

const DRAWN: [ContestantName | 'batchNorm', string, Colours[string]][] = [
  ['rbn', CONTESTANTS.rbn, ['#1d4ed8', '#93b8ff']], ['batchNorm', 'PyTorch BatchNorm, its best', ['#c2620a', '#f5a54a']],
  ['torchCompiled', CONTESTANTS.torchCompiled, ['#0d9488', '#2dd4bf']], ['torchRbn', CONTESTANTS.torchRbn, ['#a3a9b5', '#6b7280']],
];

/** Training without a residual. */
export function gpuChart({rows}: GpuBenchResult): string {
  const groups = rows.filter(({layer}) => layer.training && !layer.residual).map(({layer, times}) => ({
    label: `${shapeName(layer.shape)} ${layer.dtype === 'float32' ? 'f32' : 'bf16'}`,
    values: Object.fromEntries(DRAWN.flatMap(([name]) => {
      const t = name === 'batchNorm' ? bestBatchNorm(layer, times) : milliseconds(layer, times, name);
      return t === null ? [] : [[name, 1000 * t]];
    })),
  }));
  return drawBars({
    title: 'Microseconds of forward and backward', axis: 'microseconds on the device, forward and backward, logarithmic',
    series: DRAWN.filter(([name]) => groups.some(({values}) => name in values)).map(([name, label, colours]) => ({name, label, colours})),
    groups,
  });
}
