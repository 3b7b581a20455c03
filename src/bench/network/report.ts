// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The results of the benchmark of whole networks as Markdown, for terminals and docs/.
import {machineLine} from '../../train/machine';
import {Norm, NORMS} from '../../train/network';
import {digits, figure, figureNote, table} from '../table';
import {targetSection} from '../target';
import {caseName, NETWORK_CONTESTANTS, NetworkContestantName} from './contestants';
import type {CaseResult, NetworkBenchResult} from './result';

const LISTED_KERNELS = 15;

export function networkReport(result: NetworkBenchResult, command: string, chart: string | null): string {
  const {date, machine, load, gpu, tensorflow, targets, cases} = result;
  const where = gpu !== null ? `on ${gpu.engine === 'simulator' ? 'the simulator: these times mean nothing' : 'a GPU'}` :
      `on the CPU${tensorflow === null ? '' : ', in tfjs-node'}`;
  return [
    `# Whole networks ${where}`, '',
    `${date} UTC, by \`${command}\` on ${machineLine(machine)}. Load average at the start: ${load.toFixed(1)}.`,
    ...setting(result),
    'Milliseconds are medians over rounds in which all contestants take turns, warm; a call ends when its result, the loss or the output, is on ' +
      'the host. In a row, only the result of the last call of a turn is waited for. Columns with × are images/s as a multiple of that contestant\'s.' +
      figureNote(cases.flatMap(({times}) => Object.values(times).map(({each}) => each))), '',
    ...(chart === null ? [] : [`![Images a second, and where the time goes](${chart})`, '']),
    ...targetSection(targets),
    ...cases.flatMap(caseReport),
    '## What is compared', '',
    '- tfjs: networks of tf.layers; training is `trainOnBatch` with tf.train.momentum and categoricalCrossentropy, inference `predictOnBatch` and ' +
      '`data()`. RBN is `rbn.layers.representativeBatchNormalization`, with its ReLU fused where one follows.',
    '- PyTorch: eager, channels_last, SGD with momentum, `zero_grad(set_to_none=True)`; RBN is the definition around its ' +
      'own fused standardisation (bench/torch_networks.py). The same parameters, convolutions and multiplications, or the run says so.',
    '- One batch of random images stays on the device. Multiplications are those of convolutions and dense layers; GFLOP/s count two operations for ' +
      'each, and a step of training as three forward passes.',
    '- JavaScript: until it had nothing left to do but wait; kernels that run in its thread are in it. Kernels: by `tf.profile`, the mean of some ' +
      'calls apart from the others; on a GPU between events around each, which nobody waits for before the last call is done.', '',
  ].join('\n');
}

function setting({threads, isa, torch, withoutTorch, gpu, tensorflow, libraries, fallbacks}: NetworkBenchResult): string[] {
  const peer = torch === null ? `Without PyTorch: ${withoutTorch}.` : `PyTorch ${torch.version} on ${torch.device}.`;
  if (gpu === null) {
    const backend = tensorflow === null ? '' : `tfjs is tfjs-node's backend \`tensorflow\` on TensorFlow ${tensorflow.version}. `;
    return [`${peer} ${backend}float32; ${threads} ${threads === 1 ? 'thread' : 'threads'} for native code (${isa ?? 'addon not built'}) and PyTorch.`];
  }
  return [
    `${gpu.name}, compute capability ${gpu.computeCapability}, driver for CUDA ${gpu.cuda ?? 'of unknown version'}; ` +
      `${libraries.map(({name, state, version}) => `${name} ${version ?? ''} ${state}`.replace('  ', ' ')).join(', ')}. ${peer}`,
    'float32, and on both sides TF32 where NVIDIA\'s libraries may round factors; PyTorch searches for its fastest algorithms (cudnn.benchmark).',
    fallbacks.length === 0 ? 'All kernels of tfjs ran on the device.' : `**Kernels of tfjs that ran on the CPU, on copies: ${fallbacks.join(', ')}.**`,
  ];
}

function caseReport(one: CaseResult): string[] {
  const {sizes, failures, kernels} = one;
  const whole = (count: number) => count.toLocaleString('en');
  return [
    `## ${caseName(one)}`, '',
    `${whole(sizes.bn.parameters)} parameters, with RBN ${whole(sizes.rbn.parameters)}; ${whole(sizes.rbn.multiplications)} multiplications an image in ` +
      `${sizes.rbn.products} layers.`, '',
    ...failures.flatMap(failure => [`**Failed.** ${failure}`, '']),
    ...(Object.keys(one.times).length === 0 ? [] : [...timesTable(one), '']),
    ...NORMS.flatMap(norm => kernels[norm] === undefined ? [] : whereTheTimeGoes(one, norm)),
    ...(Object.keys(kernels).length === 0 ? [] : [...kernelTable(one), '']),
  ];
}

export function imagesPerSecond({batch}: CaseResult, milliseconds: number): number {
  return 1000 * batch / milliseconds;
}

function timesTable(one: CaseResult): string[] {
  const {times, training, sizes} = one;
  const operations = 2 * sizes.rbn.multiplications * (training ? 3 : 1);
  const names = (Object.keys(NETWORK_CONTESTANTS) as NetworkContestantName[]).filter(name => times[name] !== undefined);
  const compared = names.filter(name => name.startsWith('torch'));
  return table(
      ['', training ? 'ms a step' : 'ms a call', 'images/s', 'GFLOP/s', 'images/s in a row', ...compared.map(name => `× ${NETWORK_CONTESTANTS[name]}`)],
      names.map(name => {
        const {each, row} = times[name]!, rate = imagesPerSecond(one, each.milliseconds);
        return [
          NETWORK_CONTESTANTS[name], figure(each), digits(rate), digits(rate * operations / 1e9),
          row === null ? '–' : digits(imagesPerSecond(one, row.milliseconds)),
          ...compared.map(other => digits(times[other]!.each.milliseconds / each.milliseconds)),
        ];
      }));
}

function whereTheTimeGoes({times, scriptShares, kernels}: CaseResult, norm: Norm): string[] {
  const call = times[norm]?.each.milliseconds, share = scriptShares[norm], sum = kernels[norm]!.reduce((a, k) => a + k.milliseconds, 0);
  if (call === undefined || share === undefined) return [];
  return [`${NETWORK_CONTESTANTS[norm]}: of ${digits(call)} ms, JavaScript was at work for ${digits(share * call)} ms (${(100 * share).toFixed(0)} %); ` +
      `the kernels of a profiled call take ${digits(sum)} ms together.`, ''];
}

/** The slowest kernels, by those with RBN where they are there. */
function kernelTable({kernels}: CaseResult): string[] {
  const norms = NORMS.filter(norm => kernels[norm] !== undefined);
  const names = [...new Set(norms.flatMap(norm => kernels[norm]!.map(({kernel}) => kernel)))];
  const sums = new Map(norms.map(norm => [norm, kernels[norm]!.reduce((a, k) => a + k.milliseconds, 0)]));
  const row = (title: string, listed: string[]) => [title, ...norms.flatMap(norm => {
    const ours = kernels[norm]!.filter(({kernel}) => listed.includes(kernel));
    const milliseconds = ours.reduce((a, k) => a + k.milliseconds, 0);
    if (ours.length === 0) return ['–', '–', '–'];
    return [digits(ours.reduce((a, k) => a + k.calls, 0)), digits(milliseconds), `${(100 * milliseconds / sums.get(norm)!).toFixed(1)} %`];
  })];
  const rest = names.slice(LISTED_KERNELS);
  return table(
      ['kernel', ...norms.flatMap(norm => [`calls, ${norm}`, 'ms', 'share'])],
      [...names.slice(0, LISTED_KERNELS).map(name => row(name, [name])), ...(rest.length === 0 ? [] : [row(`${rest.length} others`, rest)])]);
}
