// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The images that `train` works on: those of the package, or a folder of others.
import {loadDigits} from './digits';
import {loadIdx} from './idx';
import type {Data} from './images';

/** Of a folder in MNIST's format; null: the digits. */
export function loadData(folder: string | null): Data {
  return folder === null ? loadDigits() : loadIdx(folder);
}
