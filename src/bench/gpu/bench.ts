// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark of the kernels on a GPU: this package's in the case runner's process, PyTorch's in another, in turns on each
// layer. What PyTorch can not do is left out and said; what this package can not do is an error.
import {LineProcess} from '../line_process';
import {Contestant, Effort, measure} from '../measure';
import {Shape, shapeName} from '../shapes';
import {TorchPeer, torchThere} from '../torch_peer';
import {ContestantName, Direction, Layer, layersOf, PEERS, tensorBytes} from './contestants';
import type {HostTime} from './host_time';
import type {Gpu, GpuBenchResult, GpuRow, Torch} from './result';
import {checkGpuTargets} from './targets';

export interface GpuEffort extends Effort {
  mostSets: number;
  leastSamples: number; // a round, of which each is a call on every set
  compileSeconds: number; // what preparing torch.compile may take in all; no compilation is begun past that
}

export interface GpuBenchOptions {
  runner: string; // rbn_case_runner
  engine: string; // its library
  shapes: readonly Shape[];
  effort: GpuEffort;
  driver: string | null;
  hostTime: (engine: Gpu['engine']) => Promise<HostTime>;
  onProgress: (line: string) => void;
}

// Bytes of x and y together that are used before a tensor's turn comes again, in sizes of the L2 cache.
const CACHES = 8;

export function setsFor(layer: Layer, l2Bytes: number, most: number): number {
  return Math.max(1, Math.min(most, Math.ceil(CACHES * l2Bytes / (2 * tensorBytes(layer)))));
}

export function layerName({shape, dtype, training, residual}: Layer): string {
  return `${shapeName(shape)} ${dtype} ${training ? 'training' : 'frozen'}${residual ? ', residual and ReLU' : ''}`;
}

export async function gpuBench({runner, engine, shapes, effort, driver, hostTime, onProgress}: GpuBenchOptions): Promise<GpuBenchResult> {
  const ours = new LineProcess('rbn_case_runner', runner, ['--engine', engine, '--bench']);
  let peers: Peers | null = null;
  try {
    const gpu = await ours.ask<Gpu>('device');
    const date = new Date().toISOString().slice(0, 16).replace('T', ' ');
    onProgress('host time of one layer');
    const host = await hostTime(gpu.engine);
    let noTorch: string | null = 'python3 has no PyTorch';
    if (torchThere()) {
      peers = new Peers(effort.compileSeconds);
      noTorch = await peers.open(gpu.engine === 'cuda' ? 'cuda' : 'cpu');
    }
    if (noTorch !== null) onProgress(`without PyTorch: ${noTorch}`);
    const rows: GpuRow[] = [], failures: string[] = [];
    const layers = layersOf(shapes);
    for (const [i, layer] of layers.entries()) {
      const place = `[${i + 1}/${layers.length}] ${layerName(layer)}`;
      try {
        const row = await measureLayer(layer, setsFor(layer, gpu.l2Bytes, effort.mostSets), ours, noTorch === null ? peers : null, effort);
        rows.push(row);
        onProgress(`${place}: ${inMicroseconds(row)}`);
      } catch (error) {
        failures.push(`${layerName(layer)}: ${(error as Error).message}`);
        onProgress(`${place} failed: ${(error as Error).message}`);
        await ours.ask('device'); // ends the run where that process has ended
      }
      await peers?.clear();
    }
    if (rows.length === 0) throw new Error(failures[0]);
    const measured = {gpu, rows, failures, hostTime: host};
    return {date, node: process.version, driver, torch: peers?.torch ?? null, noTorch, ...measured, targets: checkGpuTargets(measured)};
  } finally {
    ours.end();
    peers?.end();
  }
}

async function measureLayer(layer: Layer, sets: number, ours: LineProcess, peers: Peers | null, effort: GpuEffort): Promise<GpuRow> {
  const row: GpuRow = {layer, sets, times: {}, leftOut: {}, timing: {}};
  const {shape, dtype, training, residual} = layer;
  const directions: Direction[] = training ? ['forward', 'backward'] : ['forward'];
  await ours.ask(`prepare ${shapeName(shape)} ${dtype} ${training ? 'training' : 'frozen'} ${residual ? 'residual_relu' : 'linear'} ${sets}`);
  const contestant = (name: ContestantName, direction: Direction, request: (samples: number) => Promise<Samples>): Contestant => ({
    name: `${name} ${direction}`,
    sample: async calls => (await request(Math.max(effort.leastSamples, Math.ceil(calls / sets)))).milliseconds,
  });
  const own = (name: ContestantName, direction: Direction, what: string) =>
    contestant(name, direction, samples => ours.ask(`time ${what} ${samples}`));
  const all = [
    ...directions.map(direction => own('rbn', direction, direction)), own('copy', 'forward', 'copy'), own('kernelCopy', 'forward', 'kernelCopy'),
  ];
  for (const peer of peers === null ? [] : PEERS) {
    if (!await peers!.prepare(peer, row, directions)) continue;
    all.push(...directions.map(direction => contestant(peer, direction, samples => peers!.time(peer, direction, samples))));
  }
  for (const [name, measurement] of await measure(all, effort)) {
    const [contestant, direction] = name.split(' ') as [ContestantName, Direction];
    (row.times[contestant] ??= {})[direction] = measurement;
  }
  return row;
}

function inMicroseconds({times}: GpuRow): string {
  return Object.entries(times).map(([name, directions]) =>
    `${name} ${Object.values(directions).map(m => (1000 * m.milliseconds).toFixed(1)).join(' + ')}`).join(', ') + ' µs';
}

interface Samples { milliseconds: number[] }

/** bench/torch_gpu_peer.py, and what of it is not worth asking for again. */
class Peers {
  torch: Torch | null = null;
  private readonly process = new TorchPeer('torch_gpu_peer.py');
  private readonly hasRun = new Set<string>();
  private readonly failed = new Map<string, string>();
  private compiling = 0; // milliseconds so far

  constructor(private readonly compileSeconds: number) {}

  /** Null, or why there is nothing to compare with. */
  async open(device: 'cuda' | 'cpu'): Promise<string | null> {
    try {
      this.torch = await this.process.ask<Torch>({device});
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Whether it can be timed on a row's layer; writes into the row how, or why not. */
  async prepare(peer: string, row: GpuRow, directions: readonly Direction[]): Promise<boolean> {
    const {leftOut, timing, layer, sets} = row;
    const compiled = peer === 'torchCompiled';
    const before = this.failed.get(peer) ??
        (compiled && this.compiling >= 1000 * this.compileSeconds ? `compilations had taken ${this.compileSeconds} s` : undefined);
    if (before !== undefined) {
      leftOut[peer] = before;
      return false;
    }
    const started = performance.now();
    try {
      const answer = await this.process.ask<{timing: string; by: string | null; why: string | null}>({slot: peer, prepare: {...layer, peer, sets}});
      for (const direction of directions) await this.time(peer, direction, 1); // what fails, fails here
      timing[peer] = [answer.timing, answer.by, answer.why].filter(part => part !== null).join(', ');
      this.hasRun.add(peer);
      return true;
    } catch (error) {
      leftOut[peer] = (error as Error).message;
      // It lacks something, such as a compiler. A later failure is the layer's own, such as lack of memory.
      if (!this.hasRun.has(peer)) this.failed.set(peer, leftOut[peer]);
      return false;
    } finally {
      if (compiled) this.compiling += performance.now() - started;
    }
  }

  time(peer: string, direction: Direction, samples: number): Promise<Samples> {
    return this.process.ask({slot: peer, direction, samples});
  }

  async clear(): Promise<void> {
    if (this.torch === null || this.failed.size === PEERS.length) return;
    try {
      await this.process.ask({clear: true});
    } catch (error) {
      for (const peer of PEERS) this.failed.set(peer, (error as Error).message); // it has ended
    }
  }

  end(): void {
    this.process.end();
  }
}
