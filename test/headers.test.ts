// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How the install script finds the headers of cuBLAS and cuDNN (scripts/headers.mjs).
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {pathToFileURL} from 'node:url';

import {root} from './support/files';

type Found = Record<'cublas' | 'cudnn', string | null>;

describe('headers of cuBLAS and cuDNN', () => {
  let folder: string, headersIn: (system: string[], python: string[], wanted: Record<'cublas' | 'cudnn', number>) => Found;
  before(async () => {
    ({headersIn} = await import(pathToFileURL(path.join(root, 'scripts', 'headers.mjs')).href) as {headersIn: typeof headersIn});
  });
  beforeEach(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs-rbn-headers-')); });
  afterEach(() => fs.rmSync(folder, {recursive: true}));

  /** A folder with headers that tell these versions; null: a header without one. */
  function headers(name: string, {cublas, cudnn}: {cublas?: number | null; cudnn?: number | null}): string {
    const where = path.join(folder, name);
    fs.mkdirSync(where, {recursive: true});
    if (cublas !== undefined) fs.writeFileSync(path.join(where, 'cublas_v2.h'), '');
    if (cublas) fs.writeFileSync(path.join(where, 'cublas_api.h'), `#define CUBLAS_VER_MAJOR ${cublas}\n#define CUBLAS_VER_MINOR 1\n`);
    if (cudnn !== undefined) fs.writeFileSync(path.join(where, 'cudnn.h'), '');
    if (cudnn) fs.writeFileSync(path.join(where, 'cudnn_version.h'), `#define CUDNN_MAJOR ${cudnn}\n`);
    return where;
  }
  const wanted = {cublas: 13, cudnn: 9};

  it('are those of the system before those of pip', () => {
    const system = headers('system', {cublas: 13, cudnn: 9});
    headers('python/nvidia/cu13/include', {cublas: 13});
    assert.deepEqual(headersIn([path.join(folder, 'nowhere'), system], [path.join(folder, 'python')], wanted), {cublas: system, cudnn: system});
  });

  it('are found in packages of pip, of either layout', () => {
    const python = path.join(folder, 'python');
    const cublas = headers('python/nvidia/cu13/include', {cublas: 13}), cudnn = headers('python/nvidia/cudnn/include', {cudnn: 9});
    assert.deepEqual(headersIn([], [folder, python], wanted), {cublas, cudnn});
    const old = headers('python/nvidia/cublas/include', {cublas: 12});
    assert.deepEqual(headersIn([], [python], {cublas: 12, cudnn: 9}), {cublas: old, cudnn});
  });

  it('are passed over where they tell another version, or none', () => {
    const others = [headers('a', {cublas: 12, cudnn: 8}), headers('b', {cublas: null, cudnn: null})];
    assert.deepEqual(headersIn(others, [], wanted), {cublas: null, cudnn: null});
    const right = headers('c', {cublas: 13, cudnn: 9});
    assert.deepEqual(headersIn([...others, right], [], wanted), {cublas: right, cudnn: right});
  });
});
