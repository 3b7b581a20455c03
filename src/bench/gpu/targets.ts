// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The figures that this package sets itself on a GPU, against what was measured. They are told, not enforced.
import {shapeName} from '../shapes';
import type {Target} from '../target';
import {bestBatchNorm, bytesOf, Direction, milliseconds, tensorBytes} from './contestants';
import type {GpuBenchResult, GpuRow} from './result';

const MOST_OF_BATCH_NORM = 1, MOST_OF_BATCH_NORM_ON_AVERAGE = 0.8;
const MOST_OF_OP_BY_OP = 0.25;
const LEAST_OF_CEILING = 0.85;
const LARGE = 50e6; // bytes; above, the caches hold too little of a tensor to matter
// Within, a tensor can stay in the L2 cache between two passes. MB are 10^6 or 2^20 bytes, whichever takes in more.
const MIDDLE = [10e6, 25 * 2 ** 20] as const;
const MOST_OF_COPY = 1.3, ABOVE_COPY = 0.004; // milliseconds
const MOST_HOST_TIME = 30; // microseconds

/** GB/s that a copy moves at best, the driver's or the engine's own; on large tensors where there are any. */
export function copyCeiling(rows: readonly GpuRow[]): number {
  const large = rows.filter(({layer}) => tensorBytes(layer) > LARGE);
  return Math.max(...(large.length > 0 ? large : rows).flatMap(({layer, times}) => [times.copy!, times.kernelCopy!].map(
      copy => 2 * tensorBytes(layer) / copy.forward!.milliseconds / 1e6)));
}

/** The part of the ceiling that a call's bytes reach. */
export function ofCeiling({layer, times}: GpuRow, direction: Direction, ceiling: number): number {
  return bytesOf(layer, direction) / times.rbn![direction]!.milliseconds / 1e6 / ceiling;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

/** A figure of each row, and the worst of them, which counts. One that was not measured is not reached. */
function worst(what: string, limit: string, rows: readonly GpuRow[], figure: (row: GpuRow) => number | null,
               show: (value: number) => string, meets: (value: number) => boolean, least = false): Target[] {
  const all = rows.map(row => ({value: figure(row), name: shapeName(row.layer.shape)})).filter(({value}) => value !== null);
  if (all.length === 0) return [];
  const last = all.reduce((a, b) => (least ? b.value! < a.value! : b.value! > a.value!) ? b : a);
  const missed = all.filter(({value}) => !meets(value!)).length;
  return [{
    what, limit, met: missed === 0 && all.length === rows.length,
    measured: `${show(last.value!)} (${last.name})${missed === 0 ? '' : `, ${missed} of ${all.length} miss it`}${notMeasured(all.length, rows.length)}`,
  }];
}

function notMeasured(measured: number, all: number): string {
  return measured === all ? '' : `, ${all - measured} of ${all} not measured`;
}

const two = (value: number) => value.toFixed(2);

/** Training, forward and backward, of one type and ending. */
function againstPeers(rows: readonly GpuRow[], kind: string): Target[] {
  const ratio = (of: (row: GpuRow) => number | null) => (row: GpuRow) => {
    const peer = of(row);
    return peer === null ? null : milliseconds(row.layer, row.times, 'rbn')! / peer;
  };
  const batchNorm = ratio(({layer, times}) => bestBatchNorm(layer, times));
  const opByOp = ratio(({layer, times}) => milliseconds(layer, times, 'torchRbn'));
  const compiled = ratio(({layer, times}) => milliseconds(layer, times, 'torchCompiled'));
  const averages = rows.map(batchNorm).filter(r => r !== null);
  const average = geometricMean(averages);
  return [
    ...worst(`RBN / PyTorch BatchNorm, its best, every shape, ${kind}`, `≤ ${two(MOST_OF_BATCH_NORM)}`, rows, batchNorm, two,
        r => r <= MOST_OF_BATCH_NORM),
    ...(averages.length === 0 ? [] : [{
      what: `RBN / PyTorch BatchNorm, its best, geometric mean, ${kind}`, limit: `≤ ${two(MOST_OF_BATCH_NORM_ON_AVERAGE)}`,
      measured: `${two(average)}${notMeasured(averages.length, rows.length)}`,
      met: average <= MOST_OF_BATCH_NORM_ON_AVERAGE && averages.length === rows.length,
    }]),
    ...worst(`RBN / PyTorch RBN op by op, every shape, ${kind}`, `≤ ${two(MOST_OF_OP_BY_OP)}`, rows, opByOp, two,
        r => r <= MOST_OF_OP_BY_OP),
    ...worst(`RBN / PyTorch RBN by torch.compile, every shape, ${kind}`, '< 1', rows, compiled, two, r => r < 1),
  ];
}

/** Where layers failed, nothing is reached that speaks of all of them. */
export function checkGpuTargets({rows, hostTime, failures}: Pick<GpuBenchResult, 'rows' | 'hostTime' | 'failures'>): Target[] {
  const ofLayers = layerTargets(rows).map(
      t => failures.length === 0 ? t : {...t, met: false, measured: `${t.measured}, without the layers that failed`});
  return [...ofLayers, {
    what: 'host time of one RBN layer from TypeScript', limit: `< ${MOST_HOST_TIME} µs`,
    measured: `${hostTime.layer.toFixed(1)} µs`, met: hostTime.layer < MOST_HOST_TIME,
  }];
}

function layerTargets(rows: readonly GpuRow[]): Target[] {
  const training = rows.filter(({layer}) => layer.training);
  const ceiling = copyCeiling(rows);
  const targets: Target[] = [];
  for (const dtype of ['float32', 'bfloat16'] as const) {
    for (const residual of [false, true]) {
      const chosen = training.filter(({layer}) => layer.dtype === dtype && layer.residual === residual);
      targets.push(...againstPeers(chosen, `${dtype}${residual ? ', residual and ReLU' : ''}`));
    }
  }
  const large = training.filter(({layer}) => tensorBytes(layer) > LARGE);
  for (const direction of ['forward', 'backward'] as const) {
    targets.push(...worst(`bytes of ${direction} over the copy ceiling, tensors above 50 MB`, `≥ ${100 * LEAST_OF_CEILING} %`, large,
        row => ofCeiling(row, direction, ceiling), value => `${(100 * value).toFixed(0)} %`, value => value >= LEAST_OF_CEILING, true));
  }
  const middle = training.filter(({layer}) => !layer.residual && tensorBytes(layer) >= MIDDLE[0] && tensorBytes(layer) <= MIDDLE[1]);
  targets.push(...worst('forward above 1.3 × the copy kernel, tensors of 10 to 25 MB', `≤ ${1000 * ABOVE_COPY} µs`, middle,
      ({times}) => times.rbn!.forward!.milliseconds - MOST_OF_COPY * times.kernelCopy!.forward!.milliseconds,
      value => `${(1000 * value).toFixed(1)} µs`, value => value <= ABOVE_COPY));
  return targets;
}
