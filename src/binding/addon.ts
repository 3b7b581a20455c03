// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Loads the native addon, once. Where it is missing the package goes on in plain TypeScript, after one
// warning that says how to have it.
import * as fs from 'node:fs';
import * as path from 'node:path';

import {settings} from './environment';
import {Problem} from './errors';
import {NativeAddon} from './native';

/** The package's root folder: this file is dist/binding/addon.js. */
export const packageRoot = path.resolve(__dirname, '..', '..');

/** The package's version; the addon and the engine must carry the same. */
export const packageVersion: string =
    JSON.parse(fs.readFileSync(path.join(packageRoot, 'package.json'), 'utf8')).version;

/** How to build a part again: npm rebuilds dependencies only, not the package that one stands in. */
export function rebuildCommand(part: 'addon' | 'engine'): string {
  const isDependency = packageRoot.split(path.sep).includes('node_modules');
  return isDependency ? 'npm rebuild tfjs-rbn' : `npm run build:${part}   (in ${packageRoot})`;
}

export interface AddonResult {
  path: string;
  addon: NativeAddon | null;
  problem: Problem | null;
}

let result: AddonResult | null = null;
let warned = false;

/** Looks for the addon and says what came of it; never throws for a missing one, never warns. */
export function findAddon(): AddonResult {
  return result ??= load();
}

/** The addon, or null where there is none: then warns once that plain TypeScript does the work. */
export function nativeAddon(): NativeAddon | null {
  const {addon, problem} = findAddon();
  if (problem !== null && !warned) {
    warned = true;
    process.emitWarning(`${problem.message} RBN runs in plain TypeScript, which is slower.\nNext: ${problem.next}`,
        {type: 'RbnWarning', code: problem.code});
  }
  return addon;
}

function load(): AddonResult {
  const {addonPath, isa} = settings();
  const file = addonPath ?? path.join(packageRoot, 'build', 'Release', 'rbn.node');
  const missing = (message: string): AddonResult => ({
    path: file,
    addon: null,
    problem: {
      code: 'NO_BINARY',
      message: `tfjs-rbn's native addon ${message}.`,
      // npm 11 can refuse to run install scripts of a dependency; `rebuild` runs them where they are allowed.
      next: addonPath !== undefined ? `unset RBN_ADDON_PATH   (it names ${addonPath})` :
          rebuildCommand('addon').replace(/^npm rebuild.*/,
              'npm install-scripts approve tfjs-rbn && npm rebuild tfjs-rbn   (npm before 11: npm rebuild tfjs-rbn)'),
    },
  });
  if (!fs.existsSync(file)) return missing(`is not built (looked for ${file})`);
  let addon: NativeAddon;
  try {
    addon = require(file) as NativeAddon;
  } catch (e) {
    return missing(`does not load: ${(e as Error).message}`);
  }
  if (addon.version !== packageVersion) {
    return missing(`is of version ${addon.version}, the package of ${packageVersion} (${file})`);
  }
  if (isa !== undefined && !addon.setIsa(isa)) {
    throw new RangeError(`RBN_ISA: this machine runs up to '${addon.bestIsa()}', received '${isa}'`);
  }
  return {path: file, addon, problem: null};
}
