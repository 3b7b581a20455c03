// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The handwritten digits that come with the package (data/README.md), and their fixed split: 360 of the 1,797
// images, drawn once and for all, are for testing. (Every fifth would not do: the writers wrote the digits in order, so
// that some would be rare among them.)
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {Data, makePart} from './images';
import {permutation, randomNumbers} from './random';

const SIZE = {height: 8, width: 8, classes: 10};
const PIXELS = SIZE.height * SIZE.width;
const IMAGES = 1797;
const TEST_IMAGES = 360;
const SPLIT_SEED = 0;
const BRIGHTEST = 16;

const DATA = join(__dirname, '..', '..', 'data', 'digits.csv.gz');

/** Reads data/digits.csv.gz: one image a line, 64 values 0 to 16 row by row, then the digit. */
export function loadDigits(file: string = DATA): Data {
  const rows = gunzipSync(readFileSync(file)).toString('ascii').trim().split('\n').map(line => line.split(',').map(Number));
  if (rows.length !== IMAGES || rows.some(r => r.length !== PIXELS + 1 || r.some(v => !(v >= 0 && v <= BRIGHTEST)))) {
    throw new Error(`${file}: expected ${IMAGES} lines of ${PIXELS + 1} values from 0 to ${BRIGHTEST}`);
  }
  const order = permutation(IMAGES, randomNumbers(SPLIT_SEED));
  const pick = (first: number, end: number) => {
    const picked = [...order.subarray(first, end)].sort((a, b) => a - b).map(i => rows[i]);
    return makePart(SIZE, picked.map(row => row[PIXELS]), i => picked[Math.floor(i / PIXELS)][i % PIXELS] / BRIGHTEST);
  };
  return {...SIZE, train: pick(TEST_IMAGES, IMAGES), test: pick(0, TEST_IMAGES)};
}
