// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// README.md, docs/*.md and CHANGELOG.md: their programs run, what they link to and name is there. (Examples in
// docstrings: package.test.ts.)
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

import {filesUnder, read, root} from './support/files';

const PAGES = ['README.md', 'CHANGELOG.md', ...filesUnder('docs', '.md')];

/** What the pages have of a pattern. */
const found = (pattern: RegExp) =>
    PAGES.flatMap((page) => [...read(page).matchAll(pattern)].map(([, text]) => ({page, text})));

const wrong = (what: {page: string; text: string}[], isRight: (text: string, page: string) => boolean) =>
    what.filter(({page, text}) => !isRight(text, page)).map(({page, text}) => `${page}: ${text}`);

describe('documentation', () => {
  const blocks = PAGES.flatMap((page) =>
      [...read(page).matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, source]) => ({page, language, source})));

  it('has programs in JavaScript, which are run, and lines for a shell', () => {
    assert.deepEqual(blocks.filter(({language}) => !['js', 'bash'].includes(language)), []);
    assert.ok(blocks.some(({page, language}) => page === 'README.md' && language === 'js'));
  });

  // On a machine without a GPU, too: what needs one runs on the simulator.
  blocks.filter(({language}) => language === 'js').forEach(({page, source}, i) => {
    it(`program ${i + 1}, of ${page}, runs as it stands`, () => {
      const type = /^import /m.test(source) ? 'module' : 'commonjs';
      const {status, stderr} = spawnSync(
          process.execPath, [`--input-type=${type}`, '--eval', source],
          {cwd: root, encoding: 'utf8', env: {...process.env, RBN_ENGINE: 'simulator'}});
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /\[(?!SIMULATOR)\w+\] RbnWarning/);
    }).timeout(60000);
  });

  it('links to files that are there', () => {
    const links = found(/\]\(([^)\s]+)\)/g).filter(({text}) => !/^https?:/.test(text));
    assert.ok(links.length >= 5, `${links.length} links`);
    assert.deepEqual(wrong(links, (link, page) =>
      fs.existsSync(path.join(root, path.dirname(page), link.replace(/#.*/, '')))), []);
  });

  it('names files and folders that are there', () => {
    const files = found(/(?<![\w/.-])((?:src|native|test|scripts|bench|docs|data|\.ci)\/[\w./<>-]*[\w>])/g);
    assert.ok(files.length >= 20, `${files.length} paths`);
    const isThere = (file: string) => {
      const [folder, rest] = file.split('<Name>'); // stands for any name
      return rest === undefined ? fs.existsSync(path.join(root, file))
                                : filesUnder(folder.replace(/\/$/, ''), rest).length > 0;
    };
    assert.deepEqual(wrong(files, isThere), []);
  });

  it('names npm scripts that are there, and so do sources and scripts', () => {
    const {scripts} = JSON.parse(read('package.json'));
    const ours = [...filesUnder('src', '.ts'), ...filesUnder('scripts', '.mjs')];
    const inSources = ours.flatMap((page) =>
        [...read(page).matchAll(/npm run ([\w:]*\w)/g)].map(([, text]) => ({page, text})));
    const names = [...found(/npm run ([\w:]*\w)/g), ...inSources];
    assert.ok(names.length >= 10, `${names.length} scripts`);
    // `npm run build:${part}`
    assert.deepEqual(wrong(names, (name) => name in scripts || `${name}:addon` in scripts), []);
  });

  it('names commands that are there', () => {
    const {stdout} = spawnSync(process.execPath, [path.join(root, 'dist/cli/main.js'), '--help'], {encoding: 'utf8'});
    const commands = [...stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name);
    const named = found(/(?:npx |`)tfjs-rbn (\w+)/g);
    assert.ok(named.length >= 4, `${named.length} commands`);
    assert.deepEqual(wrong(named, (name) => commands.includes(name)), []);
  });

  it('names the settings that are there, and all of them', () => {
    /** What these sources read, by a pattern that captures the name. */
    const readBy = (files: string[], pattern: RegExp) =>
        files.flatMap((file) => [...read(file).matchAll(pattern)].map(([, name]) => name));
    const ofPackage = readBy(filesUnder('src/binding', '.ts'), /(?:process\.env\.|\bflag\(')(RBN_\w+)/g);
    const isThere = new Set([
      ...ofPackage, ...readBy(['src/backend/flags.ts'], /= '(RBN_\w+)'/g), // tfjs's flags
      ...readBy(filesUnder('scripts', '.mjs'), /process\.env\.(RBN_\w+)/g), // at install
      ...readBy(filesUnder('test', '.ts'), /process\.env\.(RBN_TEST_\w+)/g),
    ]);
    const named = ['README.md', 'docs/cuda-backend.md', 'docs/tfjs-node.md'].map(
        (where) => found(/\b(RBN_\w+)/g).filter(({page}) => page === where));
    for (const names of named) {
      assert.notDeepEqual(names, []);
      assert.deepEqual(wrong(names, (name) => isThere.has(name)), []);
    }
    assert.ok(ofPackage.length >= 12, `${ofPackage.length} variables`);
    const inReadme = named[0]!.map(({text}) => text);
    assert.deepEqual(ofPackage.filter((name) => !inReadme.includes(name)), [], 'missing in README.md');
  });
});
