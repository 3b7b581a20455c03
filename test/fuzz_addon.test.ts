// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Random arguments for every function of the native addon: shapes, types, lengths, detached and shared
// memory, numbers that are huge or none. A call may do its work or throw an Error; nothing else. Run under an
// AddressSanitizer build of the addon by `npm run test:sanitizers` (RBN_ADDON_PATH, LD_PRELOAD); the
// environment sets RBN_FUZZ_CALLS (2,000 of each function) and RBN_FUZZ_SEED (1).
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';

import {nativeAddon} from '#dist/binding/index';
import {DeviceAddress, EngineContext, NativeAddon} from '#dist/binding/native';

import {root} from './support/files';
import {Random} from './support/data';

const calls = Number(process.env.RBN_FUZZ_CALLS ?? 2000);
const seed = process.env.RBN_FUZZ_SEED ?? '1';

type Memory = (kind: 'floats' | 'bytes', length: number) => unknown;

class Chooser {
  private readonly random: Random;

  constructor(name: string) {
    this.random = new Random(`${name} ${seed}`);
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability;
  }

  below(n: number): number {
    return Math.floor(this.random.uniform() * n);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

function detached(): Float32Array {
  const array = new Float32Array(64);
  structuredClone(array.buffer, {transfer: [array.buffer]});
  return array;
}

/** A view whose buffer has shrunk under it. */
function shrunk(): Float32Array {
  // ES2024, which the compiler's library does not know yet.
  const Resizable = ArrayBuffer as unknown as
      new (length: number, options: {maxByteLength: number}) => ArrayBuffer & {resize(length: number): void};
  const buffer = new Resizable(256, {maxByteLength: 512});
  const array = new Float32Array(buffer);
  buffer.resize(8);
  return array;
}

/** What no argument should be, or only by chance. */
const JUNK: readonly (() => unknown)[] = [
  () => undefined, () => null, () => true, () => false, () => NaN, () => -1, () => 0, () => 1, () => 3, () => 1.5,
  () => -0, () => 2 ** 31, () => 2 ** 32, () => 2 ** 32 + 1, () => 2 ** 50, () => 2 ** 53, () => 2 ** 63, () => 1e300,
  () => Infinity, () => -Infinity, () => Number.MIN_VALUE, () => '', () => 'x', () => '7', () => Symbol('s'),
  () => 10n, () => -(2n ** 70n),
  () => ({}), () => [], () => [1, 2, 3], () => () => 1, () => new Date(), () => new Error('argument'), () => new Map(),
  () => new Float32Array(0), () => new Float32Array(1), () => new Float32Array(5), () => new Float32Array(100000),
  () => new Float64Array(4096), () => new Int32Array(4096), () => new Uint8Array(4096),
  () => new Uint8ClampedArray(4096), () => new BigInt64Array(4096), () => new DataView(new ArrayBuffer(4096)),
  () => new ArrayBuffer(4096),
  () => new SharedArrayBuffer(4096), () => new Float32Array(new SharedArrayBuffer(16384)), detached, shrunk,
  () => new Proxy(new Float32Array(4096), {}), () => Object.create(Float32Array.prototype), () => Buffer.alloc(4096),
  () => ({bytes: 4096}), () => ({length: 4096}), () => Object.freeze({}),
];

/** Arguments that fit together, as ForwardArguments. */
function forwardArguments(choose: Chooser, memory: Memory): unknown[] {
  const {sizes, n, s, c, layout, training, relu} = problem(choose);
  const all = n * s * c;
  const floats = (length: number) => memory('floats', length + choose.below(3));
  const maybe = (value: () => unknown) => choose.chance(0.5) ? value() : null;
  const residual = maybe(() => floats(all)), state = maybe(() => floats(s === 1 ? 2 * c : 4 * n * c));
  const masked = relu && residual !== null && state !== null;
  return [
    ...sizes, floats(all), residual, maybe(() => floats(c)), maybe(() => floats(c)), floats(c), floats(c), floats(c),
    training ? null : floats(c), training ? null : floats(c), floats(all), training ? floats(c) : null,
    training ? floats(c) : null, state, masked ? memory('bytes', maskBytes(n, s, c, layout)) : null,
  ];
}

/** Arguments that fit together, as BackwardArguments. */
function backwardArguments(choose: Chooser, memory: Memory): unknown[] {
  const {sizes, n, s, c, layout, training, relu} = problem(choose);
  const all = n * s * c;
  const floats = (length: number) => memory('floats', length + choose.below(3));
  const maybe = (value: () => unknown) => choose.chance(0.5) ? value() : null;
  const masked = relu && choose.chance(0.5);
  return [
    ...sizes, floats(all), floats(all), maybe(() => floats(c)), maybe(() => floats(c)), floats(c), floats(c), floats(c),
    training ? null : floats(c), floats(c), floats(s === 1 ? 2 * c : 4 * n * c),
    masked ? memory('bytes', maskBytes(n, s, c, layout)) : null, floats(all),
    masked && choose.chance(0.8) ? floats(all) : null, maybe(() => floats(c)), maybe(() => floats(c)), floats(c),
    floats(c), floats(c),
  ];
}

function problem(choose: Chooser) {
  const n = choose.below(5), s = 1 + choose.below(40), c = 1 + choose.below(choose.of([4, 40]));
  const layout = choose.below(2), training = choose.chance(0.5), relu = choose.chance(0.5);
  return {sizes: [n, s, c, layout, training, relu ? 1 : 0, 1e-3], n, s, c, layout, training, relu};
}

function maskBytes(n: number, s: number, c: number, layout: number): number {
  return n * (layout === 0 ? s : c) * Math.ceil((layout === 0 ? c : s) / 8);
}

/** Breaks some arguments, now and then none; may leave some out or add some. */
function spoil(choose: Chooser, args: unknown[], junk: readonly (() => unknown)[]): unknown[] {
  const spoiled = [...args];
  for (let i = choose.below(4); i > 0 && spoiled.length > 0; i--) {
    spoiled[choose.below(spoiled.length)] = choose.of(junk)();
  }
  if (choose.chance(0.05)) spoiled.length = choose.below(spoiled.length + 1);
  if (choose.chance(0.05)) spoiled.push(choose.of(junk)());
  // An array in the place of another: too short or of the wrong type, or both are the same memory.
  if (choose.chance(0.2) && spoiled.length > 0) spoiled[choose.below(spoiled.length)] = choose.of(spoiled);
  return spoiled;
}

/** Calls and says whether it went through; anything thrown must be an Error with a message. */
function attempt(f: (...args: never[]) => unknown, args: unknown[]): boolean {
  try {
    (f as (...all: unknown[]) => unknown)(...args);
    return true;
  } catch (e) {
    assert.ok(e instanceof Error && e.message.length > 0, `threw ${String(e)}`);
    return false;
  }
}

function hostMemory(choose: Chooser): Memory {
  return (kind, length) => {
    // Over an own buffer, so that AddressSanitizer sees its end; or inside another, off any alignment.
    if (kind === 'bytes') return new Uint8Array(length).fill(choose.below(256));
    const offset = choose.chance(0.3) ? 1 + choose.below(7) : 0;
    return new Float32Array(offset + length).fill(0.5).subarray(offset);
  };
}

/** A call of an operation: often a right one, as numbers of the command are small. */
function command(choose: Chooser, operations: number, memory: Memory): Float64Array {
  const inputs = choose.below(4), outputs = 1 + choose.below(2), attributes = choose.below(4);
  const words = [choose.below(operations + 1), inputs, outputs, attributes];
  const shape = Array.from({length: choose.below(4)}, () => choose.below(5));
  const dtype = choose.below(3);
  for (let i = 0; i < inputs + outputs; i++) {
    const own = choose.chance(0.8) ? shape : shape.slice(choose.below(shape.length + 1));
    const size = own.reduce((a, b) => a * b, 1);
    const place = choose.chance(0.2) ? 0 : i >= inputs && choose.chance(0.5) ? -1 : memory('floats', size) as number;
    words.push(place, choose.below(7) - 3, choose.chance(0.8) ? dtype : choose.below(4), own.length, ...own,
        ...Array.from({length: 8 - own.length}, () => 0));
  }
  for (let i = 0; i < attributes; i++) words.push(choose.below(5) - 1);
  if (choose.chance(0.1)) words[choose.below(words.length)] = choose.of([NaN, -1, 2 ** 40, Infinity, 0.5]);
  return Float64Array.from(choose.chance(0.05) ? words.slice(0, choose.below(words.length)) : words);
}

describe('random arguments', function() {
  this.timeout(600000);
  const addon = nativeAddon();
  it('have an addon to go to', () => assert.ok(addon !== null, 'next: npm run build:addon'));
  if (addon === null) return;

  for (const [name, make] of [['cpuForward', forwardArguments], ['cpuBackward', backwardArguments]] as const) {
    it(`${name}: works or throws`, () => {
      const choose = new Chooser(name);
      let worked = 0;
      for (let i = 0; i < calls; i++) {
        const args = [choose.below(4), ...make(choose, hostMemory(choose))];
        if (attempt(addon[name], spoil(choose, args, JUNK))) worked++;
      }
      // Both must have been met, or the test shows nothing.
      assert.ok(worked > calls / 50 && worked < calls * 0.9, `${worked} of ${calls} calls worked`);
    });
  }

  it('the other functions: work or throw', () => {
    const choose = new Chooser('others');
    const best = addon.bestIsa();
    for (const name of Object.keys(addon) as (keyof NativeAddon)[]) {
      const f = addon[name];
      if (typeof f !== 'function' || name === 'cpuForward' || name === 'cpuBackward') continue;
      for (let i = 0; i < 200; i++) attempt(f, spoil(choose, [choose.of(JUNK)()], JUNK));
      const files = ['', '/', '.', '/dev/null', '/nowhere/at/all.so', 'a\0b', 'x'.repeat(100000)];
      for (const file of files) attempt(f, [file]);
      // Methods that are called on something else.
      for (const other of [undefined, null, {}, 7]) {
        try {
          (f as Function).call(other);
        } catch (e) {
          assert.ok(e instanceof Error);
        }
      }
    }
    addon.setIsa(best);
  });

  it('the engine: works or throws', () => {
    const library = process.env.RBN_ENGINE_PATH ?? path.join(root, 'out/simulator/librbn_engine_simulator.so');
    assert.ok(fs.existsSync(library), `${library} is not built; next: npm run build:simulator`);
    const engine = addon.openEngine(library);
    const choose = new Chooser('engine');
    for (let i = 0; i < 50; i++) attempt(engine.createContext as never, [choose.of(JUNK)()]);
    const context = engine.createContext(0), other = engine.createContext(0);
    let buffers: DeviceAddress[] = [];
    const memory: Memory = (kind, length) => {
      const bytes = kind === 'floats' ? 4 * length : length;
      const buffer = context.allocate(bytes);
      const content = new Uint8Array(bytes).fill(kind === 'floats' ? 0x3f : choose.below(256));
      if (length > 0) context.upload(buffer, content);
      buffers.push(buffer);
      return buffer;
    };
    const foreign = other.allocate(1 << 16);
    const junk = [...JUNK, () => foreign, () => context, () => buffers[0], () => {
      const buffer = context.allocate(64);
      context.release(buffer);
      return buffer;
    }];
    const made: {[name in keyof EngineContext]?: () => unknown[]} = {
      forward: () => [choose.below(5), ...forwardArguments(choose, memory)],
      backward: () => [choose.below(5), ...backwardArguments(choose, memory)],
      allocate: () => [choose.below(1000)],
      upload: () => [memory('floats', choose.below(20)), new Float32Array(choose.below(25))],
      download: () => [new Float32Array(choose.below(25)), memory('floats', choose.below(20))],
      release: () => [memory('floats', 4)],
      planFits: () => [choose.below(5), ...problem(choose).sizes.slice(0, 5), choose.chance(0.5)],
      downloadAsync: () => [new Float32Array(choose.below(25)), memory('floats', choose.below(20))],
      run: () => [command(choose, engine.operations.length, memory)],
      memory: () => [],
      setMemoryLimit: () => [choose.chance(0.9) ? 0 : 1 << 20],
      failAllocation: () => [choose.chance(0.9) ? 0 : 1],
      openLibrary: () => [choose.below(2), choose.of([[], ['/nowhere.so'], [__filename]])],
      setProducts: () => [choose.below(3)],
      setSynchronous: () => [choose.chance(0.5)],
      synchronize: () => [],
    };
    let worked = 0, count = 0;
    for (let i = 0; i < calls; i++) {
      const name = choose.of(Object.keys(made) as (keyof EngineContext)[]);
      // Repeats are not spoiled: a million of them is legal and takes a day.
      const fixed = name.startsWith('time') ? 1 : 0;
      const args = made[name]!();
      count++;
      if (attempt(context[name], [...args.slice(0, fixed), ...spoil(choose, args.slice(fixed), junk)])) worked++;
      context.setMemoryLimit(0);
      context.failAllocation(0);
      for (const buffer of buffers) attempt(context.release, [buffer]);
      buffers = [];
    }
    assert.ok(worked > count / 50 && worked < count * 0.95, `${worked} of ${count} calls worked`);
    // What was destroyed is an error for everyone who still holds it.
    const last = context.allocate(64);
    context.destroy();
    context.destroy();
    for (const name of Object.keys(made) as (keyof EngineContext)[]) {
      assert.equal(attempt(context[name], [last, new Float32Array(4)]), false, `${name} after destroy`);
    }
    other.destroy();
  });
});
