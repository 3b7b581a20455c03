// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of cases in TypeScript: reads test/cases.json and expands its rows. Its twin is
// test/native/case_runner_table.cc; cases.test.ts compares what both make of it.
import * as fs from 'node:fs';
import * as path from 'node:path';

import {root} from './files';

type OneOrMore<T> = T | T[];

/** A row of the table; all but name and shapes may be left to the defaults. */
interface Row {
  name: string;
  shapes: number[][];
  axis: OneOrMore<number>;
  training: OneOrMore<boolean>;
  output: OneOrMore<'linear' | 'relu' | 'residual' | 'residual_relu'>;
  conditioning: OneOrMore<number>;
  parameters: OneOrMore<'random' | 'identity' | 'wide'>;
  centerWeight: OneOrMore<number | null>;
  epsilon: OneOrMore<number>;
  dtype: OneOrMore<'float32' | 'bfloat16'>;
  instanceShift: number;
  noise: number;
  affine: boolean;
  tags: string[];
}

/** One combination of a row's fields. */
export interface Case {
  name: string; // unique; also the seed of the case's data
  shape: number[];
  axis: number; // 0 <= axis < rank
  training: boolean;
  relu: boolean;
  residual: boolean;
  conditioning: number;
  parameters: 'random' | 'identity' | 'wide';
  centerWeight: number | null;
  epsilon: number;
  bfloat16: boolean;
  instanceShift: number;
  noise: number;
  affine: boolean;
  tags: string[];
  // x as [instances, before, channels, after]
  instances: number;
  positions: number; // before · after
  channels: number;
  before: number;
  after: number;
  elements: number;
}

/** Where element (n, s, c) lies in x. */
export function indexOf(c: Case, n: number, s: number, channel: number): number {
  return ((n * c.before + Math.floor(s / c.after)) * c.channels + channel) * c.after + s % c.after;
}

/** Whether [N, S, C] or [N, C, S] holds x without a transpose. */
export function hasNativeLayout(c: Case): boolean {
  return c.before === 1 || c.after === 1;
}

function list<T>(value: OneOrMore<T>): T[] {
  return Array.isArray(value) ? value : [value];
}

const product = (sizes: number[]) => sizes.reduce((a, b) => a * b, 1);

/** All cases of the table, in its order. */
export function allCases(): Case[] {
  const table = JSON.parse(fs.readFileSync(path.join(root, 'test/cases.json'), 'utf8'));
  const cases: Case[] = [];
  for (const sparse of table.rows) {
    const unknown =
        Object.keys(sparse).filter((key) => key !== 'name' && key !== 'shapes' && !(key in table.defaults));
    if (unknown.length > 0) throw new Error(`test/cases.json: row '${sparse.name}' has unknown fields ${unknown}`);
    const row: Row = {...table.defaults, ...sparse};
    for (const shape of row.shapes) {
      for (const axis of list(row.axis)) {
        for (const training of list(row.training)) {
          for (const output of list(row.output)) {
            for (const conditioning of list(row.conditioning)) {
              for (const parameters of list(row.parameters)) {
                for (const centerWeight of list(row.centerWeight)) {
                  for (const epsilon of list(row.epsilon)) {
                    for (const dtype of list(row.dtype)) {
                      const varies = (field: unknown, text: string) =>
                        Array.isArray(field) && field.length > 1 ? text : '';
                      const channelAxis = axis < 0 ? axis + shape.length : axis;
                      const before = product(shape.slice(1, channelAxis));
                      const after = product(shape.slice(channelAxis + 1));
                      cases.push({
                        name: `${row.name} [${shape}]` + varies(row.axis, ` axis ${axis}`) +
                            (training ? ' training' : ' frozen') + ` ${output}` +
                            varies(row.conditioning, ` mean/std ${conditioning}`) +
                            varies(row.parameters, ` ${parameters}`) +
                            varies(row.centerWeight, ` centre ${centerWeight ?? 'free'}`) +
                            varies(row.epsilon, ` epsilon ${epsilon}`) + ` ${dtype}`,
                        shape,
                        axis: channelAxis,
                        training,
                        relu: output === 'relu' || output === 'residual_relu',
                        residual: output === 'residual' || output === 'residual_relu',
                        conditioning,
                        parameters,
                        centerWeight,
                        epsilon,
                        bfloat16: dtype === 'bfloat16',
                        instanceShift: row.instanceShift,
                        noise: row.noise,
                        affine: row.affine,
                        tags: row.tags,
                        instances: shape[0],
                        positions: before * after,
                        channels: shape[channelAxis],
                        before,
                        after,
                        elements: product(shape),
                      });
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return cases;
}

/** The cases of one dtype. */
export function testCases(bfloat16 = false): Case[] {
  return allCases().filter((c) => c.bfloat16 === bfloat16);
}
