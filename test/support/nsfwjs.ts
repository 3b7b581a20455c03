// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Published models for tests: those inside the npm package nsfwjs, which is 41 MB and not installed with this one. RBN_TEST_NSFWJS
// names its folder; without that their tests are skipped, with a line that says how to have them.
import * as fs from 'node:fs';
import * as path from 'node:path';

import * as tf from '@tensorflow/tfjs-core';

const HOW_TO_HAVE = 'nsfwjs is not there, the tests of its models are skipped. To have them: ' +
    'npm pack nsfwjs@4.4.0 && tar xzf nsfwjs-4.4.0.tgz -C FOLDER, and RBN_TEST_NSFWJS=FOLDER/package';

/** For `before`: skips the tests where nobody has named the package, and fails where it is not where it was said to be. */
export function requireNsfwjs(context: Mocha.Context): void {
  const folder = process.env.RBN_TEST_NSFWJS;
  if (folder === undefined) {
    console.log(`  ${HOW_TO_HAVE}`);
    context.skip();
  }
  if (!fs.existsSync(path.join(folder!, 'dist/models'))) throw new Error(`RBN_TEST_NSFWJS: no nsfwjs in ${folder}`);
}

/** A model of the package, as the converters wrote it; the package keeps weights as base64 in scripts. */
export function nsfwjsModel(name: string): tf.io.ModelArtifacts {
  const folder = path.resolve(process.env.RBN_TEST_NSFWJS!, 'dist/models', name);
  const {weightsManifest, ...model} = require(path.join(folder, 'model.min.js')) as tf.io.ModelJSON;
  const shards = weightsManifest.flatMap(({paths}) => paths)
      .map((shard) => Buffer.from(require(path.join(folder, `${shard}.min.js`)) as string, 'base64'));
  return {
    ...model, weightSpecs: weightsManifest.flatMap(({weights}) => weights),
    weightData: new Uint8Array(Buffer.concat(shards)).buffer,
  };
}
