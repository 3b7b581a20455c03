// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Grey images in the format of MNIST (IDX, http://yann.lecun.com/exdb/mnist), which Fashion-MNIST and others share: four
// files, as they are or gzipped.
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {Data, makePart} from './images';

const BRIGHTEST = 255;

interface Idx {file: string; sizes: number[]; values: Buffer}

function unzipped(file: string): Buffer {
  try {
    return gunzipSync(readFileSync(file));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, {cause: error});
  }
}

/** Two zero bytes, 8 for bytes as values, the rank; sizes in 32 bits, the highest byte first; the values. */
function readIdx(folder: string, name: string, rank: number): Idx {
  const file = [name, `${name}.gz`].map(n => join(folder, n)).find(existsSync);
  if (file === undefined) throw new Error(`${folder}: expected a file ${name} or ${name}.gz in it`);
  const all = file.endsWith('.gz') ? unzipped(file) : readFileSync(file);
  const header = 4 + 4 * rank;
  if (all.length < header || all.readUInt32BE(0) !== 0x800 + rank) throw new Error(`${file}: expected an IDX file of bytes, of rank ${rank}`);
  const sizes = Array.from({length: rank}, (_, d) => all.readUInt32BE(4 + 4 * d));
  const values = all.subarray(header), expected = sizes.reduce((a, b) => a * b, 1);
  if (values.length !== expected || expected === 0) {
    throw new Error(`${file}: expected at least one value, and as many as its sizes ${sizes.join('×')} say, received ${values.length}`);
  }
  return {file, sizes, values};
}

/** Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k, which are for testing. */
export function loadIdx(folder: string): Data {
  const parts = ['train', 't10k'].map(part => ({
    images: readIdx(folder, `${part}-images-idx3-ubyte`, 3), labels: readIdx(folder, `${part}-labels-idx1-ubyte`, 1),
  }));
  const [, height, width] = parts[0].images.sizes;
  const classes = 1 + parts.reduce((most, {labels}) => labels.values.reduce((a, b) => Math.max(a, b), most), 1);
  for (const {images, labels} of parts) {
    if (images.sizes[1] !== height || images.sizes[2] !== width)
      throw new Error(`${images.file}: expected images of ${height}×${width}, received ${images.sizes[1]}×${images.sizes[2]}`);
    if (images.sizes[0] !== labels.sizes[0])
      throw new Error(`${labels.file}: expected ${images.sizes[0]} labels, one an image, received ${labels.sizes[0]}`);
  }
  const size = {height, width, classes};
  const [train, test] = parts.map(({images, labels}) => makePart(size, labels.values, i => images.values[i] / BRIGHTEST));
  return {...size, train, test};
}
