// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Memory for outputs: arrays that nobody has cleared, because every element is written anyway.

/**
 * An uninitialised Float32Array over a buffer of its own.
 *
 * A new Float32Array would be cleared first, one more pass over memory. The memory belongs to the
 * JavaScript engine as that of any array: it is used again only after nobody holds the array.
 */
export function allocateFloats(length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(allocate(4 * length), 0, length);
}

/** As allocateFloats. */
export function allocateInts(length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(allocate(4 * length), 0, length);
}

function allocate(bytes: number): ArrayBuffer {
  // allocUnsafeSlow, unlike allocUnsafe, never takes a slice of a shared pool.
  return Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer;
}
