// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One training run: one normalization, one seed. Trains, measures, saves the model and checks that what was saved
// loads again with the same accuracy.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import {fileSystem} from '../io';
import type {Backend} from './backend';
import {loadData} from './data';
import type {ImageSize, Part} from './images';
import {buildNetwork, Norm, normLayers, parameterCount} from './network';
import {NormClock} from './norm_clock';
import {permutation, randomNumbers} from './random';
import {median} from './statistics';
import {stopwatchOf} from './stopwatch';

export interface RunConfig {
  backend: Backend;
  data: string | null; // a folder; null for the digits
  norm: Norm;
  seed: number;
  epochs: number;
  batchSize: number;
  learningRate: number; // at the start; falls to zero along half a cosine
  width: number; // channels of the first block
  modelDirectory: string;
}

/** After an epoch; epoch 0 is before training and has no training loss. */
export interface EpochResult {
  epoch: number;
  trainLoss: number | null; // mean over the epoch's batches, each before its own update
  testLoss: number;
  testAccuracy: number;
}

export interface RunResult {
  norm: Norm;
  seed: number;
  epochs: EpochResult[];
  stepLosses: number[];
  parameters: number;
  stepMilliseconds: number; // median
  normMilliseconds: number; // median
  modelDirectory: string;
  reloadedAccuracy: number; // equal to the last epoch's
}

export interface Progress { step: number; steps: number; epoch: EpochResult | null }

const SGD_MOMENTUM = 0.9;
const MOST_AT_ONCE = 500; // images, in a test

export function stepsPerEpoch(images: number, batchSize: number): number {
  return Math.ceil(images / batchSize);
}

export async function trainRun(config: RunConfig, onProgress: (progress: Progress) => void): Promise<RunResult> {
  const data = loadData(config.data), {train, test} = data;
  const model = buildNetwork(config.norm, data, config.width, config.seed);
  const optimizer = tf.train.momentum(config.learningRate, SGD_MOMENTUM);
  model.compile({optimizer, loss: 'categoricalCrossentropy'});
  const clock = new NormClock(stopwatchOf(config.backend));
  normLayers(model).forEach(layer => clock.watch(layer));

  const perEpoch = stepsPerEpoch(train.count, config.batchSize);
  const steps = perEpoch * config.epochs;
  const random = randomNumbers(config.seed);
  const stepTimes: number[] = [], normTimes: number[] = [], stepLosses: number[] = [];
  const epochs: EpochResult[] = [{epoch: 0, trainLoss: null, ...evaluate(model, data, test)}];
  onProgress({step: 0, steps, epoch: epochs[0]});
  for (let epoch = 1; epoch <= config.epochs; ++epoch) {
    const order = permutation(train.count, random);
    for (let first = 0; first < train.count; first += config.batchSize) {
      optimizer.setLearningRate(config.learningRate * (1 + Math.cos(Math.PI * stepLosses.length / steps)) / 2);
      const [x, y] = batch(data, train, order.subarray(first, first + config.batchSize));
      clock.take();
      const started = performance.now();
      // The loss is on the host when this returns, and on a GPU the whole step has been done before it was copied.
      const loss = await model.trainOnBatch(x, y) as number;
      stepTimes.push(performance.now() - started);
      normTimes.push(clock.take());
      tf.dispose([x, y]);
      if (!Number.isFinite(loss)) {
        throw new Error(`the loss became ${loss} at step ${stepLosses.length + 1} of ${steps}: try a smaller --lr than ${config.learningRate}`);
      }
      stepLosses.push(loss);
      onProgress({step: stepLosses.length, steps, epoch: null});
    }
    const trainLoss = stepLosses.slice(-perEpoch).reduce((a, b) => a + b) / perEpoch;
    epochs.push({epoch, trainLoss, ...evaluate(model, data, test)});
    onProgress({step: stepLosses.length, steps, epoch: epochs[epoch]});
  }

  await model.save(fileSystem(config.modelDirectory));
  const loaded = await tfl.loadLayersModel(fileSystem(config.modelDirectory));
  const reloadedAccuracy = evaluate(loaded, data, test).testAccuracy;
  const {testAccuracy} = epochs[config.epochs];
  if (reloadedAccuracy !== testAccuracy) {
    throw new Error(`${config.modelDirectory}: the saved model reads ${reloadedAccuracy} of the test images right, the trained one ${testAccuracy}`);
  }
  return {
    norm: config.norm, seed: config.seed, epochs, stepLosses, parameters: parameterCount(model),
    stepMilliseconds: median(stepTimes), normMilliseconds: median(normTimes),
    modelDirectory: config.modelDirectory, reloadedAccuracy,
  };
}

function batch({height, width, classes}: ImageSize, part: Part, indices: Int32Array): [tf.Tensor, tf.Tensor] {
  const pixels = height * width;
  const images = new Float32Array(indices.length * pixels);
  const labels = new Float32Array(indices.length * classes);
  indices.forEach((from, to) => {
    images.set(part.images.subarray(from * pixels, (from + 1) * pixels), to * pixels);
    labels.set(part.labels.subarray(from * classes, (from + 1) * classes), to * classes);
  });
  return [tf.tensor4d(images, [indices.length, height, width, 1]), tf.tensor2d(labels, [indices.length, classes])];
}

function evaluate(model: tfl.LayersModel, size: ImageSize, part: Part): {testLoss: number; testAccuracy: number} {
  const {classes} = size;
  let right = 0, loss = 0;
  for (let first = 0; first < part.count; first += MOST_AT_ONCE) {
    const indices = Int32Array.from({length: Math.min(MOST_AT_ONCE, part.count - first)}, (_, i) => first + i);
    const probabilities = tf.tidy(() => (model.predictOnBatch(batch(size, part, indices)[0]) as tf.Tensor).dataSync());
    indices.forEach((image, i) => {
      const scores = probabilities.subarray(i * classes, (i + 1) * classes);
      const label = part.labels.subarray(image * classes, (image + 1) * classes).indexOf(1);
      if (scores.indexOf(Math.max(...scores)) === label) ++right;
      loss -= Math.log(Math.max(scores[label], Number.MIN_VALUE));
    });
  }
  return {testLoss: loss / part.count, testAccuracy: right / part.count};
}
