// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What is measured, by `tfjs-rbn bench` and by scripts/bench_gpu.mjs: outputs of ResNet-50's stages; on the CPU inside
// a bottleneck and at its end, at batch 8.

export type Shape = [instances: number, height: number, width: number, channels: number];

export const RESNET50: readonly Shape[] = [
  [8, 56, 56, 64], [8, 56, 56, 256], [8, 28, 28, 128], [8, 28, 28, 512],
  [8, 14, 14, 256], [8, 14, 14, 1024], [8, 7, 7, 512], [8, 7, 7, 2048],
];

/** For a short run. */
export const QUICK: readonly Shape[] = [[8, 14, 14, 256], [8, 7, 7, 512]];

export function shapeName(shape: Shape): string {
  return shape.join('x');
}

export function elements(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** For a GPU: stages of ResNet-50 at the batch of one of eight GPUs, and of one alone. */
export const GPU_STAGES: readonly Shape[] = [32, 256].flatMap(n => ([
  [n, 56, 56, 64], [n, 56, 56, 256], [n, 28, 28, 512], [n, 14, 14, 1024], [n, 7, 7, 2048],
] as Shape[]));
