// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The command line where tfjs-node is installed: what doctor says of it, and the main job on it.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';


import {complete} from '../support/bench_network';
import {root} from '../support/files';
import {requireTfjsNode} from '../support/tfjs_node';
import type {NetworkBenchResult} from '#dist/bench/network/result';

const MAIN = require.resolve('#dist/cli/main');

function run(args: string[], env: NodeJS.ProcessEnv = {}): {status: number | null; stdout: string; stderr: string} {
  return spawnSync(process.execPath, [MAIN, ...args], {cwd: root, encoding: 'utf8', env: {...process.env, ...env}});
}

describe('the command line with tfjs-node', function() {
  this.timeout(120000);
  let folder: string;
  before(function() {
    requireTfjsNode(this);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbn-tfjs-node-cli-'));
  });
  after(() => { if (folder !== undefined) fs.rmSync(folder, {recursive: true}); });

  it('doctor says that RBN runs as an op', () => {
    assert.match(run(['doctor']).stdout, /^tfjs-node 4\.\d+\.\d+ on TensorFlow 2\.\d+\.\d+; RBN runs as an op inside it, without a copy$/m);
    const {tfjsNode} = JSON.parse(run(['doctor', '--json']).stdout);
    assert.deepEqual([tfjsNode.way, tfjsNode.problem], ['op', null]);
  });

  it('doctor says that RBN runs on copies, and why', () => {
    const {stdout} = run(['doctor'], {RBN_ADDON_PATH: '/nowhere/rbn.node'});
    assert.match(stdout, /^tfjs-node .*; RBN runs on copies of its tensors$/m);
    assert.equal(stdout.match(/NO_BINARY/g)!.length, 1, stdout);
  });

  const quick = (out: string) => ['--epochs', '1', '--seeds', '1', '--width', '2', '--batch-size', '128', '--out', path.join(folder, out)];
  for (const [how, asked] of [['by itself', []], ['where it is asked for', ['--backend', 'tensorflow']]] as const) {
    it(`train runs on it ${how}`, () => {
      const {status, stdout, stderr} = run(['train', ...quick(how), ...asked]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^backend tensorflow: tfjs-node 4\.\d+\.\d+ on TensorFlow .* without a copy$/m);
      assert.match(stdout, /Saved and loaded again, with the same test accuracy: 2 of 2 models/);
      assert.match(fs.readFileSync(path.join(folder, how, 'report.html'), 'utf8'), /backend tensorflow/);
    });
  }

  it('bench-network runs on it, and writes report, picture and figures', () => {
    const out = path.join(folder, 'network.md');
    const {status, stderr} = run(
        ['bench-network', '--quick', '--batch', '2', '--seconds', '0.01', '--backend', 'tensorflow', '--out', out], {RBN_THREADS: '1'});
    assert.equal(status, 0, stderr);
    assert.match(fs.readFileSync(out, 'utf8'), /^# Whole networks on the CPU, in tfjs-node\n(.|\n)*!\[.*\]\(network\.svg\)/);
    assert.match(fs.readFileSync(path.join(folder, 'network.svg'), 'utf8'), /^<svg /);
    const {cases, torch} = JSON.parse(fs.readFileSync(path.join(folder, 'network.json'), 'utf8')) as NetworkBenchResult;
    assert.deepEqual(cases.map(({network, training, batch}) => [network.kind, training, batch]), [
      ['resnet', true, 2], ['resnet', false, 1], ['resnet', false, 2], ['mobilenet', false, 1], ['mobilenet', false, 2],
    ]);
    for (const one of cases) complete(one, ['rbn', 'bn', ...torch === null ? [] : ['torchRbn', 'torchBn']]);
  });
});
