// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Tables of figures in Markdown.
import type {Measurement} from './measure';

/** Three significant digits, never an exponent. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** A measured time; marked where it is that of one call. */
export function figure({milliseconds, calls}: Measurement): string {
  return `${digits(milliseconds)}${calls === 1 ? ' (1×)' : ''}`;
}

/** What the mark means, where there is one. */
export function figureNote(all: readonly Measurement[]): string {
  return all.some(({calls}) => calls === 1) ? ' A contestant whose first call takes longer than 1.5 s is called once (marked 1×).' : '';
}

/** Aligned, so that it reads well without rendering too. */
export function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((h, i) => Math.max(3, h.length, ...rows.map(r => r[i].length)));
  const line = (cells: string[]) => `| ${cells.map((c, i) => i === 0 ? c.padEnd(widths[i]) : c.padStart(widths[i])).join(' | ')} |`;
  return [line(head), `| ${widths.map((w, i) => i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`).join(' | ')} |`, ...rows.map(line)];
}
