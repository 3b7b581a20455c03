// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The command line: what it prints, its exit codes, its answers to wrong options; the main job in its shortest form.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {RbnError} from 'tfjs-rbn';
import {Choice, firstThatWorks} from '#dist/cli/backend';

import {root} from './support/files';

const MAIN = require.resolve('#dist/cli/main');

function run(...args: string[]): {status: number | null; out: string; err: string} {
  const {status, stdout, stderr} = spawnSync(process.execPath, [MAIN, ...args], {encoding: 'utf8'});
  return {status, out: stdout, err: stderr};
}

describe('tfjs-rbn', () => {
  it('lists its commands', () => {
    const {status, out} = run('--help');
    assert.equal(status, 0);
    for (const command of ['doctor', 'train', 'bench', 'bench-network']) assert.match(out, new RegExp(`^  ${command} `, 'm'));
    assert.equal(run().status, 2);
    assert.equal(run('-v').out, run('--version').out);
  });

  for (const command of ['doctor', 'train', 'bench', 'bench-network']) {
    it(`explains ${command}`, () => {
      const {status, out} = run(command, '--help');
      assert.equal(status, 0);
      assert.match(out, new RegExp(`^Usage: tfjs-rbn ${command}`));
      assert.equal(run('help', command).out, out);
    });
  }

  const wrong: [args: string[], message: RegExp][] = [
    [['fly'], /expected a command, doctor, train, bench or bench-network, received 'fly'\nNext: tfjs-rbn --help$/m],
    [['constructor'], /expected a command, .* received 'constructor'\nNext: tfjs-rbn --help$/m],
    [['train', '--epochs', '0'], /--epochs: expected a whole number from 1 to \d+, received '0'/],
    [['train', '--epochs', '1.5'], /--epochs: expected a whole number .* received '1\.5'/],
    [['train', '--seeds', ''], /--seeds: expected a whole number .* received ''/],
    [['train', '--lr', 'fast'], /--lr: expected a number .* received 'fast'/],
    [['train', '--norm', 'ln'], /--norm: expected rbn, bn or both, received 'ln'\nNext: tfjs-rbn train --help$/m],
    [['train', '--norm'], /--norm: expected a value, received none/],
    [['train', '--epochs', '-1'],
      /--epochs: expected a value, received what begins like an option; write --epochs=VALUE/],
    [['train', '--epochs=-1'], /--epochs: expected a whole number .* received '-1'/],
    [['train', '--out', '/dev/null/x'], /--out: expected a folder, or to create one: ENOTDIR/],
    [['train', '--backend', 'webgl'], /--backend: expected cuda, tensorflow or cpu, received 'webgl'/],
    [['train', '--batch-size', '1'], /--batch-size: expected .* received '1'/],
    [['train', '--colour'], /--colour/],
    [['train', 'digits'], /digits/],
    [['train', '--data', '/nowhere'], /--data: \/nowhere: expected a file train-images-idx3-ubyte or train-images-idx3-ubyte\.gz in it\nNext: tfjs-rbn train --help$/m],
    [['bench', '--shapes', '8x8'], /--shapes: expected .* received '8x8'/],
    [['bench', '--shapes', '1x1x1x4'], /--shapes: expected .* received '1x1x1x4'/],
    [['bench', '--out', 'report.txt'], /--out: expected .*\.md, received 'report\.txt'/],
    [['bench', '--out', '/dev/null/x/report.md'], /--out: expected a folder, or to create one: ENOTDIR/],
    [['bench-network', '--batch', '1'], /--batch: expected a whole number from 2 to \d+, received '1'/],
    [['bench-network', '--size', '8'], /--size: expected a whole number from 32 to \d+, received '8'/],
    [['bench-network', '--seconds', '0'], /--seconds: expected a number .* received '0'/],
    [['bench-network', '--out', 'report.txt'], /--out: expected .*\.md, received 'report\.txt'/],
    [['doctor', '--verbose'], /--verbose/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')}`, () => {
      const {status, out, err} = run(...args);
      assert.equal(status, 2, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n {4}at /); // no stack
      assert.equal(out, '');
    });
  }
});

describe('tfjs-rbn doctor', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-rbn-doctor-'));
  after(() => rmSync(folder, {recursive: true}));
  /** The doctor in another environment. */
  const doctor = (env: NodeJS.ProcessEnv, main = MAIN) => {
    const {status, stdout, stderr} =
        spawnSync(process.execPath, [main, 'doctor'], {encoding: 'utf8', env: {...process.env, ...env}});
    assert.equal(status, 0, stderr);
    return stdout;
  };
  /** A machine whose PATH has only these programs, and that has no CUDA elsewhere. */
  const withTools = (name: string, tools: Record<string, string>) => {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [tool, says] of Object.entries(tools)) {
      writeFileSync(join(path, tool), `#!/bin/sh\necho '${says}'\n`, {mode: 0o755});
    }
    const noEngine = join(folder, 'nowhere.so');
    return {PATH: path, CUDA_HOME: folder, CUDACXX: '', RBN_ENGINE: 'cuda', RBN_ENGINE_PATH: noEngine};
  };

  it('says the same in words and in JSON', () => {
    const found = JSON.parse(run('doctor', '--json').out) as {
      version: string; addon: {path: string; loaded: boolean}; engine: {path: string};
      missing: {code: string; next: string}[]; tools: Record<'nvcc' | 'cmake', {path: string | null}>;
    };
    const {status, out} = run('doctor');
    assert.equal(status, 0);
    assert.match(out, new RegExp(`^tfjs-rbn +${found.version.replace(/\./g, '\\.')}$`, 'm'));
    for (const text of [found.addon.path, found.engine.path, found.tools.nvcc.path, found.tools.cmake.path,
      ...found.missing.flatMap(m => [m.code, m.next])]) {
      assert.ok(text === null || out.includes(text), text!);
    }
  });

  it('says what builds an engine, and how to get what is not there', () => {
    const none = doctor(withTools('none', {}));
    assert.match(none, /^nvcc +none found$/m);
    assert.match(none, /^cmake +none found$/m);
    assert.match(none, /NO_NVCC: no nvcc found .*\n +next: install the CUDA toolkit.* \(12\.8 or newer\)/);
    assert.match(none, /NO_CMAKE: no cmake found .*\n +next: .*apt-get install cmake/);
    assert.match(none, /NO_ENGINE: .*nowhere\.so.*\n +next: unset RBN_ENGINE_PATH/);
    const old = doctor(withTools('old', {
      nvcc: 'Cuda compilation tools, release 12.4, V12.4.131', cmake: 'cmake version 3.28.3',
    }));
    assert.match(old, /^nvcc +12\.4, .*\/old\/nvcc$/m);
    assert.match(old,
        /OLD_NVCC: .*\/old\/nvcc: expected version 12\.8 or newer, found 12\.4\n +next: install the CUDA toolkit/);
    assert.match(old, /^cmake +3\.28\.3, .*\/old\/cmake$/m);
    assert.doesNotMatch(old, /(NO|OLD)_CMAKE/);
  });

  it('does not ask for tools where there is an engine, and says that the simulator is one for tests', () => {
    const out = doctor({...withTools('simulator', {}), RBN_ENGINE: 'simulator', RBN_ENGINE_PATH: ''});
    assert.match(out, /^engine +loaded; the simulator: CUDA code on the CPU, for tests$/m);
    assert.match(out, /RBN_ENGINE asks for the simulator/);
    assert.doesNotMatch(out, /NO_NVCC|Missing|Nothing is missing|null|undefined/);
  });

  it('tells what is wrong with settings of the backend cuda', () => {
    const environment = {RBN_ENGINE: 'simulator', RBN_ENGINE_PATH: ''};
    assert.match(doctor({...environment, RBN_DEVICE: '7'}),
        /^  NO_DEVICE: RBN_DEVICE: expected 0 to 0, received 7\n    next: unset RBN_DEVICE   /m);
    const {status, stderr} = spawnSync(process.execPath, [MAIN, 'doctor'],
        {encoding: 'utf8', env: {...process.env, ...environment, RBN_STOCK_BATCH_NORM: 'yes'}});
    assert.equal(status, 1);
    assert.match(stderr, /RBN_STOCK_BATCH_NORM: expected 0 or 1, received 'yes'/);
  });

  it('says which libraries are used, and of each other why not and what to do', () => {
    const libraryFile = (name: string) => join(root, 'out', 'simulator', `librbn_${name}.so`);
    const environment = {RBN_ENGINE: 'simulator', RBN_ENGINE_PATH: ''};
    assert.match(doctor(environment), /^cuBLAS +off; plain kernels do its work\ncuDNN +off; plain kernels do its work$/m);
    const one = doctor({...environment, RBN_CUBLAS_PATH: libraryFile('cublas_fake'), RBN_CUDNN_PATH: libraryFile('cudnn_incomplete')});
    assert.match(one, /^cuBLAS +13\.1\.2\n +.*librbn_cublas_fake\.so\ncuDNN +not used; 9\.1\.2; plain kernels do its work\n +.*incomplete\.so$/m);
    assert.match(one, /NO_CUDNN: cuDNN is not used, .*librbn_cudnn_incomplete\.so: it has no function cudnnConvolutionBackwardFilter\n +next: unset RBN_CUDNN_PATH/);
    assert.doesNotMatch(one, /NO_CUBLAS/);
    const none = doctor({...environment, RBN_CUBLAS_PATH: '/nowhere.so', RBN_CUDNN_PATH: 'none'});
    assert.match(none, /^cuBLAS +not used; plain kernels do its work\ncuDNN +off; plain kernels do its work$/m);
    assert.match(none, /NO_CUBLAS: cuBLAS is not used, .*not found \(looked for \/nowhere\.so\)/);
    assert.doesNotMatch(none, /NO_CUDNN/);
    // What only shows on the GPU: they are opened there, as the backend does.
    const both = {...environment, RBN_CUBLAS_PATH: libraryFile('cublas_fake'), RBN_CUDNN_PATH: libraryFile('cudnn_fake')};
    const log = join(folder, 'libraries');
    assert.doesNotMatch(doctor({...both, RBN_FAKE_LOG: log}), /NO_CU/);
    const calls = readFileSync(log, 'utf8').split('\n');
    for (const name of ['cublas', 'cudnn']) {
      for (const call of ['Create', 'Destroy']) assert.equal(calls.filter(line => line === `${name}${call}`).length, 1, `${name}${call}`);
    }
    for (const [failing, name, version] of [['cublasCreate:1', 'cuBLAS', '13.1.2'], ['cudnnCreateFilterDescriptor:4000', 'cuDNN', '9.1.2']]) {
      const refused = doctor({...both, RBN_FAKE_FAIL: failing}), [call, status] = failing.split(':');
      assert.ok(refused.includes(`${name.padEnd(10)}not used; ${version}; plain kernels do its work\n`), refused);
      assert.match(refused, new RegExp(
          `^  NO_${name.toUpperCase()}: ${name} is not used, .*_fake\\.so: ${call}: false status ${status}.*\n    next: unset RBN_${name.toUpperCase()}_PATH`, 'm'));
    }
  });

  it('says which variable names an addon that is not there', () => {
    assert.match(doctor({RBN_ADDON_PATH: join(folder, 'rbn.node')}),
        /NO_BINARY: .*\n +next: unset RBN_ADDON_PATH {3}\(it names .*rbn\.node\)/);
  });

  it('answers where tfjs is not installed', () => {
    const copy = join(folder, 'copy');
    for (const part of ['dist', 'scripts', 'package.json']) {
      cpSync(join(root, part), join(copy, part), {recursive: true});
    }
    const out = doctor({}, join(copy, 'dist/cli/main.js'));
    for (const peer of ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers']) {
      assert.match(out, new RegExp(`NO_PEER: ${peer} is not installed\\n +next: npm install ${peer}@4`));
    }
    assert.match(out, /NO_BINARY: .*\n +next: npm run build:addon {3}\(in .*copy\)/);
  });

  it('lists every kernel of tfjs-core once, with where the backend cuda runs it', () => {
    const table = JSON.parse(run('doctor', '--kernels', '--json').out) as {[name: string]: string};
    const {status, out} = run('doctor', '--kernels');
    assert.equal(status, 0);
    const places = [table.RepresentativeBatchNorm, table.StringSplit, table.FromPixels];
    assert.deepEqual(places, ['native', 'fallback', 'none']);
    const listed: {[name: string]: string} = {};
    for (const [, place, count, names] of out.matchAll(/^(native|fallback|none): (\d+) .*\n((?: {2}.*\n)*)/gm)) {
      const all = names.trim().split(/\s+/);
      assert.equal(all.length, Number(count), place);
      for (const name of all) listed[name] = place;
    }
    assert.deepEqual(listed, table);
    assert.ok(out.startsWith(`${Object.keys(table).length} kernels`));
  });
});

describe('tfjs-rbn train', () => {
  const out = mkdtempSync(join(tmpdir(), 'tfjs-rbn-cli-'));
  after(() => rmSync(out, {recursive: true}));

  it('trains both normalizations, saves models and report, and prints the table', () => {
    const result = run('train', '--backend', 'cpu', '--epochs', '1', '--seeds', '1', '--width', '2', '--batch-size', '128', '--out', out);
    assert.equal(result.status, 0, result.err);
    for (const norm of ['rbn', 'bn']) {
      // Accuracy without spread (one seed), parameters, milliseconds, share.
      assert.match(result.out, new RegExp(`^${norm} +0\\.\\d{4} +\\d+ +\\d+\\.\\d +\\d+ %$`, 'm'));
      assert.ok(existsSync(join(out, 'models', `${norm}-seed1`, 'model.json')));
    }
    assert.match(result.out, /Saved and loaded again, with the same test accuracy: 2 of 2 models/);
    assert.match(result.out, /Note: accuracy of 0\.95 and 180 s are asked of the default size only/);
    assert.ok(result.out.includes(`Report: ${join(out, 'report.html')}`));
    assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /<polyline/);
    assert.doesNotMatch(result.out, /\r|\x1b/); // no bar where the output is no terminal
    assert.match(result.out, /^backend cpu$/m);
  }).timeout(60000);

  const onCuda = (env: NodeJS.ProcessEnv, ...args: string[]) => spawnSync(
      process.execPath, [MAIN, 'train', '--backend', 'cuda', '--epochs', '1', '--width', '1', '--batch-size', '512', '--norm', 'rbn', '--out', out, ...args],
      {encoding: 'utf8', env: {...process.env, ...env}});

  it('trains on cuda, one run at a time, and says of the simulator that it is one', () => {
    const {status, stdout, stderr} = onCuda({RBN_ENGINE: 'simulator'}, '--seeds', '2');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^2 runs, 1 at a time: rbn/);
    assert.match(stdout, /^backend cuda: the simulator$/m);
    assert.match(stdout, /^rbn +0\.\d{4} ± 0\.\d{4} +\d+ +\d+\.\d +\d+ %$/m);
    assert.match(stderr, /^Warning: RBN_ENGINE asks for the simulator, .* the times below mean nothing$/m);
    assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /backend cuda/);
  }).timeout(120000);

  it('says what is missing where cuda is asked for and can not be had', () => {
    const {status, stdout, stderr} = onCuda({RBN_ENGINE: 'cuda', RBN_ENGINE_PATH: join(out, 'nowhere.so')});
    assert.equal(status, 1);
    assert.match(stderr, /nowhere\.so\) \[NO_ENGINE\] Next: unset RBN_ENGINE_PATH/);
    assert.equal(stdout, '');
    const far = onCuda({RBN_ENGINE: 'simulator', RBN_DEVICE: '7'});
    assert.equal(far.status, 1);
    assert.match(far.stderr, /\[NO_DEVICE\] Next: /);
  });

  it('takes the first backend that works, and says of what is broken how to mend it', () => {
    const choice = (name: 'cpu' | 'cuda', warnings: string[] = []): Choice => (
      {backend: name === 'cpu' ? {name} : {name, engine: 'cuda'}, description: name, warnings});
    const broken = () => { throw new RbnError({code: 'NO_ENGINE', message: 'no engine', next: 'build it'}); };
    const nothing = () => null;
    const cpu = () => choice('cpu', ['slow']);
    assert.deepEqual(firstThatWorks([() => choice('cuda'), broken, cpu]), choice('cuda'));
    assert.deepEqual(firstThatWorks([nothing, cpu]), choice('cpu', ['slow']));
    assert.deepEqual(firstThatWorks([broken, nothing, cpu]), choice('cpu', [
      'no engine [NO_ENGINE] Next: build it\nThe backend cpu does the work instead, which is slower.', 'slow']));
    assert.throws(() => firstThatWorks([() => { throw new RangeError('RBN_DEVICE'); }, cpu]), RangeError);
  });
});

describe('tfjs-node for commands', () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'tfjs-rbn-cli-')); });
  afterEach(() => rmSync(folder, {recursive: true}));

  /** A tfjs-node in `folder` whose main file is `source`. */
  function install(source: string): void {
    const where = join(folder, 'node_modules/@tensorflow/tfjs-node');
    mkdirSync(where, {recursive: true});
    writeFileSync(join(where, 'package.json'), JSON.stringify({name: '@tensorflow/tfjs-node', version: '4.99.0', main: 'index.js'}));
    writeFileSync(join(where, 'index.js'), source);
  }
  const quick = ['--epochs', '1', '--seeds', '1', '--width', '1', '--batch-size', '512', '--norm', 'rbn', '--out', 'out'];
  // With the simulator no GPU is looked for, and nobody picks the simulator by itself.
  const inFolder = (main: string, ...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], {cwd: folder, encoding: 'utf8', env: {...process.env, RBN_ENGINE: 'simulator'}});

  const broken: [string, string, RegExp][] = [
    ['throws', "throw new Error('libtensorflow.so.2: cannot open shared object file')", /does not load: Error: libtensorflow\.so\.2: cannot open/],
    ['crashes', 'process.abort()', /does not load: its process ended with SIGABRT/],
  ];
  for (const [does, source, why] of broken) {
    it(`one that ${does} is named by doctor`, () => {
      install(source);
      const {status, stdout} = inFolder(MAIN, 'doctor');
      assert.equal(status, 0);
      assert.match(stdout, /^tfjs-node 4\.99\.0 does not load$/m);
      assert.match(stdout, /NO_TFJS_NODE: @tensorflow\/tfjs-node 4\.99\.0 is installed/);
      assert.match(stdout, why);
      assert.match(stdout, /next: npm rebuild @tensorflow\/tfjs-node/);
    });

    it(`one that ${does} is an error where it was asked for`, () => {
      install(source);
      const {status, stdout, stderr} = inFolder(MAIN, 'train', ...quick, '--backend', 'tensorflow');
      assert.equal(status, 1);
      assert.match(stderr, why);
      assert.match(stderr, /\[NO_TFJS_NODE\] Next: npm rebuild/);
      assert.equal(stdout, '');
    });
  }

  it('one that does not load is said, and training runs on cpu', () => {
    install(broken[0][1]);
    const {status, stdout, stderr} = inFolder(MAIN, 'train', ...quick);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^backend cpu$/m);
    assert.match(stderr, broken[0][2]);
    assert.match(stderr, /\[NO_TFJS_NODE\] Next: npm rebuild.*\nThe backend cpu does the work instead, which is slower\.$/m);
  }).timeout(60000);

  it('where there is none: an error where it was asked for, else nothing', () => {
    // This package as a dependency, with everything beside it but tfjs-node.
    const modules = join(folder, 'node_modules'), copy = join(modules, 'tfjs-rbn');
    mkdirSync(join(modules, '@tensorflow'), {recursive: true});
    for (const name of readdirSync(join(root, 'node_modules/@tensorflow'))) {
      if (name !== 'tfjs-node') symlinkSync(join(root, 'node_modules/@tensorflow', name), join(modules, '@tensorflow', name));
    }
    for (const part of ['dist', 'data', 'scripts', 'package.json']) cpSync(join(root, part), join(copy, part), {recursive: true});
    const main = join(copy, 'dist/cli/main.js');
    const asked = inFolder(main, 'train', ...quick, '--backend', 'tensorflow');
    assert.equal(asked.status, 1);
    assert.match(asked.stderr, /tfjs-node is not installed \[NO_TFJS_NODE\] Next: npm install @tensorflow\/tfjs-node/);
    const doctor = inFolder(main, 'doctor');
    assert.match(doctor.stdout, /^tfjs-node not installed; it is optional$/m);
    assert.doesNotMatch(doctor.stdout, /NO_TFJS_NODE/);
    const silent = inFolder(main, 'train', ...quick);
    assert.equal(silent.status, 0, silent.stderr);
    assert.match(silent.stdout, /^backend cpu$/m);
    assert.doesNotMatch(silent.stderr, /tfjs-node/);
  }).timeout(60000);
});
