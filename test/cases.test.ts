// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of cases, test/cases.json, on every implementation that runs without a GPU, against the float64
// reference; and the reference itself, against differences and against its twin in C++.
import '@tensorflow/tfjs-backend-wasm';

import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

import {plainBackward} from '#dist/kernels/cpu/plain_backward';
import {plainForward} from '#dist/kernels/cpu/plain_forward';
import {nativeAddon} from '#dist/binding/index';
import * as wasm from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

import {registerPlainTfjsBackend} from './support/backends';
import {Case, testCases} from './support/cases';
import {compare, PROMISED, sameBits, Tolerances} from './support/criteria';
import {CaseData, checksum, makeData} from './support/data';
import {differences} from './support/differences';
import {root} from './support/files';
import {engineLevel, Implementation, kernelLevel, nativeCpu, opLevel} from './support/implementations';
import {Reference, reference} from './support/reference';

const simulator = path.join(root, 'out/simulator');

/** Data and reference of a case, made once for all implementations. */
const known = new Map<Case, {data: CaseData; expected: Reference}>();
function prepared(c: Case) {
  let entry = known.get(c);
  if (entry === undefined) {
    const data = makeData(c);
    known.set(c, entry = {data, expected: reference(c, data)});
  }
  return entry;
}

const cases = testCases();

function testAll(implementation: Implementation, {twice = true} = {}): void {
  for (const c of cases) {
    if (!implementation.applies(c)) continue;
    it(c.name, () => {
      const {data, expected} = prepared(c);
      const received = implementation.run(c, data);
      assert.equal(compare(c, expected, received, implementation.tolerances(c)), '');
      if (twice) assert.equal(sameBits(received, implementation.run(c, data)), '', 'a second run');
    });
  }
}

/**
 * Composed of tfjs's float32 ops; what they can not do as well as our own kernels, which have double. In
 * brackets what is reached:
 * - A gate's argument of 20 or 30, as wide parameters have it, is itself rounded to 2e-6 (parameters to 5e-6).
 * - mean is a product and a sum, rounded three times instead of once, each by half a unit (1.3e-7 in all).
 * - Sums over positions are plain loops in wasm, of up to 4,096 roundings here (moments to 2.8e-6).
 * dcenterWeight needs less than is promised (1.1e-6).
 */
function composedTolerances(backendName: 'plain-cpu' | 'wasm') {
  return (c: Case): Tolerances => ({
    ...PROMISED,
    parameters: c.parameters === 'wide' ? 1e-5 : PROMISED.parameters,
    centerWeight: 3e-6,
    moments: backendName === 'wasm' ? 5e-6 : PROMISED.moments,
    meanRounding: 1.8e-7,
  });
}

describe('case table', () => {
  describe('the reference', () => {
    for (const c of cases) {
      // A difference of float64 numbers needs few elements to be sharp, and large ones show nothing new.
      if (c.elements === 0 || c.elements > 2000) continue;
      it(`has the derivatives of its forward pass: ${c.name}`, () => {
        const {data, expected} = prepared(c);
        assert.equal(differences(c, data, expected), '');
      });
    }

    it('is the same in TypeScript and in C++, and so are the data', function() {
      this.timeout(60000);
      const runner = path.join(simulator, 'rbn_case_runner');
      assert.ok(fs.existsSync(runner), `${runner} is not built; next: npm run build:simulator`);
      const {stdout, stderr, status} = spawnSync(runner, ['--list'], {encoding: 'utf8', maxBuffer: 1 << 26});
      assert.equal(status, 0, stderr);
      const all = [...cases, ...testCases(true)];
      const lines = new Map(stdout.trimEnd().split('\n').map((line) => {
        const [name, ...values] = line.split('\t');
        return [name, values];
      }));
      assert.deepEqual([...lines.keys()].sort(), all.map((c) => c.name).sort());
      for (const c of all) {
        const {data, expected: r} = prepared(c);
        const [hash, ...sums] = lines.get(c.name)!;
        assert.equal(checksum(data).toString(16).padStart(8, '0'), hash, `${c.name}: the data`);
        [r.y, r.mean, r.variance, r.dx, r.dresidual, r.dgamma.value, r.dbeta.value, r.dcenterWeight.value,
          r.dscaleWeight.value, r.dscaleBias.value, r.dgamma.terms, r.dcenterWeight.terms, r.dscaleWeight.terms,
        ].forEach((values, i) => {
          let sum = 0, size = 0;
          values.forEach((value, j) => {
            sum += (j % 2 === 0 ? 1 : -0.5) * value;
            size += Math.abs(value);
          });
          // exp differs by a unit between libraries; the rest is the same arithmetic.
          assert.ok(Math.abs(sum - Number(sums[i])) <= 1e-11 * size, `${c.name}: sum ${i}: ${sum} and ${sums[i]}`);
        });
      }
    });
  });

  describe('typed-array TypeScript', () => testAll(kernelLevel('TypeScript', plainForward, plainBackward)));

  const addon = nativeAddon();
  describe('native CPU', () => {
    it('is built', () => assert.ok(addon !== null, 'next: npm run build:addon'));
    if (addon === null) return;
    for (const isa of ['baseline', 'avx2', 'avx512'] as const) {
      const best = addon.currentIsa();
      if (!addon.setIsa(isa)) continue;
      addon.setIsa(best);
      describe(isa, () => testAll(nativeCpu(addon, isa, 1), {twice: false}));
    }
    describe('has the same bits for any number of threads', () => {
      const threads = [1, 2, 3, 5].map((count) => nativeCpu(addon, addon.bestIsa(), count));
      for (const c of cases) {
        if (!threads[0].applies(c)) continue;
        it(c.name, () => {
          const {data} = prepared(c);
          const [first, ...others] = threads.map((implementation) => implementation.run(c, data));
          others.forEach((other, i) => assert.equal(sameBits(first, other), '', threads[i + 1].name));
        });
      }
    });
  });

  describe('ops on cpu', () => testAll(opLevel('cpu')));

  describe('CUDA engine on the simulator', () => {
    const library = path.join(simulator, 'librbn_engine_simulator.so');
    it('is built', () => assert.ok(fs.existsSync(library), 'next: npm run build:simulator'));
    if (addon === null || !fs.existsSync(library)) return;
    const context = addon.openEngine(library).createContext(0);
    after(() => context.destroy());
    testAll(engineLevel(context, 'simulator'));
  });

  describe('composed, on cpu', () => {
    testAll(opLevel(registerPlainTfjsBackend('plain-cpu'), composedTolerances('plain-cpu')), {twice: false});
  });
  describe('composed, on wasm', () => {
    before(async () => {
      const installed = path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
      wasm.setWasmPaths(path.join(installed, 'dist', path.sep));
      await tf.setBackend('wasm');
      await tf.ready();
    });
    after(() => tf.setBackend('cpu'));
    testAll(opLevel('wasm', composedTolerances('wasm')), {twice: false});
  });
});
