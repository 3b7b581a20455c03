// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The install script: how it finds the headers of cuBLAS and cuDNN (scripts/headers.mjs), and what it says where it builds nothing.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
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

describe('npm install', () => {
  const install = (env: NodeJS.ProcessEnv) => spawnSync(process.execPath, [path.join(root, 'scripts/install.mjs'), '--engine'],
      {encoding: 'utf8', env: {...process.env, ...env}});

  it('says in one line that no nvcc was found', () => {
    const {status, stderr} = install({PATH: path.dirname(process.execPath), CUDA_HOME: '/nowhere', CUDACXX: '', RBN_CUDA_ARCHITECTURES: ''});
    assert.equal(status, 1);
    assert.match(stderr, /^tfjs-rbn: no nvcc found: the CUDA engine was not built, the CPU code works\. .*npm rebuild tfjs-rbn\n$/);
  });

  it('refuses what is no list of architectures, and leaves the engine that there is', () => {
    for (const wanted of ['foo', '80,90', '90;', 'sm_90']) {
      const {status, stderr} = install({RBN_CUDA_ARCHITECTURES: wanted});
      assert.equal(status, 1);
      assert.match(stderr, /^tfjs-rbn: RBN_CUDA_ARCHITECTURES: expected 'native', .* received '[^']*': .*\n$/);
    }
  });
});
