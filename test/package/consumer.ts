// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The public API as a TypeScript program uses it. It is compiled, never run: against dist with the tests, and
// by .ci/run against the packed package, as ES module and as CommonJS. Lines that must not compile show that
// nothing has become `any`.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as rbn from 'tfjs-rbn';
import {devices, io, layers, RbnError, representativeBatchNorm, representativeBatchNormTraining} from 'tfjs-rbn';
import type {CudaBackend, CudaMemoryInfo} from 'tfjs-rbn/cuda';
import type {Devices, GivenStatistics, RbnErrorCode, RbnOptions, RbnParams, TrainingResult} from 'tfjs-rbn';

const x: tf.Tensor4D = tf.zeros([2, 4, 4, 3]);
const vector: tf.Tensor1D = tf.zeros([3]);
const params: RbnParams = {centerWeight: vector, scaleWeight: [0, 0, 0], scaleBias: new Float32Array(3), gamma: null};
const options: RbnOptions = {epsilon: 1e-3, axis: -1, activation: 'relu', residual: x};
const given: GivenStatistics = {mean: vector, variance: [1, 1, 1]};

const y: tf.Tensor4D = representativeBatchNorm(x, params, {...given, ...options});
const fromArray: tf.Tensor = rbn.representativeBatchNorm([[1, 2, 3]], params, given);
const result: TrainingResult<tf.Tensor4D> = representativeBatchNormTraining(x, params, options);
const statistics: [tf.Tensor1D, tf.Tensor1D] = [result.mean, result.variance];
// @ts-expect-error: given statistics are needed
representativeBatchNorm(x, params, options);
// @ts-expect-error: a parameter is missing
representativeBatchNormTraining(x, {centerWeight: vector, scaleWeight: vector});
// @ts-expect-error: no such option
representativeBatchNormTraining(x, params, {epsilonn: 1});
// @ts-expect-error: no such activation
representativeBatchNormTraining(x, params, {activation: 'gelu'});

const layer: tfl.layers.Layer = layers.representativeBatchNormalization({
  axis: 1, momentum: 0.9, scaleWeightInitializer: 'ones', centerWeightConstraint: tfl.constraints.nonNeg(),
  scaleBiasRegularizer: 'l1l2', activation: 'relu', inputShape: [3, 4, 4],
});
const isOurs: boolean = layer instanceof rbn.layers.RepresentativeBatchNormalization;
const args: rbn.layers.RepresentativeBatchNormalizationArgs = {center: false};
// @ts-expect-error: no such configuration
layers.representativeBatchNormalization({centreWeightInitializer: 'zeros'});

async function saved(model: tfl.LayersModel): Promise<tfl.LayersModel> {
  const handler: tf.io.IOHandler = io.fileSystem('folder');
  await model.save(handler);
  return tfl.loadLayersModel(rbn.io.fileSystem('folder/model.json'));
}
// @ts-expect-error: a path is needed
io.fileSystem();

const found: Devices = devices();
const memory: number[] = found.gpus.map((gpu) => gpu.totalMemory);
const problem: {code: RbnErrorCode; message: string; next: string} | undefined = found.missing[0];
function codeOf(error: unknown): RbnErrorCode | null {
  return error instanceof RbnError ? error.code : null;
}
// @ts-expect-error: no such code
const code: RbnErrorCode = 'NO_COFFEE';

async function onGpu(): Promise<number> {
  if (!await tf.setBackend('cuda')) return 0;
  const backend = tf.backend() as unknown as CudaBackend;
  const {numBytesInGPU}: CudaMemoryInfo = backend.memory();
  return numBytesInGPU;
}

export {args, code, codeOf, fromArray, isOurs, memory, problem, onGpu, saved, statistics, y};
