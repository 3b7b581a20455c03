// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The end of an optimizer of tfjs-core's.
import * as tf from '@tensorflow/tfjs-core';

/** Disposes of all that an optimizer holds; that of momentum leaves the learning rate behind by itself. */
export function end(optimizer: tf.Optimizer): void {
  optimizer.dispose();
  tf.dispose((optimizer as unknown as {c?: tf.Tensor}).c ?? []);
}
