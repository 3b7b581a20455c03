// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A bar chart. The axis is logarithmic.
import {Colours, svgPage} from './svg';

export interface Bars {
  title: string; // for who can not see it
  axis: string;
  series: {name: string; label: string; colours: Colours[string]}[];
  groups: {label: string; values: Partial<Record<string, number>>}[]; // by the name of a series
}

const WIDTH = 900, LEFT = 130, RIGHT = 70, BAR = 12, GAP = 16, KEY_ROW = 22, KEY_COLUMNS = 3, MARGIN = 16, AXIS = 36;

export function drawBars({title, axis, series, groups}: Bars): string {
  const names = series.map(({name}) => name);
  const all = groups.flatMap(({values}) => names.map(name => values[name]).filter(v => v !== undefined));
  const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
  const x = (value: number) =>
    Math.round(10 * (LEFT + (WIDTH - LEFT - RIGHT) * (Math.log10(value) - low) / (high - low || 1))) / 10;
  const top = MARGIN + Math.ceil(names.length / KEY_COLUMNS) * KEY_ROW + 24;
  const height = names.length * BAR + GAP;
  const bottom = top + groups.length * height;

  const key = series.map(({name, label}, i) => {
    const [kx, ky] = [MARGIN + (i % KEY_COLUMNS) * 290, MARGIN + Math.floor(i / KEY_COLUMNS) * KEY_ROW];
    return `<rect class="${name}" x="${kx}" y="${ky}" width="14" height="12" rx="2"/><text x="${kx + 20}" y="${ky + 10}">${label}</text>`;
  });
  const grid = Array.from({length: high - low + 1}, (_, i) => 10 ** (low + i)).map(value =>
    `<line x1="${x(value)}" x2="${x(value)}" y1="${top - 8}" y2="${bottom}"/>` +
    `<text class="quiet" x="${x(value)}" y="${bottom + 16}" text-anchor="middle">${Number(value.toPrecision(1))}</text>`);
  const bars = groups.map(({label, values}, g) => {
    const y = top + g * height;
    return `<text x="${LEFT - 10}" y="${y + names.length * BAR / 2 + 4}" text-anchor="end">${label}</text>` + names.map((name, i) => {
      const value = values[name];
      if (value === undefined) return '';
      return `<rect class="${name}" x="${LEFT}" y="${y + i * BAR}" width="${(x(value) - LEFT).toFixed(1)}" height="${BAR - 2}" rx="2"/>` +
          `<text class="small" x="${x(value) + 5}" y="${y + i * BAR + 9}">${Number(value.toPrecision(3))}</text>`;
    }).join('');
  });
  return svgPage(WIDTH, bottom + AXIS, title, Object.fromEntries(series.map(s => [s.name, s.colours])), [
    ...key, ...grid, ...bars,
    `<text class="quiet" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 32}" text-anchor="middle">${axis}</text>`,
  ]);
}
