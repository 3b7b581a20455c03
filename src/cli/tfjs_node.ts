// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Whether tfjs-node is installed, whether it loads, and how RBN runs on it. Tried in a process of its own: a
// broken native library may take its process with it, and TensorFlow writes to stderr as it likes.
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {Devices, Problem} from '../binding';

const PACKAGE = '@tensorflow/tfjs-node';
const PROBE = join(__dirname, 'tfjs_node_probe.js');

// Loading takes a second; a disk may be slow.
const MOST_MILLISECONDS = 120_000;

export interface TfjsNode {
  /** The package's folder; null where it is not installed. */
  path: string | null;
  version: string | null;
  /** TensorFlow's version, where it loads. */
  tensorflow: string | null;
  /** How RBN runs on it; null where it does not load. */
  way: 'op' | 'copy' | null;
  /** Why it does not load, or why RBN runs on copies. */
  problem: Problem | null;
}

/** What the probe prints. */
export interface ProbeResult {
  tensorflow: Devices['tensorflow'];
  missing: Problem[];
}

export const NOT_INSTALLED: Problem = {
  code: 'NO_TFJS_NODE',
  message: `${PACKAGE} is not installed`,
  next: `npm install ${PACKAGE}@4`,
};

/** Looks for tfjs-node where programs in the current folder find it, then beside this package. */
export function probeTfjsNode(): TfjsNode {
  const path = folder();
  const nothing = {version: null, tensorflow: null, way: null};
  if (path === null) return {path, ...nothing, problem: null};
  const {version} = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as {version: string};
  const {status, signal, stdout, stderr, error} =
      spawnSync(process.execPath, [PROBE, path], {encoding: 'utf8', timeout: MOST_MILLISECONDS});
  if (status !== 0) {
    // An uncaught exception comes with its code and stack; the line that begins with its name says it.
    const said = stderr.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? stderr.trim().split('\n').at(-1);
    const why = error?.message ?? (signal === null ? said : `its process ended with ${signal}`);
    return {path, ...nothing, version, problem: {
      code: 'NO_TFJS_NODE',
      message: `${PACKAGE} ${version} is installed (${path}) but does not load: ${why}`,
      next: `npm rebuild ${PACKAGE} --build-addon-from-source   (it needs its TensorFlow library; docs/tfjs-node.md)`,
    }};
  }
  const {tensorflow, missing} = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as ProbeResult;
  const problem = missing.find(({code}) => ['NO_BINARY', 'NO_TENSORFLOW', 'UNSUPPORTED_TENSORFLOW'].includes(code));
  return {path, version, tensorflow: tensorflow!.version, way: tensorflow!.way, problem: problem ?? null};
}

/** In words, for a line of output. */
export function describeTfjsNode({path, version, tensorflow, way}: TfjsNode): string {
  if (path === null) return 'not installed; it is optional';
  if (way === null) return `${version} does not load`;
  const on = `${version} on TensorFlow ${tensorflow ?? 'of unknown version'}`;
  return way === 'op' ? `${on}; RBN runs as an op inside it, without a copy` : `${on}; RBN runs on copies of its tensors`;
}

function folder(): string | null {
  for (const from of [join(process.cwd(), 'program.js'), __filename]) {
    try {
      return dirname(createRequire(from).resolve(`${PACKAGE}/package.json`));
    } catch {
      // not from here
    }
  }
  return null;
}
