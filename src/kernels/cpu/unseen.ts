// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Memory of outputs that is used again at once. tfjs leaves the arrays of disposed tensors to the garbage
// collector: until it comes, every output is written to cold memory, and it comes often. An array that
// nobody has seen in the meantime can be an output again as soon as its tensor is disposed. Nobody has seen
// it if nobody but our own kernels has asked the backend's table of tensors for it: dataSync(), moves to
// other backends and all kernels of tfjs (some of which make views of their input) ask there.
import type {TensorData} from '@tensorflow/tfjs-backend-cpu/dist/backend_cpu';

/** Arrays that wait: two outputs forward and two backward, of a few sizes. More is left to the collector. */
const MOST_WAITING = 16;

/** Weak, so that the garbage collector can have what no later call wants. */
const waiting: WeakRef<Float32Array>[] = [];

/** An unseen array of so many elements, if there is one. */
export function takeUnseen(length: number): Float32Array | null {
  for (let i = waiting.length - 1; i >= 0; i--) { // the latest first: most likely in a cache
    const array = waiting[i].deref();
    if (array !== undefined && array.length !== length) continue;
    waiting.splice(i, 1);
    if (array !== undefined) return array;
  }
  return null;
}

/** An entry of the backend's table of tensors, which knows whether its values have been asked for. */
export class UnseenData implements TensorData<'float32'> {
  readonly dtype = 'float32';
  private references = 1;
  private seen = false;

  constructor(private array: Float32Array) {}

  get values(): Float32Array {
    this.seen = true;
    return this.array;
  }

  /** The values, for a kernel that keeps nothing of them. */
  peek(): Float32Array {
    return this.array;
  }

  /** The backend counts here, and drops the entry at 0. */
  get refCount(): number {
    return this.references;
  }

  set refCount(references: number) {
    this.references = references;
    if (references > 0 || this.seen) return;
    waiting.push(new WeakRef(this.array));
    if (waiting.length > MOST_WAITING) waiting.shift();
    this.array = new Float32Array(0); // whatever happens to this entry, it does not have them any more
  }
}
