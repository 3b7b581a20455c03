// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn doctor --kernels`: every kernel name of tfjs-core and of this package, and what the backend `cuda` has for
// it. Asks the tables of kernels, so it needs no GPU.
import * as tfc from '@tensorflow/tfjs-core';

import {cudaKernels} from '../kernels/cuda';

/** `native`: on the GPU; `fallback`: on the CPU, on copies; `none`: tfjs-core composes it, or it is not for Node. */
export type KernelPlace = 'native' | 'fallback' | 'none';

const HEADINGS: Record<KernelPlace, string> = {
  native: 'on the GPU; but for complex64 and string, those that compute run on the CPU',
  fallback: 'on the CPU: copies from the GPU and back, one warning a kernel, an error with RBN_STRICT=1',
  none: 'without a kernel: composed of others by tfjs-core, or of a browser',
};

const WIDTH = 100; // columns

/** What `cuda` has, by kernel name, in alphabetical order. */
export function kernelTable(): Record<string, KernelPlace> {
  const registered = new Map(cudaKernels().map(({name, native}) => [name, native]));
  // tfjs-core exports each kernel's name as a constant of that name.
  const names = Object.entries(tfc).filter(([key, value]) => key === value).map(([key]) => key);
  return Object.fromEntries([...new Set([...names, ...registered.keys()])].sort().map((name) => {
    const native = registered.get(name);
    return [name, native === undefined ? 'none' : native ? 'native' : 'fallback'];
  }));
}

export function describeKernels(table: Record<string, KernelPlace>): string {
  const entries = Object.entries(table);
  let text = `${entries.length} kernels on the backend cuda\n`;
  for (const [place, heading] of Object.entries(HEADINGS)) {
    const names = entries.filter(([, at]) => at === place).map(([name]) => name);
    text += `\n${place}: ${names.length} ${heading}\n${wrapped(names)}`;
  }
  return text;
}

function wrapped(names: string[]): string {
  let text = '', line = ' ';
  for (const name of names) {
    if (line.length + 1 + name.length > WIDTH) {
      text += `${line}\n`;
      line = ' ';
    }
    line += ` ${name}`;
  }
  return names.length === 0 ? '' : `${text}${line}\n`;
}
