// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The handwritten digits that come with the package (data/README.md), and their fixed split: 360 of the 1,797
// images, drawn once and for all, are for testing. (Every fifth would not do: the writers wrote the digits in order, so
// that some would be rare among them.)
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {permutation, randomNumbers} from './random';

export const SIDE = 8; // pixels
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;
const IMAGES = 1797;
const TEST_IMAGES = 360;
const SPLIT_SEED = 0;
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
  const order = permutation(IMAGES, randomNumbers(SPLIT_SEED));
  const pick = (first: number, end: number) => part([...order.subarray(first, end)].sort((a, b) => a - b).map(i => rows[i]));
  return {train: pick(TEST_IMAGES, IMAGES), test: pick(0, TEST_IMAGES)};
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
