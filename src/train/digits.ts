// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The handwritten digits that come with the package (data/README.md), and their fixed split: every fifth
// image, from the first on, is for testing: 360 of 1,797.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';

export const SIDE = 8; // pixels
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;
const IMAGES = 1797;
const BRIGHTEST = 16;

export interface Part {
  count: number;
  images: Float32Array; // [count, 8, 8, 1], 0 to 1
  labels: Float32Array; // [count, 10], one-hot
}

export interface Digits {train: Part; test: Part}

const DATA = join(__dirname, '..', '..', 'data', 'digits.csv.gz');

/** Reads data/digits.csv.gz: one image a line, 64 values 0 to 16 row by row, then the digit. */
export function loadDigits(file: string = DATA): Digits {
  const rows = gunzipSync(readFileSync(file)).toString('ascii').trim().split('\n').map(line => line.split(',').map(Number));
  if (rows.length !== IMAGES || rows.some(r => r.length !== PIXELS + 1 || r.some(v => !(v >= 0 && v <= BRIGHTEST)))) {
    throw new Error(`${file}: expected ${IMAGES} lines of ${PIXELS + 1} values from 0 to ${BRIGHTEST}`);
  }
  return {train: part(rows.filter((_, i) => i % 5 !== 0)), test: part(rows.filter((_, i) => i % 5 === 0))};
}

function part(rows: number[][]): Part {
  const images = new Float32Array(rows.length * PIXELS);
  const labels = new Float32Array(rows.length * CLASSES);
  rows.forEach((row, i) => {
    for (let p = 0; p < PIXELS; ++p) images[i * PIXELS + p] = row[p] / BRIGHTEST;
    labels[i * CLASSES + row[PIXELS]] = 1;
  });
  return {count: rows.length, images, labels};
}
