// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the build scripts share: finding tools (`tfjs-rbn doctor` does it with the same code), and running
// node-gyp and cmake-js quietly, with the whole output shown only where a build fails.
import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import os from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const require = createRequire(import.meta.url);

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export const say = line => process.stderr.write(`tfjs-rbn: ${line}\n`);

/** The file of a program on PATH, or null. */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return null;
}

/** The file of nvcc, where the CUDA engine's build takes it from, or null. */
export function findNvcc() {
  const candidates = [process.env.CUDACXX, which('nvcc'), path.join(process.env.CUDA_HOME ?? '/usr/local/cuda', 'bin/nvcc')];
  return candidates.find(file => file && fs.existsSync(file)) ?? null;
}

/** The version that a program tells, such as '3.28.3', or null. */
export function versionOf(file) {
  return /\b(?:release|version) (\d+(?:\.\d+)+)/.exec(output(file, ['--version']) ?? '')?.[1] ?? null;
}

/** Standard output of a program, or null where it cannot be run or fails. */
export function output(file, args) {
  const result = spawnSync(file, args, {encoding: 'utf8'});
  return result.status === 0 ? result.stdout : null;
}

/** Runs a command in the package's root; on failure shows the end of its output. Resolves to true or false. */
export function run(what, file, args, env = process.env) {
  const started = Date.now();
  say(`building ${what}`);
  return new Promise(resolve => {
    const child = spawn(file, args, {cwd: root, env, stdio: ['ignore', 'pipe', 'pipe']});
    const chunks = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.on('data', chunk => chunks.push(chunk));
    child.on('error', error => chunks.push(Buffer.from(String(error))));
    child.on('close', code => {
      if (code === 0) {
        say(`built ${what} in ${((Date.now() - started) / 1000).toFixed(0)} s`);
      } else {
        // The first error is what matters; 60 lines hold it and what make says after it.
        const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
        process.stderr.write(lines.slice(-60).join('\n') + '\n');
        say(`building ${what} failed`);
      }
      resolve(code === 0);
    });
  });
}

/** The files of [file, command that builds it] that are not there; says each with its command. */
export function notBuilt(needed) {
  const missing = needed.filter(([file]) => !fs.existsSync(file));
  for (const [file, command] of missing) say(`${path.relative(root, file)} is not built; next: ${command}`);
  return missing;
}

/** Builds the addon into build/Release of `folder`, the package's root or a copy of it. */
export function buildAddon(folder = root, env = process.env) {
  const args = [
    require.resolve('node-gyp/bin/node-gyp.js'), 'rebuild', '-C', folder, '-j', String(os.availableParallelism()),
  ];
  // Node's own headers where it brings them; node-gyp would download them otherwise.
  const nodedir = env.npm_config_nodedir ?? path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  if (fs.existsSync(path.join(nodedir, 'include/node/node_api.h'))) args.push('--nodedir', nodedir);
  return run('the native addon', process.execPath, args, env);
}

/** Configures and builds CMakeLists.txt in out/NAME with cmake-js; definitions are -D options. */
export function buildWithCmake(what, name, definitions, target) {
  const args = [
    require.resolve('cmake-js/bin/cmake-js'), 'build', '--out', path.join('out', name), '--parallel',
    String(os.availableParallelism()),
  ];
  for (const [key, value] of Object.entries(definitions)) args.push(`--CD${key}=${value}`);
  if (target !== undefined) args.push('--target', target);
  return run(what, process.execPath, args);
}
