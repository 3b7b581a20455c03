// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The files of the package, for tests that search them.
import * as fs from 'node:fs';
import * as path from 'node:path';

/** The package's root: this file is out/test/support/files.js. */
export const root = path.resolve(__dirname, '..', '..', '..');

/** Files under a folder of the package, by '/'-separated paths from its root. */
export function filesUnder(folder: string, ...extensions: string[]): string[] {
  return fs.readdirSync(path.join(root, folder), {recursive: true, encoding: 'utf8'})
      .map((file) => `${folder}/${file.split(path.sep).join('/')}`)
      .filter((file) => extensions.some((extension) => file.endsWith(extension)));
}

export function read(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8');
}
