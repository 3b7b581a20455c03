// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Images and their labels, as arrays of the network's input and output.

export interface Part {
  count: number;
  images: Float32Array; // [count, height, width, 1], 0 to 1
  labels: Float32Array; // [count, classes], one-hot
}

export interface ImageSize {height: number; width: number; classes: number}

export interface Data extends ImageSize {train: Part; test: Part}

/** `pixel` gives pixel i of all images, 0 to 1. */
export function makePart({height, width, classes}: ImageSize, labels: ArrayLike<number>, pixel: (i: number) => number): Part {
  const count = labels.length;
  const part = {count, images: new Float32Array(count * height * width), labels: new Float32Array(count * classes)};
  for (let i = 0; i < part.images.length; ++i) part.images[i] = pixel(i);
  for (let i = 0; i < count; ++i) part.labels[i * classes + labels[i]!] = 1;
  return part;
}
