// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The conformance runner itself, on a backend that is tfjs's `cpu` but for a kernel that is wrong, one that ends the
// process, and one that throws: each must cost the specs that use it, and no others.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';

const ROOT = dirname(require.resolve('tfjs-rbn/package.json'));
const BROKEN = `
  const tf = require('@tensorflow/tfjs-core');
  const {MathBackendCPU} = require('@tensorflow/tfjs-backend-cpu');
  for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({...kernel, backendName: 'broken'});
  const replace = (kernelName, kernelFunc) => {
    tf.unregisterKernel(kernelName, 'broken');
    tf.registerKernel({kernelName, backendName: 'broken', kernelFunc});
  };
  replace('Sign', tf.getKernel('Neg', 'cpu').kernelFunc);
  replace('Reciprocal', () => process.kill(process.pid, 'SIGKILL'));
  replace('Softplus', () => { throw new Error('no softplus'); });
  tf.registerBackend('broken', () => new MathBackendCPU());
`;

describe('conformance runner', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-rbn-broken-'));
  after(() => rmSync(folder, {recursive: true}));

  /** The runner on that backend; its exit code, last line and report. */
  function run(files: string, ...args: string[]) {
    const backend = join(folder, 'broken.js'), report = join(folder, 'report.json');
    writeFileSync(backend, `require = require('node:module').createRequire(${JSON.stringify(`${ROOT}/`)});${BROKEN}`);
    const {status, stdout, stderr} = spawnSync(process.execPath, [join(ROOT, 'scripts/conformance.mjs'), '--backend', 'broken',
      '--load', backend, '--files', files, '--jobs', '1', '--report', report, ...args], {encoding: 'utf8'});
    const specs = (JSON.parse(readFileSync(report, 'utf8')) as {specs: {file: string; name: string; status: string; messages: string[]}[]}).specs;
    return {status, last: stdout.trimEnd().split('\n').at(-1), stderr, specs};
  }

  it('passes kernels that are right', () => {
    const {status, last, specs} = run('^ops/(relu|tan)_test');
    assert.equal(last, `${specs.length} passed, 0 failed, 0 skipped`);
    assert.ok(specs.length > 10);
    assert.equal(status, 0);
  }).timeout(60000);

  it('fails what is wrong, throws or ends the process, and goes on after it', () => {
    const {status, last, specs} = run('^ops/(abs|reciprocal|sign|softplus)_test');
    const failed = (file: string) => specs.filter(spec => spec.file === `ops/${file}_test.js` && spec.status === 'failed');
    assert.match(failed('reciprocal')[0].messages[0], /^SIGKILL, during this spec/);
    assert.match(failed('sign')[0].messages[0], /^Error: Arrays differ/);
    assert.match(failed('softplus')[0].messages[0], /no softplus/);
    assert.deepEqual(failed('abs'), []);
    const count = specs.filter(spec => spec.status === 'failed').length;
    assert.ok(count >= 10, `${count} failures`);
    assert.equal(last, `${specs.length - count} passed, ${count} failed, 0 skipped`);
    assert.ok(specs.every(spec => spec.status === 'passed' || spec.status === 'failed'), 'every spec was run');
    assert.equal(status, 1);
  }).timeout(60000);

  it('ends without a result where the backend does not start, and where nothing is chosen', () => {
    const at = (...args: string[]) => {
      const {status, stderr} = spawnSync(process.execPath, [join(ROOT, 'scripts/conformance.mjs'), ...args], {encoding: 'utf8'});
      assert.equal(status, 2);
      return stderr;
    };
    assert.match(at('--backend', 'nobody', '--load', '@tensorflow/tfjs-backend-cpu'), /'nobody' not found in registry/);
    assert.match(at('--backend', 'cpu', '--files', 'no such file'), /--files: no file of specs matches no such file/);
    assert.match(at('--backend', 'cpu', '--files', 'relu_test', '--filter', 'no such spec'), /--filter: no spec matches no such spec/);
  }).timeout(60000);

  it('runs the specs of a name alone', () => {
    const {last} = run('^ops/relu_test', '--filter', '^relu propagates NaNs');
    assert.match(last!, /^[12] passed, 0 failed, 0 skipped$/);
  }).timeout(60000);
});
