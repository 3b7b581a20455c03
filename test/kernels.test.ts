// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels below the ops: composed on backends that have none of their own, plain TypeScript without the
// addon, and what the kernels of `cpu` promise each other.
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as path from 'node:path';
import * as rbn from 'tfjs-rbn';

import {Activation, BackwardArguments, ForwardArguments, Layout} from '#dist/binding/native';
import {nativeAddon} from '#dist/binding/addon';
import {plainBackward} from '#dist/kernels/cpu/plain_backward';
import {plainForward} from '#dist/kernels/cpu/plain_forward';

import {registerPlainTfjsBackend} from './support/backends';
import {forward, gradients, Problem, randomFloats, relativeError} from './support/definition';
import {checkScenario, nameOf, SCENARIOS} from './support/scenarios';

const NAMES = ['RepresentativeBatchNorm', 'RepresentativeBatchNormGrad'];

/** float32 all the way, and gradients that are sums of terms of both signs: 2e-6 is reached. */
const COMPOSED_TOLERANCE = 5e-6;

describe('composed kernels', () => {
  after(() => tf.setBackend('cpu'));

  describe('on wasm', () => {
    before(() => tf.setBackend('wasm'));
    it('are registered at import, where the backend is there before', () => {
      const source = `
        const tf = require('@tensorflow/tfjs-core');
        require('@tensorflow/tfjs-backend-wasm');
        require('tfjs-rbn');
        console.log(${JSON.stringify(NAMES)}.every((name) => tf.getKernel(name, 'wasm') != null));
      `;
      const cwd = path.dirname(require.resolve('tfjs-rbn/package.json'));
      assert.equal(spawnSync(process.execPath, ['--eval', source], {cwd, encoding: 'utf8'}).stdout, 'true\n');
    });
    for (const scenario of SCENARIOS) it(nameOf(scenario), () => checkScenario(scenario, COMPOSED_TOLERANCE));
    it('leave no tensor behind', () => {
      const before = tf.memory().numTensors;
      checkScenario(SCENARIOS[14], COMPOSED_TOLERANCE);
      assert.equal(tf.memory().numTensors, before);
    });
  });

  describe('on a backend that was registered after the package', () => {
    before(() => tf.setBackend(registerPlainTfjsBackend('late')));
    it('come with the first call', () => {
      assert.ok(tf.getKernel(NAMES[0], 'late') == null);
      const p = {centerWeight: [0], scaleWeight: [0], scaleBias: [1]};
      rbn.representativeBatchNorm([[1]], p, {mean: [0], variance: [1]}).dispose();
      for (const name of NAMES) assert.ok(tf.getKernel(name, 'late') != null);
    });
    for (const scenario of SCENARIOS) it(nameOf(scenario), () => checkScenario(scenario, COMPOSED_TOLERANCE));

    it('give an empty output and zero gradients for an empty batch', () => tf.tidy(() => {
      const p = {centerWeight: tf.zeros([2]) as tf.Tensor1D, scaleWeight: tf.zeros([2]) as tf.Tensor1D,
                 scaleBias: tf.ones([2]) as tf.Tensor1D};
      const x = tf.zeros([0, 3, 2]);
      const given = {mean: [0, 0], variance: [1, 1]};
      const f = (x: tf.Tensor, residual: tf.Tensor, scaleBias: tf.Tensor) => rbn.representativeBatchNorm(
          x, {...p, scaleBias: scaleBias as tf.Tensor1D}, {...given, activation: 'relu', residual});
      const {value, grads} = tf.valueAndGrads(f)([x, x.clone(), p.scaleBias]);
      assert.deepEqual([value.shape, grads[0].shape, grads[1].shape], [x.shape, x.shape, x.shape]);
      assert.deepEqual([...grads[2].dataSync()], [0, 0]);
    }));

    it('stay exact where the mean is 10,000 standard deviations', () => {
      const problem = badlyConditioned();
      const w = randomFloats(5)(problem.x.length, -1, 1);
      const expected = forward(problem), expectedGradients = gradients(problem, w);
      tf.tidy(() => {
        const x = tf.tensor(Float32Array.from(problem.x), [3, 7, 2]);
        const p = {
          gamma: [...problem.gamma], beta: [...problem.beta], centerWeight: [...problem.centerWeight],
          scaleWeight: [...problem.scaleWeight], scaleBias: [...problem.scaleBias],
        };
        const run = (x: tf.Tensor) => rbn.representativeBatchNormTraining(x, p, {epsilon: problem.epsilon}).output;
        const close = (actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number) => {
          const error = relativeError(actual, wanted);
          assert.ok(error <= tolerance, `relative error ${error}, at most ${tolerance}`);
        };
        // 9e-8 and 2e-7 are reached; E[x²] − E[x]² or a float32 k̄ would be wrong in the first digit.
        close(run(x).dataSync(), expected.y, 3e-7);
        close(tf.grad(run)(x, tf.tensor(Float32Array.from(w), x.shape)).dataSync(), expectedGradients.x, 5e-7);
      });
    });
  });
});

function badlyConditioned(): Problem {
  const random = randomFloats(9);
  const x = random(3 * 7 * 2, -1, 1).map((value) => Math.fround(value + 1e4));
  return {
    instances: 3, positions: 7, channels: 2, x, residual: null, gamma: random(2, -2, 2), beta: random(2, -1, 1),
    centerWeight: random(2, -0.5, 0.5), scaleWeight: random(2, -2, 2), scaleBias: random(2, -1, 1),
    given: null, epsilon: 1e-3, relu: false,
  };
}

describe('kernels of cpu', () => {
  before(() => tf.setBackend('cpu'));

  it('give neither state nor mask to who takes no gradient', () => tf.tidy(() => {
    const x = tf.randomNormal([2, 3, 2]), one = tf.ones([2]);
    const attrs = {epsilon: 1e-3, axis: 2, activation: 'relu', training: true};
    const inputs = {x, residual: x, centerWeight: one, scaleWeight: one, scaleBias: one};
    const shapes = (keepState: boolean) =>
        tf.engine().runKernel<tf.Tensor[]>(NAMES[0], inputs, {...attrs, keepState}).map((t) => t.shape);
    assert.deepEqual(shapes(false), [[2, 3, 2], [2], [2]]);
    // Four planes of 2·2 floats, and 2·3 rows of one byte in two int32.
    assert.deepEqual(shapes(true), [[2, 3, 2], [2], [2], [16], [2]]);
  }));

  it('keep state unless they are told not to', () => tf.tidy(() => {
    const x = tf.randomNormal([2, 3, 2]), one = tf.ones([2]);
    const attrs = {epsilon: 1e-3, axis: 2, activation: 'linear', training: true};
    const f = (x: tf.Tensor) => tf.engine().runKernel<tf.Tensor[]>(
        NAMES[0], {x, centerWeight: one, scaleWeight: one, scaleBias: one}, attrs)[0];
    assert.ok(tf.grad(f)(x).dataSync().every(Number.isFinite));
  }));

  it('say what is missing when a gradient is asked of a kernel run without state', () => tf.tidy(() => {
    const x = tf.randomNormal([2, 3, 2]), one = tf.ones([2]);
    const attrs = {epsilon: 1e-3, axis: 2, activation: 'relu', training: true, keepState: false};
    const f = (x: tf.Tensor) => tf.engine().runKernel<tf.Tensor[]>(
        NAMES[0], {x, centerWeight: one, scaleWeight: one, scaleBias: one}, attrs)[0];
    assert.throws(() => tf.grad(f)(x), /RepresentativeBatchNorm: no gradient, .* keepState: false/);
  }));

  describe('use memory again only if nobody has seen it', () => {
    const p = {centerWeight: [0.5, 0], scaleWeight: [1, 0], scaleBias: [0, 1]};
    const given = {mean: [3, 3], variance: [1, 1]};
    const shape = [64, 64, 2]; // large enough for uninitialised memory
    let x: tf.Tensor;
    beforeEach(() => {
      x = tf.randomNormal(shape, 3);
    });
    afterEach(() => x.dispose());
    const run = () => rbn.representativeBatchNorm(x, p, given);
    const bytes = 4 * 64 * 64 * 2;
    /** How many arrays of x's size f takes from the allocator. */
    const allocated = (f: () => void) => {
      const original = Buffer.allocUnsafeSlow;
      let count = 0;
      Buffer.allocUnsafeSlow = (size) => {
        if (size === bytes) count++;
        return original(size);
      };
      try {
        f();
      } finally {
        Buffer.allocUnsafeSlow = original;
      }
      return count;
    };
    /** Disposes a tensor and writes some more outputs of its size; what was seen before must stay. */
    const overwrite = (tensor: tf.Tensor) => {
      tensor.dispose();
      const other = tf.tidy(() => tf.fill(shape, -7));
      const outputs = Array.from({length: 20}, () => rbn.representativeBatchNorm(other, p, given));
      tf.dispose([other, ...outputs]);
    };

    it('which is the case of outputs that were only disposed', () => {
      run().dispose();
      assert.equal(allocated(() => {
        for (let i = 0; i < 10; i++) run().dispose();
      }), 0);
      // Forward and backward: y and dx.
      const step = () => tf.tidy(() => {
        tf.grad((x) => rbn.representativeBatchNormTraining(x, p).output)(x, x);
      });
      step();
      assert.equal(allocated(step), 0);
    });

    it('which is not the case after dataSync(), not even for the same tensor', () => {
      const y = run();
      const values = y.dataSync(), copy = values.slice();
      overwrite(y);
      assert.deepEqual(values, copy);
    });

    it('nor after a kernel of tfjs has read it, which may have made a view', () => {
      const y = run();
      const part = tf.slice(y, [0], [32]);
      const copy = part.dataSync().slice();
      overwrite(y);
      assert.deepEqual(part.dataSync(), copy);
      part.dispose();
    });

    it('nor while another tensor has it', () => {
      const y = run();
      const flat = tf.reshape(y, [-1]);
      const expected = run();
      overwrite(y);
      assert.deepEqual(flat.dataSync(), expected.dataSync());
      tf.dispose([flat, expected]);
    });

    it('nor after it has moved to another backend', () => {
      const y = run(), expected = run();
      tf.setBackend('wasm');
      const twice = tf.add(y, y);
      tf.setBackend('cpu');
      overwrite(y);
      const half = tf.mul(twice, 0.5);
      assert.deepEqual(half.dataSync(), expected.dataSync());
      tf.dispose([twice, half, expected]);
    });

    it('nor when it has been saved for a gradient', () => {
      const gradientOf = (spoil: boolean) => tf.tidy(() => tf.grad((x: tf.Tensor) => {
        const inner = rbn.representativeBatchNorm(x, p, given);
        const outer = rbn.representativeBatchNormTraining(inner, p).output;
        if (spoil) overwrite(inner); // disposed by the user; the tape has its own reference
        return outer;
      })(x, x).dataSync());
      assert.deepEqual(gradientOf(true), gradientOf(false));
    });
  });

  it('take tensors that were made on another backend', () => {
    tf.setBackend('wasm');
    const x = tf.tensor2d([[1, 2], [3, 5]]);
    tf.setBackend('cpu');
    const p = {centerWeight: [0, 0], scaleWeight: [0, 0], scaleBias: [0, 0]};
    const y = rbn.representativeBatchNorm(x, p, {mean: [0, 0], variance: [1, 1], epsilon: 1e-12});
    assert.deepEqual([...y.dataSync()], [0.5, 1, 1.5, 2.5]);
    tf.dispose([x, y]);
  });

  // Each form may take up what the other has left: both follow native/rbn/problem.h.
  for (const [N, S, C, layout] of [
    [3, 10, 11, Layout.ChannelsLast], [3, 11, 5, Layout.ChannelsFirst], [9, 1, 11, Layout.ChannelsLast],
  ]) {
    for (const training of [true, false]) {
      const name = `[${N}, ${S}, ${C}] layout ${layout} ${training ? 'training' : 'frozen'}`;
      it(`agree on state and mask, plain and native: ${name}`, () => {
        const addon = nativeAddon();
        assert.ok(addon !== null, 'the addon is not built; next: npm run build:addon');
        const random = randomFloats(N + S + C);
        const floats = (length: number) => Float32Array.from(random(length, -1, 1));
        const size = N * S * C, rowBytes = Math.ceil((layout === Layout.ChannelsLast ? C : S) / 8);
        const vectors = [floats(C), floats(C), floats(C), floats(C), floats(C)] as const;
        const given = training ? [null, null] as const : [floats(C), floats(C).map((v) => v + 2)] as const;
        const x = floats(size), residual = floats(size), dy = floats(size);
        const problem = [N, S, C, layout, training, Activation.Relu, 1e-3] as const;
        const run = (forward: typeof plainForward, backward: typeof plainBackward) => {
          const state = new Float32Array(S === 1 ? 2 * C : 4 * N * C);
          const mask = new Uint8Array(size / (layout === Layout.ChannelsLast ? C : S) * rowBytes);
          const variance = new Float32Array(C);
          const forwardArgs: ForwardArguments<Float32Array, Uint8Array> = [
            ...problem, x, residual, ...vectors, ...given, new Float32Array(size),
            training ? new Float32Array(C) : null, training ? variance : null, state, mask,
          ];
          forward(1, ...forwardArgs);
          const gradients = [size, size, C, C, C, C, C].map((length) => new Float32Array(length));
          const [dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias] = gradients;
          const backwardArgs: BackwardArguments<Float32Array, Uint8Array> = [
            ...problem, dy, x, ...vectors, given[0], given[1] ?? variance, state, mask,
            dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias,
          ];
          backward(1, ...backwardArgs);
          return {mask, gradients, forwardArgs, backwardArgs};
        };
        const expected = run(plainForward, plainBackward);
        for (const actual of [run(plainForward, addon.cpuBackward), run(addon.cpuForward, plainBackward)]) {
          assert.deepEqual(actual.mask, expected.mask);
          actual.gradients.forEach((gradient, i) => {
            // A sigmoid and sums of their own, each rounded to float32: 2e-7 is reached.
            const error = relativeError(gradient, expected.gradients[i]);
            assert.ok(error <= 5e-7, `output ${i}: relative error ${error}`);
          });
        }
        // No call goes beyond an array: each is refused where an element is missing.
        const refusesShort = (call: (...args: never[]) => void, args: readonly unknown[]) => args.forEach((arg, i) => {
          if (!(arg instanceof Float32Array || arg instanceof Uint8Array)) return;
          const short = args.map((other, k) => k === i ? arg.subarray(0, arg.length - 1) : other);
          assert.throws(() => (call as (...all: unknown[]) => void)(1, ...short),
              {name: 'RangeError', message: /: expected at least \d+ elements, received \d+$/}, `argument ${i}`);
        });
        refusesShort(addon.cpuForward, expected.forwardArgs);
        refusesShort(addon.cpuBackward, expected.backwardArgs);
      });
    }
  }

  it('are at least 50 times as fast as the composed ones, even in plain TypeScript', function() {
    this.timeout(60000);
    const shape = [4, 14, 14, 64], [N, S, C] = [4, 14 * 14, 64], size = N * S * C;
    const random = randomFloats(3), floats = (length: number) => Float32Array.from(random(length, -1, 1));
    const vectors = [floats(C), floats(C), floats(C), floats(C), floats(C)] as const;
    const x = floats(size), dy = floats(size), y = floats(size), dx = floats(size);
    const mean = floats(C), variance = floats(C), state = floats(4 * N * C);
    const problem = [N, S, C, Layout.ChannelsLast, true, Activation.Linear, 1e-3] as const;
    const plain = () => {
      plainForward(1, ...problem, x, null, ...vectors, null, null, y, mean, variance, state, null);
      const gradients = vectors.map((v) => v.slice()) as
          [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
      plainBackward(1, ...problem, dy, x, ...vectors, null, variance, state, null, dx, null, ...gradients);
    };
    // The least of several runs, on a machine where others run too.
    const least = (runs: number, f: () => void) => Math.min(...Array.from({length: runs}, () => {
      const start = performance.now();
      f();
      return performance.now() - start;
    }));
    const plainTime = least(30, plain);
    tf.setBackend(registerPlainTfjsBackend('late'));
    const composedTime = least(3, () => tf.tidy(() => {
      const [gamma, beta, centerWeight, scaleWeight, scaleBias] = vectors.map((v) => tf.tensor1d(v));
      const f = (x: tf.Tensor) => rbn.representativeBatchNormTraining(
          x, {gamma, beta, centerWeight, scaleWeight, scaleBias}).output;
      tf.grad(f)(tf.tensor(x, shape), tf.tensor(dy, shape)).dataSync();
    }));
    tf.setBackend('cpu');
    assert.ok(composedTime / plainTime >= 50, `${composedTime} ms composed, ${plainTime} ms plain`);
  });

  it('do the same in plain TypeScript: the tests of the ops pass without the addon', function() {
    this.timeout(60000);
    const env = {...process.env, RBN_ADDON_PATH: path.join(__dirname, 'nowhere', 'rbn.node')};
    const mocha = path.join(path.dirname(require.resolve('mocha/package.json')), 'bin', 'mocha.js');
    const {status, stdout, stderr} = spawnSync(
        process.execPath, [mocha, '--no-config', '--timeout', '20000', path.join(__dirname, 'ops.test.js')],
        {env, encoding: 'utf8'});
    assert.equal(status, 0, stdout + stderr);
    assert.match(stderr, /NO_BINARY/);
    assert.ok(Number(/(\d+) passing/.exec(stdout)![1]) >= SCENARIOS.length, stdout);
  });
});
