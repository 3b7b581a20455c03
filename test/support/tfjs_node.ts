// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tfjs-node for tests: an optional package, so its tests are skipped where it is not installed, with a line that
// says how to have them; with RBN_TEST_TFJS_NODE=required they fail instead.
import * as tf from '@tensorflow/tfjs-core';

import {nativeAddon} from '#dist/binding/index';
import {TensorflowTrace} from '#dist/binding/native';
import {TensorflowBackend} from '#dist/kernels/tensorflow/backend';

const HOW_TO_HAVE = 'tfjs-node is not installed, its tests are skipped. To have them: ' +
    'npm install --no-save --save-dev @tensorflow/tfjs-node@4   (once more after any other npm install)';
let said = false;

/** Whether Node finds the package. */
export function tfjsNodeThere(): boolean {
  try {
    require.resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
}

/** For `before`: skips the tests, or fails where they are required, if tfjs-node is not installed. */
export function requireTfjsNode(context: Mocha.Context): void {
  if (tfjsNodeThere()) return;
  if (process.env.RBN_TEST_TFJS_NODE === 'required') throw new Error(HOW_TO_HAVE.replace('are skipped', 'are required'));
  if (!said) console.log(`  ${HOW_TO_HAVE}`);
  said = true;
  context.skip();
}

/** Inside a `describe`: its tests run on the backend of tfjs-node. */
export function onTfjsNode(): void {
  before(async function() {
    requireTfjsNode(this);
    this.timeout(60000); // 600 MB of TensorFlow
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    require('@tensorflow/tfjs-node');
    await tf.setBackend('tensorflow');
  });
  after(async () => {
    // It runs after a skip, too; and tfjs-node is what brings the backend cpu.
    if (tfjsNodeThere()) await tf.setBackend('cpu');
  });
}

/** The active backend, which is tfjs-node's, with what tests ask of its binding. */
export function tensorflowBackend(): TensorflowBackend & {binding: {getNumOfTensors(): number}} {
  return tf.backend() as unknown as ReturnType<typeof tensorflowBackend>;
}

/** What the native kernels last saw. */
export function trace(): TensorflowTrace {
  return nativeAddon()!.tensorflowTrace();
}
