// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// RBN and tfjs-node in processes of their own: whichever is imported first, by CommonJS and by ESM, in worker
// threads and after them, twice in one process, at the process's end, and where the ops can not be had.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import {root} from '../support/files';
import {requireTfjsNode} from '../support/tfjs_node';

const STEP = require.resolve('../support/tensorflow_step');

interface Options {esm?: boolean; env?: NodeJS.ProcessEnv}

/** Runs a program; it must end by itself with 'done' as its last line. Returns what it wrote to stderr. */
function runProgram(source: string, {esm = false, env = {}}: Options = {}): string {
  const prelude = esm ?
      `import {createRequire} from 'node:module';
       import step from ${JSON.stringify(STEP)};
       const {trainingStep} = step;` :
      `const {trainingStep} = require(${JSON.stringify(STEP)});
       const {Worker, isMainThread, parentPort, workerData} = require('node:worker_threads');
       // Runs a program in a worker thread and waits until it has ended.
       const inWorker = (source) => new Promise((resolve, reject) => {
         const worker = new Worker(workerPrelude + source, {eval: true});
         worker.once('error', reject);
         worker.once('exit', (code) => code === 0 ? resolve() : reject(new Error('exit code ' + code)));
       });
       const workerPrelude = 'const {trainingStep} = require(' + ${JSON.stringify(JSON.stringify(STEP))} + ');';
       const both = "const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn'); trainingStep(tf, rbn, 'op');";`;
  const {status, signal, stdout, stderr} = spawnSync(
      process.execPath, [...(esm ? ['--input-type=module'] : []), '--eval', prelude + source],
      {cwd: root, encoding: 'utf8', env: {...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...env}});
  assert.equal(signal, null, stderr);
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trimEnd().split('\n').at(-1), 'done', stdout + stderr);
  return stderr;
}

const noWarning = (stderr: string) => assert.doesNotMatch(stderr, /RbnWarning|already registered/);

describe('tfjs-node in processes of its own', function() {
  this.timeout(120000);
  before(function() { requireTfjsNode(this); });

  describe('is found', () => {
    const requireBoth = [`const tf = require('@tensorflow/tfjs-node');`, `const rbn = require('tfjs-rbn');`];
    const importBoth = [`import * as tf from '@tensorflow/tfjs-node';`, `import * as rbn from 'tfjs-rbn';`];
    const run = `trainingStep(tf, rbn, 'op'); console.log('done');`;
    it('imported first, CommonJS', () => noWarning(runProgram(requireBoth.join('') + run)));
    it('imported second, CommonJS', () => noWarning(runProgram(requireBoth.reverse().join('') + run)));
    it('imported first, ESM', () => noWarning(runProgram(importBoth.join('') + run, {esm: true})));
    it('imported second, ESM', () => noWarning(runProgram(importBoth.reverse().join('') + run, {esm: true})));
    it('imported after the first call on another backend', () => noWarning(runProgram(`
      const core = require('@tensorflow/tfjs-core'), rbn = require('tfjs-rbn');
      require('@tensorflow/tfjs-backend-cpu');
      const one = core.ones([1]), x = core.tensor2d([[1], [2]]);
      rbn.representativeBatchNormTraining(x, {centerWeight: one, scaleWeight: one, scaleBias: one});
      const tf = require('@tensorflow/tfjs-node');
      ${run}
    `)));
  });

  describe('with worker threads', () => {
    it('several at once, beside the main thread', () => {
      noWarning(runProgram(`
        const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
        trainingStep(tf, rbn, 'op');
        const workers = Promise.all([1, 2, 3].map(() => inWorker(both + both.replace(/^const.*?;/, '').repeat(50))));
        workers.then(() => {
          trainingStep(tf, rbn, 'op');
          console.log('done');
        });
      `));
    });

    it('only there, one after another, then in the main thread', () => {
      // With one thread, so that nothing but the linker's flag keeps our code in memory.
      noWarning(runProgram(`(async () => {
        await inWorker(both);
        const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8');
        for (const file of ['rbn.node', 'tfjs_binding.node']) {
          if (!maps.includes(file)) throw new Error(file + ' was unloaded: TensorFlow keeps pointers into it');
        }
        await inWorker(both);
        const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
        trainingStep(tf, rbn, 'op');
        console.log('done');
      })()`, {env: {RBN_THREADS: '1'}}));
    });

    it('that are terminated while they train', () => {
      noWarning(runProgram(`(async () => {
        const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
        trainingStep(tf, rbn, 'op');
        // From before the addon is loaded there until well into the steps.
        for (const milliseconds of [0, 10, 20, 40, 80]) {
          await new Promise((resolve) => {
            const worker = new Worker(workerPrelude + 'require("node:worker_threads").parentPort.postMessage(1);' +
                both + 'for (;;) trainingStep(tf, rbn, "op");', {eval: true});
            worker.once('message', () => setTimeout(() => worker.terminate().then(resolve), milliseconds));
          });
        }
        trainingStep(tf, rbn, 'op');
        console.log('done');
      })()`));
    });

    it('in the main thread after they have ended', () => {
      noWarning(runProgram(`(async () => {
        const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
        trainingStep(tf, rbn, 'op');
        await inWorker(both);
        trainingStep(tf, rbn, 'op');
        console.log('done');
      })()`));
    });
  });

  describe('twice in one process', () => {
    const folder = () => fs.mkdtempSync(path.join(os.tmpdir(), 'rbn-tfjs-node-'));

    it('two copies of the addon share the ops that the first registered', () => {
      const copy = path.join(folder(), 'rbn.node');
      fs.copyFileSync(path.join(root, 'build/Release/rbn.node'), copy);
      try {
        // The environment of a worker is its own copy.
        noWarning(runProgram(`(async () => {
          const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
          trainingStep(tf, rbn, 'op');
          await inWorker(\`
            process.env.RBN_ADDON_PATH = '${copy}';
            const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
            rbn.representativeBatchNorm([[1]], {centerWeight: [0], scaleWeight: [0], scaleBias: [1]}, {mean: [0], variance: [1]});
            const {latestTensorflowOps} = require('${path.join(root, 'dist/binding/tensorflow.js')}');
            const {ops, problem} = latestTensorflowOps();
            if (ops === null) throw new Error(problem.message);
          \`);
          trainingStep(tf, rbn, 'op');
          console.log('done');
        })()`));
      } finally {
        fs.rmSync(path.dirname(copy), {recursive: true});
      }
    });

    it('two copies of tfjs-node stand on one TensorFlow, which has the ops once', () => {
      const modules = folder();
      const installed = path.dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
      const copy = path.join(modules, 'tfjs-node');
      fs.cpSync(installed, copy, {recursive: true, verbatimSymlinks: true});
      // What the copy requires is found where the first one finds it.
      fs.symlinkSync(path.join(root, 'node_modules'), path.join(modules, 'node_modules'));
      try {
        noWarning(runProgram(`(async () => {
          const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
          trainingStep(tf, rbn, 'op');
          await inWorker(both.replace('@tensorflow/tfjs-node', '${copy}'));
          console.log('done');
        })()`));
      } finally {
        fs.rmSync(modules, {recursive: true});
      }
    });
  });

  describe('ends with the process', () => {
    const start = `const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn'); trainingStep(tf, rbn, 'op');`;
    it('by process.exit', () => { runProgram(`${start} console.log('done'); process.exit(0);`); });
    it('with tensors alive', () => {
      runProgram(`${start} globalThis.y = rbn.representativeBatchNormTraining(tf.ones([4, 2]), {centerWeight: tf.ones([2]),
        scaleWeight: tf.ones([2]), scaleBias: tf.ones([2])}); console.log('done');`);
    });
    it('while a worker thread runs', () => {
      runProgram(`${start} inWorker(both + 'for (;;) trainingStep(tf, rbn, "op");').catch(() => {});
        setTimeout(() => { console.log('done'); process.exit(0); }, 3000);`);
    });
  });

  describe('with kernels for a GPU', () => {
    const run = (env: NodeJS.ProcessEnv) => runProgram(`
      const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
      trainingStep(tf, rbn, 'op');
      console.log('done');`, {env: {RBN_TENSORFLOW_GPU: '1', ...env}});
    it('registers them beside those for the CPU', () => noWarning(run({RBN_ENGINE: 'simulator'})));
    it('says where they can not be had, and runs without', () => {
      assert.match(run({RBN_ENGINE_PATH: '/nowhere/engine.so'}), /\[NO_ENGINE\] RbnWarning: RBN_TENSORFLOW_GPU=1, but .*\/nowhere\/engine\.so/);
    });
  });

  describe('without our ops', () => {
    // Our own addon in the place of tfjs-node's binding: a library in this process that has no TensorFlow behind it.
    const pretend = `
      const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
      const {path: addon} = require('./dist/binding/addon.js').findAddon();
      const {binding} = tf.backend();
      delete require.cache[Object.keys(require.cache).find((file) => require.cache[file].exports === binding)];
      require.cache[addon].exports = binding;`;
    it('runs on copies, after one warning that names the first missing function', () => {
      const stderr = runProgram(`${pretend}
        trainingStep(tf, rbn, 'copy');
        trainingStep(tf, rbn, 'copy');
        console.log('done');`);
      assert.match(stderr, /\[UNSUPPORTED_TENSORFLOW\] RbnWarning: .* has no TF_NewStatus\. RBN runs .* on copies/);
      assert.match(stderr, /Next: npx tfjs-rbn doctor/);
      assert.equal(stderr.match(/RbnWarning/g)!.length, 1, stderr);
    });

    it('runs in TypeScript on copies where the addon is missing, and says that', () => {
      const stderr = runProgram(`
        const tf = require('@tensorflow/tfjs-node'), rbn = require('tfjs-rbn');
        trainingStep(tf, rbn, 'copy');
        console.log('done');`, {env: {RBN_ADDON_PATH: '/nowhere/rbn.node'}});
      assert.match(stderr, /\[NO_BINARY\] RbnWarning/);
      assert.equal(stderr.match(/RbnWarning/g)!.length, 1, stderr);
    });
  });
});
