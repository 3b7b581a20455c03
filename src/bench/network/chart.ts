// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The picture of the benchmark of whole networks: images a second of each case, and where the milliseconds of the first
// case go in tfjs with RBN.
import {Colours, svgPage} from '../svg';
import {digits} from '../table';
import {caseName, NETWORK_CONTESTANTS, NetworkContestantName} from './contestants';
import {imagesPerSecond} from './report';
import type {CaseResult, NetworkBenchResult} from './result';

const COLOURS: Colours = {
  rbn: ['#1d4ed8', '#93b8ff'], bn: ['#0d9488', '#2dd4bf'], torchRbn: ['#e8a15c', '#c77d2e'], torchBn: ['#c2620a', '#f5a54a'],
  whole: ['#6b7280', '#9ca3af'], script: ['#be185d', '#f472b6'], kernel: ['#3b82f6', '#5b8def'],
};
const SHOWN_KERNELS = 12;
const WIDTH = 900, LEFT = 270, RIGHT = 80, MARGIN = 16, BAR = 14, GAP = 18, TITLE = 22;

interface Bar { title: string; value: number; colour: string }

export function networkChart({cases}: NetworkBenchResult): string {
  const body: string[] = [];
  let y = MARGIN;
  const panel = (title: string, bars: Bar[]) => {
    if (bars.length === 0) return;
    const most = Math.max(...bars.map(({value}) => value));
    body.push(`<text x="${MARGIN}" y="${y + 12}">${title}</text>`);
    y += TITLE;
    for (const {title, value, colour} of bars) {
      const width = (WIDTH - LEFT - RIGHT) * value / most;
      body.push(`<text class="quiet" x="${LEFT - 10}" y="${y + 10}" text-anchor="end">${title}</text>` +
          `<rect class="${colour}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" rx="2"/>` +
          `<text class="small" x="${(LEFT + width + 5).toFixed(1)}" y="${y + 9}">${digits(value)}</text>`);
      y += BAR;
    }
    y += GAP;
  };
  for (const one of cases) {
    const names = (Object.keys(NETWORK_CONTESTANTS) as NetworkContestantName[]).filter(name => one.times[name] !== undefined);
    panel(`${caseName(one)}: images a second`, names.map(name => (
      {title: NETWORK_CONTESTANTS[name], value: imagesPerSecond(one, one.times[name]!.each.milliseconds), colour: name})));
  }
  for (const one of cases.slice(0, 1)) panel(`${caseName(one)}: milliseconds in tfjs with RBN`, partsOf(one));
  return svgPage(WIDTH, y, 'Images a second, and where the time goes', COLOURS, body);
}

function partsOf({training, times, scriptShares, kernels}: CaseResult): Bar[] {
  if (times.rbn === undefined || scriptShares.rbn === undefined || kernels.rbn === undefined) return [];
  const others = kernels.rbn.slice(SHOWN_KERNELS), sum = (list: typeof others) => list.reduce((a, k) => a + k.milliseconds, 0);
  return [
    {title: training ? 'a step' : 'a call', value: times.rbn.each.milliseconds, colour: 'whole'},
    {title: 'JavaScript at work', value: scriptShares.rbn * times.rbn.each.milliseconds, colour: 'script'},
    {title: 'all kernels of a profiled call', value: sum(kernels.rbn), colour: 'whole'},
    ...kernels.rbn.slice(0, SHOWN_KERNELS).map(({kernel, calls, milliseconds}) => (
      {title: `${kernel}, ${digits(calls)} calls`, value: milliseconds, colour: 'kernel'})),
    ...(others.length === 0 ? [] : [{title: `${others.length} other kernels`, value: sum(others), colour: 'kernel'}]),
  ];
}
