// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One training step of RBN on tfjs-node, checked against the formula, for programs of their own: it imports
// neither tfjs nor this package, so that a program can choose the order.
import assert from 'node:assert/strict';

import type * as tfc from '@tensorflow/tfjs-core';
import type * as rbnType from 'tfjs-rbn';
import type {NativeAddon} from '#dist/binding/native';

/** Runs the step on the active backend, which must be tfjs-node's, and checks that it ran the way named. */
export function trainingStep(tf: typeof tfc, rbn: typeof rbnType, way: 'op' | 'copy'): void {
  assert.equal(tf.getBackend(), 'tensorflow');
  const {nativeAddon} = require('#dist/binding/addon') as {nativeAddon(): NativeAddon | null};
  const calls = () => {
    const trace = nativeAddon()?.tensorflowTrace();
    return trace === undefined ? [0, 0] : [trace.forwardCalls, trace.backwardCalls];
  };
  const before = calls();
  const {numTensors} = tf.memory();
  tf.tidy(() => {
    const x = tf.tensor2d([[1, 2], [3, 5], [8, 13]]);
    const parameters = {centerWeight: tf.zeros([2]), scaleWeight: tf.zeros([2]), scaleBias: tf.ones([2])} as rbnType.RbnParams;
    const {value, grad} = tf.valueAndGrad(
        (x) => tf.sum(tf.square(rbn.representativeBatchNormTraining(x, parameters).output)))(x);
    // With zero weights RBN is BatchNorm times sigmoid(1); the sum of squares of 3 standardised values a channel is
    // 3·σ²/(σ² + ε).
    const gate = 1 / (1 + Math.exp(-1));
    const expected = [[1, 3, 8], [2, 5, 13]].reduce((sum, column) => {
      const mean = column.reduce((a, b) => a + b) / 3;
      const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / 3;
      return sum + 3 * gate ** 2 * variance / (variance + 1e-3);
    }, 0);
    assert.ok(Math.abs(value.dataSync()[0] - expected) < 1e-5 * expected, `${value.dataSync()[0]}, expected ${expected}`);
    assert.deepEqual(grad.shape, [3, 2]);
  });
  assert.equal(tf.memory().numTensors, numTensors);
  const [forward, backward] = calls();
  // Other threads of the process may have called in the meantime.
  assert.equal(forward > before[0] && backward > before[1], way === 'op', `ran as ${way}`);
}
