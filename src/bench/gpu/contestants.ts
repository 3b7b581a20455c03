// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What `npm run bench:gpu` measures: which layers, on which tensors, by whom.
import type {Measurement} from '../measure';
import {elements, Shape} from '../shapes';

export const CONTESTANTS = {
  rbn: 'RBN, this package',
  cudnnLast: 'BatchNorm, cuDNN, NHWC',
  nativeLast: 'BatchNorm, native, NHWC',
  cudnnFirst: 'BatchNorm, cuDNN, NCHW',
  nativeFirst: 'BatchNorm, native, NCHW',
  torchRbn: 'RBN op by op',
  torchCompiled: 'RBN, torch.compile',
  copy: 'copy',
  kernelCopy: 'copy kernel',
} as const;

export type ContestantName = keyof typeof CONTESTANTS;

/** Those of bench/torch_gpu_peer.py. */
export const PEERS = ['cudnnLast', 'nativeLast', 'cudnnFirst', 'nativeFirst', 'torchRbn', 'torchCompiled'] as const;
export const BATCH_NORMS = PEERS.slice(0, 4);

/** One layer on one tensor. */
export interface Layer {
  shape: Shape;
  dtype: 'float32' | 'bfloat16';
  training: boolean;
  residual: boolean; // added, then ReLU
}

/** Frozen: forward alone. */
export type Direction = 'forward' | 'backward';
export type Times = Partial<Record<ContestantName, Partial<Record<Direction, Measurement>>>>;

/** Training first, which the targets are about: what bounds torch.compile's time then falls on the rest. */
export function layersOf(shapes: readonly Shape[]): Layer[] {
  return [true, false].flatMap(training => [false, true].flatMap(residual => (['float32', 'bfloat16'] as const).flatMap(
      dtype => shapes.map(shape => ({shape, dtype, training, residual})))));
}

/** Of x. */
export function tensorBytes({shape, dtype}: Layer): number {
  return elements(shape) * (dtype === 'float32' ? 4 : 2);
}

/**
 * Bytes that a call must move when x is read twice: forward reads x twice and writes y; backward reads dy and x twice and writes dx. A
 * residual is read once, its gradient written once; which elements ReLU let through is a bit each, written by forward and
 * read twice by backward. Frozen, forward reads x once.
 */
export function bytesOf(layer: Layer, direction: Direction): number {
  const x = tensorBytes(layer), mask = elements(layer.shape) / 8;
  if (direction === 'backward') return 5 * x + (layer.residual ? x + 2 * mask : 0);
  if (!layer.training) return 2 * x + (layer.residual ? x : 0);
  return 3 * x + (layer.residual ? x + mask : 0);
}

/** Both directions in training; null where one was not measured. */
export function milliseconds(layer: Layer, times: Times, name: ContestantName): number | null {
  const {forward, backward} = times[name] ?? {};
  if (forward === undefined || (layer.training && backward === undefined)) return null;
  return forward.milliseconds + (layer.training ? backward!.milliseconds : 0);
}

/** The fastest of PyTorch's four ways of batch normalization, both layouts among them. */
export function bestBatchNorm(layer: Layer, times: Times): number | null {
  const all = BATCH_NORMS.map(name => milliseconds(layer, times, name)).filter(t => t !== null);
  return all.length === 0 ? null : Math.min(...all);
}
