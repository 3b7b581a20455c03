// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The package as a whole: how it is loaded, the examples in its docstrings, and the rules of its
// architecture, held by searching the sources.
import '@tensorflow/tfjs-backend-cpu';
import * as tfc from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as rbn from 'tfjs-rbn';

import {filesUnder, read, root} from './support/files';

/** Runs a program with this package in reach; its output and errors. */
function runNode(source: string, ...args: string[]): {stdout: string; stderr: string} {
  const {status, stdout, stderr} =
      spawnSync(process.execPath, [...args, '--eval', source], {cwd: root, encoding: 'utf8'});
  assert.equal(status, 0, stderr);
  return {stdout, stderr};
}

describe('package', () => {
  it('exports by CommonJS and by ESM the same names of the same instance', () => {
    const {stdout, stderr} = runNode(`
      import * as esm from 'tfjs-rbn';
      import {io, layers, representativeBatchNorm} from 'tfjs-rbn';
      import {createRequire} from 'node:module';
      const cjs = createRequire(process.cwd() + '/')('tfjs-rbn');
      for (const name of Object.keys(cjs)) {
        if (esm[name] !== cjs[name]) throw new Error(name + ' differs');
      }
      if (String(Object.keys(esm)) !== String(Object.keys(cjs).sort())) throw new Error(Object.keys(esm));
      if (io.fileSystem !== cjs.io.fileSystem) throw new Error('io differs');
      console.log(typeof layers.representativeBatchNormalization, typeof representativeBatchNorm);
    `, '--input-type=module');
    assert.equal(stdout, 'function function\n');
    assert.equal(stderr, '', 'nothing was registered twice');
  });

  it('exports what the contract names, and not yet what later releases add', () => {
    assert.deepEqual(Object.keys(rbn).sort(), [
      'RbnError', 'devices', 'io', 'layers', 'representativeBatchNorm', 'representativeBatchNormTraining',
    ]);
    assert.deepEqual(Object.keys(rbn.io), ['fileSystem']);
  });

  it('loads no backend and no addon by its import', () => {
    const {stdout} = runNode(`
      require('tfjs-rbn');
      const loaded = Object.keys(require.cache);
      console.log(loaded.filter((file) => /tfjs-backend|\\.node$/.test(file)).length);
    `);
    assert.equal(stdout, '0\n');
  });

  it('warns of a second copy, which registers nothing', () => {
    const {stdout, stderr} = runNode(`
      const tf = require('@tensorflow/tfjs-core');
      require('@tensorflow/tfjs-backend-cpu');
      require('tfjs-rbn');
      const first = tf.getKernel('RepresentativeBatchNorm', 'cpu');
      for (const file of Object.keys(require.cache)) {
        if (file.startsWith(process.cwd() + '/dist/')) delete require.cache[file];
      }
      const second = require('tfjs-rbn');
      if (tf.getKernel('RepresentativeBatchNorm', 'cpu') !== first) throw new Error('registered again');
      const p = {centerWeight: [0], scaleWeight: [0], scaleBias: [1]};
      second.representativeBatchNorm([[1]], p, {mean: [0], variance: [1]}).dispose();
      console.log('works');
    `);
    assert.equal(stdout.trim().split('\n').at(-1), 'works');
    assert.match(stderr, /LOADED_TWICE.*tfjs-rbn was loaded twice/);
    assert.doesNotMatch(stderr, /is already registered/);
  });
});

describe('tfjs-node', () => {
  it('is an optional peer, so that no install of this package runs its installer', () => {
    const {dependencies, peerDependencies, peerDependenciesMeta} = JSON.parse(read('package.json'));
    assert.equal(peerDependenciesMeta['@tensorflow/tfjs-node'].optional, true);
    assert.ok('@tensorflow/tfjs-node' in peerDependencies && !('@tensorflow/tfjs-node' in dependencies));
    const locked = Object.keys(JSON.parse(read('package-lock.json')).packages);
    assert.deepEqual(locked.filter((name) => name.endsWith('/tfjs-node')), []);
  });
});

describe('examples in docstrings', () => {
  before(() => tfc.setBackend('cpu'));
  const examples: [string, string][] = [];
  for (const file of filesUnder('src', '.ts')) {
    for (const [, lines] of read(file).matchAll(/^ *\* ```js\n(.*?)^ *\* ```$/gms)) {
      examples.push([file, lines.replace(/^ *\* ?/gm, '')]);
    }
  }

  it('are there', () => assert.ok(examples.length >= 5, `${examples.length} examples`));

  examples.forEach(([file, source], i) => {
    it(`example ${i + 1}, of ${file}, runs and prints what it says`, async () => {
      const printed: string[] = [];
      const log = (...values: unknown[]) => {
        printed.push(values.map((value) => typeof value === 'string' ? value : JSON.stringify(value)).join(' '));
      };
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbn-example-'));
      const before = process.cwd();
      process.chdir(folder);
      try {
        const run = new Function('tf', 'rbn', 'console', `return (async () => {${source}})()`);
        await run({...tfc, ...tfl}, rbn, {log});
      } finally {
        process.chdir(before);
        fs.rmSync(folder, {recursive: true});
      }
      const said = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
      const plain = (text: string) => text.replace(/\s/g, '');
      if (said.length > 0) assert.deepEqual(printed.map(plain), said.map(plain));
    });
  });
});

describe('architecture', () => {
  // A room and the rooms below that it may import from. The files at the top see everything.
  const rooms: {[room: string]: string[]} = {
    cli: ['cli', 'index', 'train', 'bench', 'kernels', 'binding'],
    bench: ['bench', 'ops', 'layers', 'kernels', 'binding', 'train', 'index'],
    train: ['train', 'ops', 'layers', 'io', 'index', 'cuda'],
    io: ['io'],
    layers: ['layers', 'ops'],
    ops: ['ops'],
    kernels: ['kernels', 'ops', 'backend', 'binding'],
    backend: ['backend', 'binding'],
    binding: ['binding'],
  };
  const importsOf = (file: string) =>
      [...read(file).matchAll(/(?:from |import |import\(|require\()'(\.[^']*)'/g)].map(([, name]) => name);

  it('lets imports go downward only', () => {
    const wrong: string[] = [];
    for (const file of filesUnder('src', '.ts')) {
      const [, room] = file.split('/');
      if (['index.ts', 'register.ts', 'cuda.ts', 'register_cuda.ts'].includes(room)) continue;
      assert.ok(room in rooms, `${file}: a room that this test does not know`);
      for (const name of importsOf(file)) {
        const target = path.posix.join(path.posix.dirname(file), name).split('/')[1].replace(/\.[a-z]+$/, '');
        if (!rooms[room].includes(target)) wrong.push(`${file} imports ${name}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('lets no file import itself by way of others', () => {
    const files = filesUnder('src', '.ts');
    const imports = new Map(files.map((file): [string, string[]] => [file, importsOf(file).flatMap((name) => {
      const target = path.posix.join(path.posix.dirname(file), name).replace(/\.js$/, '');
      return [`${target}.ts`, `${target}/index.ts`].filter((candidate) => files.includes(candidate));
    })]));
    assert.ok([...imports.values()].flat().length > files.length);
    // Files that import none of those left can not be on a circle.
    for (;;) {
      const ends = [...imports].filter(([, targets]) => targets.every((target) => !imports.has(target)));
      if (ends.length === 0) break;
      for (const [file] of ends) imports.delete(file);
    }
    assert.deepEqual([...imports.keys()], []);
  });

  it('keeps tfjs-layers out of ops and kernels, and backends out of all but train, bench and the fallback', () => {
    const importing = (pattern: RegExp) =>
        filesUnder('src', '.ts').filter((file) => pattern.test(withoutTypes(read(file))));
    for (const file of importing(/'@tensorflow\/tfjs-layers'/)) {
      assert.match(file, /^src\/(layers|train|bench|cli)\//);
    }
    for (const file of importing(/'@tensorflow\/tfjs-backend-/)) {
      assert.match(file, /^src\/(train|bench|cli|kernels\/cuda)\//);
    }
  });

  const native = () => filesUnder('native', '.cc', '.cu', '.h', '.cuh');
  const rules: [string, RegExp, () => string[], RegExp][] = [
    ['napi.h only in native/addon', /\bnapi\.h\b/, native, /^native\/addon\//],
    ['kernel launches only in native/cuda', /<<<|cudaLaunch\w*Kernel/, native, /^native\/(cuda|simulator)\//],
    ["TensorFlow's C API only in native/tensorflow, by our own declarations", /\bTF_[A-Z]\w+/, native, /^native\/tensorflow\//],
    ["no header of TensorFlow", /#include [<"]tensorflow\//, native, /^$/],
    ['tfjs-node only by its path, never by name: it is optional', /(?:from|import|require\() ?['"]@tensorflow\/tfjs-node/,
      () => filesUnder('src', '.ts', '.mts'), /^$/],
    ['cudnn and cublas only in native/cuda', /\bcudnn|\bcublas/i, native, /^native\/(cuda|simulator)\//],
    ['.node files required only in src/binding', /\.node\b['`]|process\.dlopen/,
      () => filesUnder('src', '.ts', '.mts'), /^src\/binding\//],
    ['process.env only in src/binding', /process\.env/, () => filesUnder('src', '.ts', '.mts'), /^src\/binding\//],
    // The simulator is a test device: it reports broken launches of a kernel on stderr and stops.
    ['no printing, exiting or aborting in native code',
      new RegExp([
        /\b(printf|fprintf|puts|fputs|putchar|perror)\s*\(/, /\bstd::(cout|cerr|clog)\b/,
        /\b(exit|_exit|quick_exit|abort|terminate)\s*\(/, /\bassert\s*\(/,
      ].map(({source}) => source).join('|')),
      native, /^native\/simulator\//],
  ];
  for (const [rule, pattern, files, allowed] of rules) {
    it(rule, () => {
      const found = files().filter((file) => pattern.test(withoutComments(read(file))));
      assert.deepEqual(found.filter((file) => !allowed.test(file)), []);
    });
  }

  it('opens every source file with its licence and what it is for', () => {
    const files = [...filesUnder('src', '.ts', '.mts'), ...native(), ...filesUnder('test', '.ts', '.cc', '.h')];
    const opening = new RegExp('^(?:#!.*\n)?// SPDX-License-Identifier: Apache-2\\.0\n' +
        '// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors\n//\n// \\S');
    assert.deepEqual(files.filter((file) => !opening.test(read(file))), []);
  });
});

function withoutComments(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, '').replace(/(^|[^:'"])\/\/.*$/gm, '$1');
}

function withoutTypes(source: string): string {
  return withoutComments(source).replace(/^import type .*$/gm, '');
}
