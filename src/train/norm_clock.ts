// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Measures how much of a training step goes into normalization layers, forward and backward, whatever ops they are
// made of. Each layer's call is put between two identity ops whose gradients are ours. Forward, they enclose the call.
// Backward, tfjs walks its tape from the end, so that the gradient of the identity behind the layer runs before all
// gradients of the layer's own ops, and that of the identity in front after all of them. The stopwatch must be that of the
// backend. The optimizer's update of the layer's weights is not counted.
import * as tf from '@tensorflow/tfjs-core';
import type {layers} from '@tensorflow/tfjs-layers';
import type {Stopwatch} from './stopwatch';

export class NormClock {
  private running: ReturnType<Stopwatch> | null = null;
  private intervals: (() => number)[] = [];

  constructor(private readonly stopwatch: Stopwatch) {}

  /** Milliseconds since the last call of take(). */
  take(): number {
    const milliseconds = this.intervals.reduce((sum, read) => sum + read(), 0);
    this.intervals = [];
    return milliseconds;
  }

  /** Times a layer from now on. */
  watch(layer: layers.Layer): void {
    const start = () => { this.running = this.stopwatch(); };
    const stop = () => { this.intervals.push(this.running!()); };
    const call = layer.call.bind(layer);
    layer.call = (inputs, kwargs) => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const front = identity(x, stop);
      start();
      const y = call(front, kwargs) as tf.Tensor;
      stop();
      return identity(y, start);
    };
  }
}

/** x, and dy in the backward pass after a call of `onGradient`. */
function identity(x: tf.Tensor, onGradient: () => void): tf.Tensor {
  return tf.customGrad((v) => ({
    value: tf.clone(v as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      onGradient();
      return tf.clone(dy);
    },
  }))(x);
}
