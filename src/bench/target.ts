// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A figure that this package sets itself, and what was measured.
import {table} from './table';

export interface Target {
  what: string;
  limit: string;
  measured: string;
  met: boolean;
}

/** The section of a report; none without targets. */
export function targetSection(targets: readonly Target[]): string[] {
  if (targets.length === 0) return [];
  return ['## Targets', '',
    ...table(['', 'target', 'measured', ''], targets.map(t => [t.what, t.limit, t.measured, t.met ? 'met' : '**missed**'])), ''];
}
