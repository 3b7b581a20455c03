// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Uses the installed package as a program would, by CommonJS, from the current folder: one training step
// of the op on tfjs's cpu backend. With --expect-warning CODE exactly one warning with that code must come,
// otherwise none.
'use strict';
const assert = require('node:assert');
const {createRequire} = require('node:module');
const path = require('node:path');

const load = createRequire(path.join(process.cwd(), 'smoke.cjs'));
const warnings = [];
process.on('warning', warning => {
  if (warning.name === 'RbnWarning') warnings.push(warning);
});

const tf = load('@tensorflow/tfjs-core');
load('@tensorflow/tfjs-backend-cpu');
const rbn = load('tfjs-rbn');

const x = tf.tensor2d([[1, 2], [3, 5], [8, 13]]);
const parameters = {centerWeight: tf.zeros([2]), scaleWeight: tf.zeros([2]), scaleBias: tf.ones([2])};
for (let i = 0; i < 2; i++) {
  const {value, grad} = tf.valueAndGrad(x => {
    const {output} = rbn.representativeBatchNormTraining(x, parameters);
    return tf.sum(tf.square(output));
  })(x);
  // With zero weights RBN is BatchNorm times sigmoid(1); the sum of squares of 3 standardised values a channel is
  // 3·σ²/(σ² + ε).
  const gate = 1 / (1 + Math.exp(-1));
  const expected = [[1, 3, 8], [2, 5, 13]].reduce((sum, column) => {
    const mean = column.reduce((a, b) => a + b) / 3;
    const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / 3;
    return sum + 3 * gate ** 2 * variance / (variance + 1e-3);
  }, 0);
  assert(Math.abs(value.dataSync()[0] - expected) < 1e-5 * expected, `${value.dataSync()[0]}, expected ${expected}`);
  assert.deepStrictEqual(grad.shape, [3, 2]);
}
const found = rbn.devices();
const expectedWarning = process.argv[2] === '--expect-warning' ? process.argv[3] : null;
setImmediate(() => {
  assert.deepStrictEqual(warnings.map(warning => warning.code), expectedWarning === null ? [] : [expectedWarning]);
  assert.strictEqual(found.addon.loaded, expectedWarning !== 'NO_BINARY');
  console.log(`smoke (CommonJS) on Node ${process.version}: ok, addon ${found.addon.loaded ? found.addon.isa : 'missing'}`);
});
