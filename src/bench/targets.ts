// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The figures that this package sets itself, against what was measured. They are told, not enforced: a busy
// machine misses them too. The ones against PyTorch are meant for 2 threads.
import {CONTESTANTS, ContestantName} from './contestants';
import type {BenchResult, Row, Times} from './result';
import {shapeName} from './shapes';
import type {Target} from './target';

interface Ratio {
  of: ContestantName;
  to: ContestantName;
  shapes: Record<string, number>; // largest ratio by shape
}

const CPU_RATIOS: Ratio[] = [
  {of: 'native', to: 'torchBatchNorm', shapes: {'8x56x56x256': 1.6, '8x28x28x128': 1.1, '8x14x14x256': 1.1}},
  {of: 'nativeAlone', to: 'torchBatchNorm', shapes: {'8x56x56x256': 1.1, '8x28x28x128': 0.6, '8x14x14x256': 0.6}},
  {of: 'nativeAlone', to: 'torchRbn', shapes: {'8x56x56x256': 0.25, '8x28x28x128': 0.25, '8x14x14x256': 0.25}},
];

// The largest stages inside and at the end of a bottleneck; 1.1 leaves a tenth for what tfjs adds to a call.
const TENSORFLOW_SHAPES = {'8x56x56x256': 1.1, '8x28x28x128': 1.1};
const TENSORFLOW_RATIOS: Ratio[] = [
  {of: 'kernels', to: 'nativeAlone', shapes: TENSORFLOW_SHAPES},
  {of: 'native', to: 'nativeAlone', shapes: TENSORFLOW_SHAPES},
];

interface Faster {
  of: ContestantName;
  to: ContestantName;
  least: number;
  shapes: string[];
}

const CPU_SHAPES = ['8x56x56x256', '8x28x28x128', '8x14x14x256'];

// Times faster than RBN composed of tfjs ops, in training.
const CPU_FASTER: Faster[] = [
  {of: 'native', to: 'opByOp', least: 1000, shapes: CPU_SHAPES},
  {of: 'native', to: 'composed', least: 1000, shapes: CPU_SHAPES},
  {of: 'typescriptAlone', to: 'opByOp', least: 50, shapes: CPU_SHAPES},
  {of: 'typescriptAlone', to: 'composed', least: 50, shapes: CPU_SHAPES},
];

const TENSORFLOW_FASTER: Faster[] = [
  {of: 'native', to: 'opByOp', least: 15, shapes: Object.keys(TENSORFLOW_SHAPES)},
];

const MOST_OVERHEAD = 20; // microseconds above tf.add
const MOST_REGISTRATION = 100; // milliseconds

export function ratio(times: Times, of: ContestantName, to: ContestantName): number | null {
  const [a, b] = [times[of], times[to]];
  return a === undefined || b === undefined ? null : a.milliseconds / b.milliseconds;
}

/** None on a GPU: nothing had run on one when these figures were set. */
export function checkTargets({backend, tensorflow, rows, overhead}: Pick<BenchResult, 'backend' | 'tensorflow' | 'rows' | 'overhead'>): Target[] {
  if (backend === 'cuda') return [];
  const training = rows.filter(row => row.training);
  const [ratios, faster] = backend === 'cpu' ? [CPU_RATIOS, CPU_FASTER] : [TENSORFLOW_RATIOS, TENSORFLOW_FASTER];
  return [
    ...ratios.flatMap(target => training.flatMap(row => ratioTarget(target, row))),
    ...faster.flatMap(({of, to, least, shapes}) => {
      const compared = training.filter(row => shapes.includes(shapeName(row.shape)) && ratio(row.times, to, of) !== null);
      if (compared.length === 0) return [];
      const factors = compared.map(row => ratio(row.times, to, of)!);
      const lowest = Math.min(...factors);
      return [{
        what: `${CONTESTANTS[of]} faster than ${CONTESTANTS[to]}, ${compared.map(row => shapeName(row.shape)).join(', ')}`,
        limit: `≥ ${least} ×`, measured: `${lowest.toFixed(0)} × to ${Math.max(...factors).toFixed(0)} ×`, met: lowest >= least,
      }];
    }),
    ...(backend !== 'cpu' ? [] : [{
      what: 'frozen forward on shape [1, 1] above tf.add, tidy and dispose included',
      limit: `≤ ${MOST_OVERHEAD} µs`, measured: `${(overhead.rbn - overhead.add).toFixed(1)} µs`,
      met: overhead.rbn - overhead.add <= MOST_OVERHEAD,
    }]),
    ...(tensorflow?.registration == null ? [] : [{
      what: 'registration of the ops with TensorFlow, once a process',
      limit: `≤ ${MOST_REGISTRATION} ms`, measured: `${tensorflow.registration.toFixed(0)} ms`,
      met: tensorflow.registration <= MOST_REGISTRATION,
    }]),
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
