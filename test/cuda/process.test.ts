// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The `cuda` backend in processes of its own: worker threads, the end of a process, a device that is lost.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as path from 'node:path';

import {cudaEnvironment, testEngine} from '../support/cuda';

const root = path.dirname(require.resolve('tfjs-rbn/package.json'));
const PRELUDE = `
  const tf = require('@tensorflow/tfjs-core');
  require('@tensorflow/tfjs-backend-cpu');
  const rbn = require('tfjs-rbn');
  require('tfjs-rbn/cuda');
  const train = (n) => {
    const one = (v) => tf.fill([3], v);
    let last;
    for (let i = 0; i < n; i++) {
      last?.dispose();
      last = tf.tidy(() => {
        const x = tf.tensor2d(Float32Array.from({length: 30}, (_, k) => Math.sin(k + i)), [10, 3]);
        const p = {centerWeight: one(0.1), scaleWeight: one(0.2), scaleBias: one(1)};
        return tf.grad((v) => tf.sum(tf.square(rbn.representativeBatchNormTraining(v, p, {}).output)))(x);
      });
    }
    return last;
  };
`;

/** Runs a program on the tests' engine; its output, and how it ended. */
function run(program: string, environment: NodeJS.ProcessEnv = {}): {status: number | null; signal: string | null; stdout: string; stderr: string} {
  const {status, signal, stdout, stderr} = spawnSync(process.execPath, ['-e', PRELUDE + program],
      {cwd: root, encoding: 'utf8', env: {...cudaEnvironment(), ...environment}, timeout: 60000});
  return {status, signal, stdout, stderr};
}

function succeeds(program: string, expected: string, environment?: NodeJS.ProcessEnv): void {
  const {status, signal, stdout, stderr} = run(program, environment);
  assert.equal(stdout.trim(), expected, stderr);
  assert.deepEqual({status, signal}, {status: 0, signal: null}, stderr);
}

describe('a process with the backend cuda', function() {
  this.timeout(120000);

  it('ends while kernels and reads are under way', () => {
    const program = "tf.setBackend('cuda').then(() => { const g = train(3); void g.data(); console.log('ends'); process.exit(0); });";
    succeeds(program, 'ends');
    if (testEngine === 'simulator') succeeds(program, 'ends', {RBN_SIMULATOR_DEFER: '1'});
  });

  it('ends by itself, with tensors left', () => {
    succeeds("tf.setBackend('cuda').then(async () => console.log((await train(2).data()).length));", '30');
  });

  it('goes on with timers and callbacks while it waits for values', () => {
    // On the simulator, kernels run when they are waited for: here only in data(), so that all of their time is in it.
    const [size, products] = testEngine === 'simulator' ? [128, 30] : [4096, 200];
    succeeds(`
      tf.setBackend('cuda').then(async () => {
        const x = tf.fill([${size}, ${size}], ${1 / size});
        let y = x;
        for (let i = 0; i < ${products}; i++) y = tf.matMul(y, x);
        let timers = 0, callbacks = 0, reads = true;
        const timer = setInterval(() => timers++, 1);
        const again = () => { if (reads) { callbacks++; setImmediate(again); } };
        setImmediate(again);
        const values = await y.data();
        reads = false;
        clearInterval(timer);
        console.log(values.length, timers >= 20 && callbacks >= 20 || timers + ' timers, ' + callbacks + ' callbacks');
      });`, `${size * size} true`, {RBN_SIMULATOR_DEFER: '1'});
  });

  it('has it in several worker threads at once, and again after they have ended', () => {
    succeeds(`
      const {isMainThread, parentPort, Worker} = require('node:worker_threads');
      const source = ${JSON.stringify(PRELUDE)} + \`
        tf.setBackend('cuda').then(async () =>
          require('node:worker_threads').parentPort.postMessage(Array.from(await train(3).data()).join()));\`;
      const one = () => new Promise((resolve, reject) => {
        let result;
        const worker = new Worker(source, {eval: true});
        worker.on('message', (m) => { result = m; }).on('error', reject).on('exit', (code) => resolve(code === 0 ? result : code));
      });
      (async () => {
        const first = await Promise.all([one(), one(), one()]);
        await tf.setBackend('cuda');
        const here = Array.from(await train(3).data()).join();
        const then = await one();
        console.log([...first, then].every((r) => r === here));
      })();`, 'true');
  });

  it('has it in a worker thread alone, which is ended from outside', () => {
    succeeds(`
      const {Worker} = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(PRELUDE)} + \`
        tf.setBackend('cuda').then(() => { require('node:worker_threads').parentPort.postMessage('runs'); for (;;) train(1).dispose(); });\`,
        {eval: true});
      worker.on('message', async (m) => { await worker.terminate(); console.log(m); });`, 'runs');
  });

  it('says which backend runs where it is the simulator', function() {
    if (testEngine !== 'simulator') return;
    assert.match(run("tf.setBackend('cuda')").stderr, /\[SIMULATOR\].*simulator, a test device/);
  });

  it('is told why there is no GPU', () => {
    const {stdout, stderr} = run("tf.setBackend('cuda').then((ok) => console.log(ok));",
        {RBN_ENGINE: 'cuda', RBN_ENGINE_PATH: path.join(root, 'nowhere.so')});
    assert.equal(stdout.trim(), 'false');
    assert.match(stderr, /NO_ENGINE.*nowhere\.so|nowhere\.so.*NO_ENGINE/s);
    assert.match(stderr, /Next: /);
  });

  describe('whose device is lost', () => {
    const program = (steps: number) => `
      tf.setBackend('cuda').then(async () => {
        const errors = [];
        for (let i = 0; i < ${steps}; i++) {
          try {
            const g = train(1);
            await g.data();
            g.dispose();
          } catch (e) {
            errors.push(e);
          }
        }
        tf.disposeVariables();
        await tf.setBackend('cpu');
        if (errors.length === 0) return console.log('no error');
        const culprit = /^(\\w+): /.exec(errors[0].message)?.[1];
        console.log(errors[0].code, culprit, errors.at(-1).code, tf.add(1, 2).dataSync()[0]);
      });`;
    before(function() {
      // A kernel that fails on purpose: only the simulator has one.
      if (testEngine !== 'simulator') this.test!.parent!.pending = true;
    });

    it('throws DEVICE_LOST at each call, and JavaScript goes on', () => {
      // `download`: the first call that waits, and no operation.
      succeeds(program(6), 'DEVICE_LOST download DEVICE_LOST 3', {RBN_SIMULATOR_FAIL_LAUNCH: '12', RBN_SIMULATOR_DEFER: '1'});
    });

    it('is named by the operation with RBN_SYNC=1, at each launch of a step', () => {
      const named: string[] = [];
      for (let k = 1;; k++) {
        const {stdout, stderr} = run(program(1), {RBN_SIMULATOR_FAIL_LAUNCH: `${k}`, RBN_SIMULATOR_DEFER: '1', RBN_SYNC: '1'});
        if (stdout.trim() === 'no error') break; // k is past the last launch
        const [, operation] = /^DEVICE_LOST ([A-Z]\w+) DEVICE_LOST 3$/.exec(stdout.trim()) ?? [];
        assert.ok(operation !== undefined, `launch ${k}: ${stdout} ${stderr}`);
        named.push(operation);
      }
      assert.ok(named.length >= 10, named.join());
      for (const operation of ['Fill', 'RepresentativeBatchNorm', 'Square', 'Sum', 'RepresentativeBatchNormGrad']) {
        assert.ok(named.includes(operation), `${operation} among ${named.join()}`);
      }
    });
  });
});
