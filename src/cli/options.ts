// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What commands share: options by node:util's parseArgs, checked, with errors that name the option, what was
// expected and what came.
import {mkdirSync, writeFileSync} from 'node:fs';
import {basename, dirname, resolve} from 'node:path';
import {parseArgs, ParseArgsConfig} from 'node:util';
import type {Shape} from '../bench/shapes';

/** A wrong command line: exit code 2. */
export class UsageError extends Error {}

export type OptionSpecs = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | undefined>;

export function parseOptions(args: string[], options: OptionSpecs): Values {
  try {
    return parseArgs({args, options, strict: true, allowPositionals: false}).values as Values;
  } catch (error) {
    throw new UsageError(inOurWords(error as Error & {code?: string}));
  }
}

/** What parseArgs says of an option without its value, as other errors here are; the rest is well said. */
function inOurWords({code, message}: Error & {code?: string}): string {
  const [, name] = /'(?:-\w, )?(--[\w-]+)[^']*' argument (?:missing|is ambiguous)/.exec(message) ?? [];
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' || name === undefined) return message;
  return `${name}: expected a value, received ` +
      (message.includes('ambiguous') ? `what begins like an option; write ${name}=VALUE if it is meant` : 'none');
}

/** Creates the folder that --out names, before the work whose results go there. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, {recursive: true});
  } catch (error) {
    throw new UsageError(`--out: expected a folder, or to create one: ${(error as Error).message}`);
  }
}

/** The file that --out names, whose folder is there; null where nothing is to be written. */
export function markdownPath(values: Values): string | null {
  if (values.out === undefined) return null;
  const out = resolve(String(values.out));
  if (!out.endsWith('.md')) throw new UsageError(`--out: expected a name that ends in .md, received '${values.out}'`);
  makeFolder(dirname(out));
  return out;
}

export interface Output {
  out: string | null; // of markdownPath
  json: boolean; // to stdout instead of the report
  chart(): string; // SVG
  report(chart: string | null): string; // with the name of the picture that it shows
}

/** Prints a benchmark's result, and writes report, JSON and picture beside each other where asked for. */
export function writeResults(result: object, {out, json, chart, report}: Output): void {
  const text = `${JSON.stringify(result, null, 1)}\n`;
  process.stdout.write(json ? text : report(null));
  if (out === null) return;
  const other = (ending: string) => out.replace(/\.md$/, ending);
  writeFileSync(other('.svg'), chart());
  writeFileSync(other('.json'), text);
  writeFileSync(out, report(basename(other('.svg'))));
  process.stderr.write(`written: ${out}, ${other('.json')}, ${other('.svg')}\n`);
}

export function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** A number from `least` to `most`; whole where asked for. */
export function numberOption(values: Values, name: string, byDefault: number,
                             {least, most, whole}: {least: number; most: number; whole: boolean}): number {
  const text = values[name];
  if (text === undefined) return byDefault;
  const value = String(text).trim() === '' ? NaN : Number(text);
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw new UsageError(`--${name}: expected a ${whole ? 'whole number' : 'number'} from ${least} to ${most}, received '${text}'`);
  }
  return value;
}

const MOST_ELEMENTS = 2 ** 28; // 1 GiB a tensor; tfjs's own ops keep dozens of them

/** The tensors that --shapes lists. */
export function shapesOption({shapes}: Values, byDefault: readonly Shape[]): readonly Shape[] {
  return shapes === undefined ? byDefault : String(shapes).split(',').map(text => {
    const sizes = text.split('x').map(Number);
    if (sizes.length !== 4 || sizes.some(s => !Number.isInteger(s) || s < 1) || sizes.reduce((a, b) => a * b) > MOST_ELEMENTS ||
        sizes[0] * sizes[1] * sizes[2] < 2) {
      throw new UsageError(`--shapes: expected shapes such as 8x14x14x256 (instances, height, width, channels; two values a channel at least, ` +
          `${MOST_ELEMENTS} elements at most), received '${text}'`);
    }
    return sizes as unknown as Shape;
  });
}

export function choiceOption<T extends string>(values: Values, name: string, choices: readonly T[], byDefault: T): T {
  const text = values[name];
  if (text === undefined) return byDefault;
  if (!choices.includes(text as T)) {
    throw new UsageError(`--${name}: expected ${listed(choices)}, received '${text}'`);
  }
  return text as T;
}
