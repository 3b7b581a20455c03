// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How a shape and a channel axis are seen by every kernel: N instances of S positions of C channels.

export interface Sizes {
  instances: number; // N
  positions: number; // S, positions an instance
  channels: number; // C
  channelsLast: boolean; // [N, S, C]; otherwise [N, C, S]
}

/** The sizes of a tensor of rank 2 to 5 whose channels are on `axis`: 1 or rank − 1. */
export function sizesOf(shape: readonly number[], axis: number): Sizes {
  let positions = 1;
  for (let i = 1; i < shape.length; i++) {
    if (i !== axis) positions *= shape[i];
  }
  return {instances: shape[0], positions, channels: shape[axis], channelsLast: axis === shape.length - 1};
}
