// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Line charts as inline SVG. Colours come from the page's style sheet by class, so that they follow a light or a
// dark page.

export interface Series {
  title: string; // shown when the pointer rests on the line
  className: string;
  points: [number, number][];
  dots: boolean;
}

export interface LineChart {
  title: string;
  xLabel: string;
  xTicks: number[];
  log: boolean; // y axis
  series: Series[];
  rule?: {y: number; label: string}; // a dashed line across
  format(y: number): string;
}

const WIDTH = 520, HEIGHT = 300;
const LEFT = 52, RIGHT = 14, TOP = 14, BOTTOM = 40;

export function lineChart(chart: LineChart): string {
  const xs = chart.series.flatMap(s => s.points.map(p => p[0]));
  const ys = [...chart.series.flatMap(s => s.points.map(p => p[1])), ...(chart.rule ? [chart.rule.y] : [])];
  const ticks = chart.log ? logTicks(ys) : linearTicks(ys);
  const scale = chart.log ? Math.log10 : (y: number) => y;
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [scale(ticks[0]), scale(ticks[ticks.length - 1])];
  const px = (x: number) => round(LEFT + (WIDTH - LEFT - RIGHT) * (x1 > x0 ? (x - x0) / (x1 - x0) : 0.5));
  const py = (y: number) => round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (scale(y) - y0) / (y1 - y0)));

  const grid = ticks.map(t => `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(t)}" y2="${py(t)}"/>` +
      `<text class="tick" x="${LEFT - 8}" y="${py(t) + 4}" text-anchor="end">${chart.format(t)}</text>`);
  const xTicks = chart.xTicks.map(t => `<text class="tick" x="${px(t)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${t}</text>`);
  const rule = chart.rule === undefined ? '' :
      `<line class="rule" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(chart.rule.y)}" y2="${py(chart.rule.y)}"/>` +
      `<text class="tick" x="${WIDTH - RIGHT}" y="${py(chart.rule.y) + 15}" text-anchor="end">${chart.rule.label}</text>`;
  const lines = chart.series.map(s => {
    const path = s.points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ');
    const dots = s.dots ? s.points.map(([x, y]) =>
        `<circle cx="${px(x)}" cy="${py(y)}" r="3.5"><title>${s.title}: ${chart.format(y)}</title></circle>`) : [];
    return `<g class="${s.className}"><polyline points="${path}"><title>${s.title}</title></polyline>${dots.join('')}</g>`;
  });
  return `<figure><figcaption>${chart.title}</figcaption>` +
      `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${chart.title}">${grid.join('')}${xTicks.join('')}` +
      `<text class="tick" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${chart.xLabel}</text>` +
      `${rule}${lines.join('')}</svg></figure>`;
}

/** About five round numbers that enclose the values. */
function linearTicks(values: number[]): number[] {
  const low = Math.min(...values), high = Math.max(...values);
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(f => f * power >= rough)!;
  const first = Math.floor(low / step), last = Math.ceil(high / step);
  return Array.from({length: Math.max(last - first, 1) + 1}, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** 1, 2 and 5 times powers of ten, or powers alone where there are many, that enclose the values, which are > 0. */
function logTicks(values: number[]): number[] {
  const low = Math.min(...values), high = Math.max(...values);
  const powers = Array.from({length: 40}, (_, i) => i - 20);
  const factors = high / low > 300 ? [1] : [1, 2, 5];
  const all = powers.flatMap(p => factors.map(f => Number(`${f}e${p}`)));
  const first = all.findLastIndex(t => t <= low), last = all.findIndex(t => t >= high);
  return all.slice(Math.max(first, 0), last + (last === first ? 2 : 1));
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
