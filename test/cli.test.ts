// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The command line: what it prints, its exit codes, its answers to wrong options; the main job in its shortest form.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const MAIN = require.resolve('#dist/cli/main');

function run(...args: string[]): {status: number | null; out: string; err: string} {
  const {status, stdout, stderr} = spawnSync(process.execPath, [MAIN, ...args], {encoding: 'utf8'});
  return {status, out: stdout, err: stderr};
}

describe('tfjs-rbn', () => {
  it('lists its commands', () => {
    const {status, out} = run('--help');
    assert.equal(status, 0);
    for (const command of ['doctor', 'train', 'bench']) assert.match(out, new RegExp(`^  ${command} `, 'm'));
    assert.equal(run().status, 2);
  });

  for (const command of ['doctor', 'train', 'bench']) {
    it(`explains ${command}`, () => {
      const {status, out} = run(command, '--help');
      assert.equal(status, 0);
      assert.match(out, new RegExp(`^Usage: tfjs-rbn ${command}`));
    });
  }

  const wrong: [args: string[], message: RegExp][] = [
    [['fly'], /no such command: fly; expected doctor, train, bench/],
    [['constructor'], /no such command: constructor/],
    [['train', '--epochs', '0'], /--epochs: expected a whole number from 1 to \d+, received '0'/],
    [['train', '--epochs', '1.5'], /--epochs: expected a whole number .* received '1\.5'/],
    [['train', '--seeds', ''], /--seeds: expected a whole number .* received ''/],
    [['train', '--lr', 'fast'], /--lr: expected a number .* received 'fast'/],
    [['train', '--norm', 'ln'], /--norm: expected rbn or bn or both, received 'ln'/],
    [['train', '--backend', 'webgl'], /--backend: expected cpu.* received 'webgl'/],
    [['train', '--batch-size', '1'], /--batch-size: expected .* received '1'/],
    [['train', '--colour'], /--colour/],
    [['train', 'digits'], /digits/],
    [['bench', '--shapes', '8x8'], /--shapes: expected .* received '8x8'/],
    [['bench', '--shapes', '1x1x1x4'], /--shapes: expected .* received '1x1x1x4'/],
    [['bench', '--out', 'report.txt'], /--out: expected .*\.md, received 'report\.txt'/],
    [['doctor', '--verbose'], /--verbose/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')}`, () => {
      const {status, out, err} = run(...args);
      assert.equal(status, 2, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n {4}at /); // no stack
      assert.equal(out, '');
    });
  }
});

describe('tfjs-rbn doctor', () => {
  it('says the same in words and in JSON', () => {
    const found = JSON.parse(run('doctor', '--json').out) as
        {version: string; addon: {path: string; loaded: boolean}; engine: {path: string}; missing: {code: string; next: string}[]};
    const {status, out} = run('doctor');
    assert.equal(status, 0);
    assert.match(out, new RegExp(`^tfjs-rbn +${found.version.replace(/\./g, '\\.')}$`, 'm'));
    for (const text of [found.addon.path, found.engine.path, ...found.missing.flatMap(m => [m.code, m.next])]) {
      assert.ok(out.includes(text), text);
    }
    assert.equal(/Nothing is missing/.test(out), found.missing.length === 0);
  });

  it('lists every kernel of tfjs-core once, with where the backend cuda runs it', () => {
    const table = JSON.parse(run('doctor', '--kernels', '--json').out) as {[name: string]: string};
    const {status, out} = run('doctor', '--kernels');
    assert.equal(status, 0);
    assert.deepEqual([table.RepresentativeBatchNorm, table.StringSplit, table.FromPixels], ['native', 'fallback', 'none']);
    const listed: {[name: string]: string} = {};
    for (const [, place, count, names] of out.matchAll(/^(native|fallback|none): (\d+) .*\n((?: {2}.*\n)*)/gm)) {
      const all = names.trim().split(/\s+/);
      assert.equal(all.length, Number(count), place);
      for (const name of all) listed[name] = place;
    }
    assert.deepEqual(listed, table);
    assert.ok(out.startsWith(`${Object.keys(table).length} kernels`));
  });
});

describe('tfjs-rbn train', () => {
  const out = mkdtempSync(join(tmpdir(), 'tfjs-rbn-cli-'));
  after(() => rmSync(out, {recursive: true}));

  it('trains both normalizations, saves models and report, and prints the table', () => {
    const result = run('train', '--epochs', '1', '--seeds', '1', '--width', '2', '--batch-size', '128', '--out', out);
    assert.equal(result.status, 0, result.err);
    for (const norm of ['rbn', 'bn']) {
      // Accuracy without spread (one seed), parameters, milliseconds, share.
      assert.match(result.out, new RegExp(`^${norm} +0\\.\\d{4} +\\d+ +\\d+\\.\\d +\\d+ %$`, 'm'));
      assert.ok(existsSync(join(out, 'models', `${norm}-seed1`, 'model.json')));
    }
    assert.match(result.out, /Saved and loaded again, with the same test accuracy: 2 of 2 models/);
    assert.match(result.out, /Note: accuracy of 0\.95 and 180 s are asked of the default size only/);
    assert.ok(result.out.includes(`Report: ${join(out, 'report.html')}`));
    assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /<polyline/);
    assert.doesNotMatch(result.out, /\r|\x1b/); // no bar where the output is no terminal
  }).timeout(60000);

});
