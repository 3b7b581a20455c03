// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A bar chart of the training times. The axis is logarithmic: tfjs's own ops take thousands of times longer than the
// fused code.
import type {BenchResult} from './bench';
import {CONTESTANTS, ContestantName} from './contestants';
import {shapeName} from './shapes';
import {Colours, svgPage} from './svg';

const DRAWN: ContestantName[] = ['nativeAlone', 'native', 'torchBatchNorm', 'torchRbn', 'typescriptAlone', 'fusedBatchNorm', 'tfBatchNorm', 'opByOp'];
const COLOURS: Partial<Record<ContestantName, Colours[string]>> = {
  nativeAlone: ['#1d4ed8', '#93b8ff'], native: ['#3b82f6', '#5b8def'], typescriptAlone: ['#0d9488', '#2dd4bf'],
  torchBatchNorm: ['#c2620a', '#f5a54a'], torchRbn: ['#e8a15c', '#c77d2e'],
  fusedBatchNorm: ['#be185d', '#f472b6'], tfBatchNorm: ['#6b7280', '#9ca3af'], opByOp: ['#a3a9b5', '#6b7280'],
};

const WIDTH = 900, LEFT = 110, RIGHT = 70, BAR = 12, GAP = 16, KEY_ROW = 22, KEY_COLUMNS = 3, MARGIN = 16, AXIS = 36;

export function barChart({rows}: BenchResult): string {
  const training = rows.filter(row => row.training);
  const names = DRAWN.filter(name => training.some(row => row.times[name] !== undefined));
  const all = training.flatMap(row => names.map(name => row.times[name]?.milliseconds).filter(t => t !== undefined));
  const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
  const x = (milliseconds: number) =>
    Math.round(10 * (LEFT + (WIDTH - LEFT - RIGHT) * (Math.log10(milliseconds) - low) / (high - low || 1))) / 10;
  const top = MARGIN + Math.ceil(names.length / KEY_COLUMNS) * KEY_ROW + 24;
  const group = names.length * BAR + GAP;
  const bottom = top + training.length * group;

  const key = names.map((name, i) => {
    const [kx, ky] = [MARGIN + (i % KEY_COLUMNS) * 290, MARGIN + Math.floor(i / KEY_COLUMNS) * KEY_ROW];
    return `<rect class="${name}" x="${kx}" y="${ky}" width="14" height="12" rx="2"/><text x="${kx + 20}" y="${ky + 10}">${CONTESTANTS[name]}</text>`;
  });
  const grid = Array.from({length: high - low + 1}, (_, i) => 10 ** (low + i)).map(t =>
    `<line x1="${x(t)}" x2="${x(t)}" y1="${top - 8}" y2="${bottom}"/>` +
    `<text class="quiet" x="${x(t)}" y="${bottom + 16}" text-anchor="middle">${Number(t.toPrecision(1))}</text>`);
  const bars = training.map((row, g) => {
    const y = top + g * group;
    return `<text x="${LEFT - 10}" y="${y + names.length * BAR / 2 + 4}" text-anchor="end">${shapeName(row.shape)}</text>` + names.map((name, i) => {
      const t = row.times[name]?.milliseconds;
      if (t === undefined) return '';
      return `<rect class="${name}" x="${LEFT}" y="${y + i * BAR}" width="${(x(t) - LEFT).toFixed(1)}" height="${BAR - 2}" rx="2"/>` +
          `<text class="small" x="${x(t) + 5}" y="${y + i * BAR + 9}">${Number(t.toPrecision(3))}</text>`;
    }).join('');
  });
  return svgPage(WIDTH, bottom + AXIS, 'Milliseconds a training step of one layer',
      Object.fromEntries(names.map(name => [name, COLOURS[name]!])), [
        ...key, ...grid, ...bars,
        `<text class="quiet" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 32}" text-anchor="middle">milliseconds, forward and backward, logarithmic</text>`,
      ]);
}
