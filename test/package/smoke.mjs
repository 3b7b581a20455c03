// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The package by ESM, from the current folder: named imports, and the same instance as by CommonJS.
import assert from 'node:assert';
import {createRequire} from 'node:module';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

// An import is resolved from the importing file, which may lie elsewhere: so through the package's exports by hand.
const require = createRequire(path.join(process.cwd(), 'smoke.mjs'));
const {exports} = require('tfjs-rbn/package.json');
const root = path.dirname(require.resolve('tfjs-rbn/package.json'));
const esm = await import(pathToFileURL(path.join(root, exports['.'].import.default)).href);
const cjs = require('tfjs-rbn');

assert.strictEqual(esm.representativeBatchNorm, cjs.representativeBatchNorm);
assert.deepStrictEqual(Object.keys(esm), Object.keys(cjs).sort());

// The backend registers without a GPU; asking for it there is told why not.
const cuda = await import(pathToFileURL(path.join(root, exports['./cuda'].import.default)).href);
assert.strictEqual(cuda.CudaBackend, require('tfjs-rbn/cuda').CudaBackend);
assert.notStrictEqual(require('@tensorflow/tfjs-core').findBackendFactory('cuda'), undefined);
console.log(`smoke (ESM) on Node ${process.version}: ok`);
