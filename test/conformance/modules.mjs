// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Lets Node load the specs that tfjs-core ships. They are ES modules with extension-less imports in a package that
// does not say so, and they spy on exports of modules, which real ES modules do not allow. So the TypeScript compiler
// makes CommonJS of the @tensorflow packages once (out/conformance), and require() takes that form of each file, under
// the file's own path. The packages' main files, bundles for ES5, are replaced by those modules too: one tfjs-core only,
// the one whose insides the specs import.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import Module, {createRequire} from 'node:module';
import path from 'node:path';

import {root} from '../../scripts/tools.mjs';

const require = createRequire(import.meta.url);
const scope = path.dirname(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')));
const compiled = path.join(root, 'out/conformance');

/** The compiled modules of tfjs-core, specs among them. */
export const coreModules = path.join(scope, 'tfjs-core/dist');

/** Folder and package.json of each @tensorflow package that ships modules. */
function packages() {
  return fs.readdirSync(scope).map(folder => [folder, JSON.parse(fs.readFileSync(path.join(scope, folder, 'package.json')))])
      .filter(([, {module}]) => module !== undefined);
}

/** Compiles the packages' modules, where that has not been done for these versions. */
export function compileModules() {
  const versions = packages().map(([folder, {version}]) => `${folder}@${version}`).join('\n');
  const stamp = path.join(compiled, 'versions');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === versions) return;
  fs.rmSync(compiled, {recursive: true, force: true});
  fs.mkdirSync(compiled, {recursive: true});
  const config = path.join(compiled, 'tsconfig.json');
  fs.writeFileSync(config, JSON.stringify({
    compilerOptions: {
      allowJs: true, noCheck: true, noResolve: true, types: [], target: 'es2022', module: 'commonjs',
      rootDir: scope, outDir: compiled,
    },
    include: packages().map(([folder]) => path.join(scope, folder, 'dist/**/*.js')),
    exclude: [path.join(scope, '*/dist/tf-*.js'), path.join(scope, '*/dist/**/miniprogram')], // bundles
  }));
  const {bin} = require('typescript/package.json');
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), bin.tsc);
  const {status, stdout, stderr} = spawnSync(process.execPath, [tsc, '-p', config], {encoding: 'utf8'});
  if (status !== 0) throw new Error(`the specs do not compile: ${stdout}${stderr}`);
  fs.writeFileSync(stamp, versions);
}

/** From now on, require() loads the compiled form of the packages' modules. */
export function installLoader() {
  const entries = new Map(packages().map(([folder, {module}]) => [`@tensorflow/${folder}`, path.join(scope, folder, module)]));
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function(request, ...rest) {
    return entries.get(request) ?? resolve.call(this, request, ...rest);
  };
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = function(module, file) {
    const form = file.startsWith(scope + path.sep) ? path.join(compiled, path.relative(scope, file)) : file;
    if (form === file || !fs.existsSync(form)) return load.call(this, module, file);
    return module._compile(fs.readFileSync(form, 'utf8'), file);
  };
}
