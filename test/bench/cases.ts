// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `npm run bench:cases [-- REGEX]`, after `npm run build:test`: the table of cases as a benchmark. Milliseconds of a forward
// and a backward pass on buffers that are kept, in TypeScript, on the CPU and on an engine: the simulator, whose times
// say nothing of a GPU's, or with RBN_TEST_ENGINE=cuda a GPU. Its copies to and from the device are not in it.
import {createContext, nativeAddon, openEngine} from '#dist/binding/index';
import {plainBackward} from '#dist/kernels/cpu/plain_backward';
import {plainForward} from '#dist/kernels/cpu/plain_forward';
import {median} from '#dist/train/statistics';

import {Case, testCases} from '../support/cases';
import {testEngine} from '../support/cuda';
import {makeData} from '../support/data';
import {engineLevel, KernelLevel, kernelLevel} from '../support/implementations';

const LEAST_CALLS = 3, MOST_CALLS = 100, MILLISECONDS = 10; // a case and implementation

const pattern = new RegExp(process.argv[2] ?? '');
const cases = testCases().filter((c) => pattern.test(c.name));
if (cases.length === 0) throw new RangeError(`bench:cases: no case matches ${pattern}`);

const addon = nativeAddon();
if (addon === null) throw new Error('bench:cases: the addon is not built. Next: npm run build:addon');
process.env.RBN_ENGINE = testEngine;
const context = createContext(openEngine(), 0);
const contestants: {level: KernelLevel; wait: () => void}[] = [
  {level: kernelLevel('TypeScript', plainForward, plainBackward), wait: () => {}},
  {level: kernelLevel(`CPU, ${addon.currentIsa()}`, addon.cpuForward, addon.cpuBackward), wait: () => {}},
  {level: engineLevel(context, testEngine), wait: () => context.synchronize()},
];

/** The median; null where an implementation has no kernel for the case. */
function time({level, wait}: typeof contestants[number], c: Case): number | null {
  if (!level.applies(c)) return null;
  const {call, end} = level.prepare(c, makeData(c)), times: number[] = [];
  try {
    call();
    wait();
    const begin = performance.now();
    while (times.length < LEAST_CALLS || times.length < MOST_CALLS && performance.now() - begin < MILLISECONDS) {
      const started = performance.now();
      call();
      wait();
      times.push(performance.now() - started);
    }
  } finally {
    end();
  }
  return median(times);
}

const width = Math.max(...cases.map(({name}) => name.length));
console.log(['ms, forward and backward'.padEnd(width), ...contestants.map(({level}) => level.name.padStart(22))].join(''));
for (const c of cases) {
  const cells = contestants.map((contestant) => time(contestant, c)).map((t) => t === null ? '–' : t.toPrecision(3));
  console.log([c.name.padEnd(width), ...cells.map((cell) => cell.padStart(22))].join(''));
}
context.destroy();
