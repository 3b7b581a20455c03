// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The figures that this package sets itself, against what was measured. They are told, not enforced: a busy
// machine misses them too. The ones against PyTorch are meant for 2 threads.
import type {BenchResult, Row, Times} from './bench';
import {CONTESTANTS, ContestantName} from './contestants';
import {shapeName} from './shapes';

export interface Target {
  what: string;
  limit: string;
  measured: string;
  met: boolean;
}

interface Ratio {
  of: ContestantName;
  to: ContestantName;
  shapes: Record<string, number>; // largest ratio by shape
}

const RATIOS: Ratio[] = [
  {of: 'native', to: 'torchBatchNorm', shapes: {'8x56x56x256': 1.6, '8x28x28x128': 1.1, '8x14x14x256': 1.1}},
  {of: 'nativeAlone', to: 'torchBatchNorm', shapes: {'8x56x56x256': 1.1, '8x28x28x128': 0.6, '8x14x14x256': 0.6}},
  {of: 'nativeAlone', to: 'torchRbn', shapes: {'8x56x56x256': 0.25, '8x28x28x128': 0.25, '8x14x14x256': 0.25}},
];

// Times faster than RBN composed of tfjs ops, on any shape, in training.
const FASTER: {of: ContestantName; to: ContestantName; least: number}[] = [
  {of: 'native', to: 'opByOp', least: 1000},
  {of: 'native', to: 'composed', least: 1000},
  {of: 'typescriptAlone', to: 'opByOp', least: 50},
  {of: 'typescriptAlone', to: 'composed', least: 50},
];

const MOST_OVERHEAD = 20; // microseconds above tf.add

export function ratio(times: Times, of: ContestantName, to: ContestantName): number | null {
  const [a, b] = [times[of], times[to]];
  return a === undefined || b === undefined ? null : a.milliseconds / b.milliseconds;
}

export function checkTargets({rows, overhead}: Pick<BenchResult, 'rows' | 'overhead'>): Target[] {
  const training = rows.filter(row => row.training);
  return [
    ...RATIOS.flatMap(target => training.flatMap(row => ratioTarget(target, row))),
    ...FASTER.flatMap(({of, to, least}) => {
      const factors = training.map(row => ratio(row.times, to, of)).filter(r => r !== null);
      if (factors.length === 0) return [];
      const lowest = Math.min(...factors);
      return [{
        what: `${CONTESTANTS[of]} faster than ${CONTESTANTS[to]}, every shape`,
        limit: `≥ ${least} ×`, measured: `${lowest.toFixed(0)} × to ${Math.max(...factors).toFixed(0)} ×`, met: lowest >= least,
      }];
    }),
    {
      what: 'frozen forward on shape [1, 1] above tf.add, tidy and dispose included',
      limit: `≤ ${MOST_OVERHEAD} µs`, measured: `${(overhead.rbn - overhead.add).toFixed(1)} µs`,
      met: overhead.rbn - overhead.add <= MOST_OVERHEAD,
    },
  ];
}

function ratioTarget({of, to, shapes}: Ratio, {shape, times}: Row): Target[] {
  const name = shapeName(shape);
  const measured = ratio(times, of, to);
  if (measured === null || !Object.hasOwn(shapes, name)) return [];
  return [{
    what: `${CONTESTANTS[of]} / ${CONTESTANTS[to]}, ${name}`,
    limit: `≤ ${shapes[name]}`, measured: measured.toFixed(2), met: measured <= shapes[name],
  }];
}
