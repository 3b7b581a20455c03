// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The picture of `tfjs-rbn bench`: the training times. tfjs's own ops take thousands of times longer than the fused code.
import {drawBars} from './bars';
import {CONTESTANTS, ContestantName} from './contestants';
import type {BenchResult} from './result';
import {shapeName} from './shapes';
import type {Colours} from './svg';

const DRAWN: Partial<Record<ContestantName, Colours[string]>> = {
  nativeAlone: ['#1d4ed8', '#93b8ff'], native: ['#3b82f6', '#5b8def'],
  torchBatchNorm: ['#c2620a', '#f5a54a'], torchRbn: ['#e8a15c', '#c77d2e'], typescriptAlone: ['#0d9488', '#2dd4bf'],
  fusedBatchNorm: ['#be185d', '#f472b6'], tfBatchNorm: ['#6b7280', '#9ca3af'], opByOp: ['#a3a9b5', '#6b7280'],
};

export function barChart({rows}: BenchResult): string {
  const training = rows.filter(row => row.training);
  const names = (Object.keys(DRAWN) as ContestantName[]).filter(name => training.some(row => row.times[name] !== undefined));
  return drawBars({
    title: 'Milliseconds a training step of one layer',
    axis: 'milliseconds, forward and backward, logarithmic',
    series: names.map(name => ({name, label: CONTESTANTS[name], colours: DRAWN[name]!})),
    groups: training.map(({shape, times}) => ({
      label: shapeName(shape), values: Object.fromEntries(names.map(name => [name, times[name]?.milliseconds])),
    })),
  });
}
