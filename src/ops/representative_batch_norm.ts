// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two ops: they check their arguments, bring the channels to an axis that kernels know, and run the
// kernel of the active backend.
import {engine, NamedTensorMap, op, Tensor, Tensor1D, TensorLike, transpose} from '@tensorflow/tfjs-core';

import {
  channelAxis, channelVector, checkActivation, checkBatch, checkEpsilon, checkInput, checkNames, floatTensor,
  residualTensor,
} from './checks';
import {ensureKernels} from './fallback';
import {ActivationName, RepresentativeBatchNorm, RepresentativeBatchNormAttrs} from './kernel_names';
import {sizesOf} from './sizes';

/** As tf.layers.batchNormalization. */
const DEFAULT_EPSILON = 1e-3;

const PARAMS: readonly (keyof RbnParams)[] = ['gamma', 'beta', 'centerWeight', 'scaleWeight', 'scaleBias'];
const OPTIONS: readonly (keyof RbnOptions)[] = ['epsilon', 'axis', 'activation', 'residual'];
const GIVEN_OPTIONS: readonly (keyof (GivenStatistics & RbnOptions))[] = ['mean', 'variance', ...OPTIONS];

/** Trainable parameters, each float32 of shape [C]. */
export interface RbnParams {
  /** γ, scales the output; 1 if left out. */
  gamma?: Tensor1D | TensorLike | null;
  /** β, shifts the output; 0 if left out. */
  beta?: Tensor1D | TensorLike | null;
  /** w_m, how much of its own mean each instance is given before the standardisation; initially 0. */
  centerWeight: Tensor1D | TensorLike;
  /** w_v, how much an instance's standardised mean opens its gate; initially 0. */
  scaleWeight: Tensor1D | TensorLike;
  /** w_b, the gate's bias; initially 1. */
  scaleBias: Tensor1D | TensorLike;
}

export interface RbnOptions {
  /** Added to the variance; above 0. Default 1e-3. */
  epsilon?: number;
  /** The channels' axis, any but 0. Default -1. The last axis and axis 1 are fast, others are transposed. */
  axis?: number;
  /** What follows, fused: 'linear' (default) or 'relu'. */
  activation?: ActivationName;
  /** Added before the activation; float32, shape of x. */
  residual?: Tensor | TensorLike | null;
}

/** Statistics of x_c = x + centerWeight·mean_s(x), each float32 of shape [C]. */
export interface GivenStatistics {
  mean: Tensor1D | TensorLike;
  variance: Tensor1D | TensorLike;
}

export interface TrainingResult<T extends Tensor = Tensor> {
  /** Shape of x. */
  output: T;
  /** [C], the batch's mean of x_c; carries no gradient. */
  mean: Tensor1D;
  /** [C], the batch's biased variance of x_c; carries no gradient. */
  variance: Tensor1D;
}

function representativeBatchNorm_<T extends Tensor>(
    x: T | TensorLike, params: RbnParams, options: GivenStatistics & RbnOptions): T {
  return run<T>(x, params, options, false).output;
}

function representativeBatchNormTraining_<T extends Tensor>(
    x: T | TensorLike, params: RbnParams, options: RbnOptions = {}): TrainingResult<T> {
  const {output, rest: [mean, variance]} = run<T>(x, params, options, true);
  return {output, mean: mean as Tensor1D, variance: variance as Tensor1D};
}

/**
 * Representative Batch Normalization with given statistics, as a trained network applies it.
 *
 * With x_c = x + w_m·mean_s(x) and x_s = (x_c − mean) / √(variance + ε), where mean_s is the mean over an
 * instance's positions:
 *
 *     y = activation(γ·x_s·sigmoid(w_v·mean_s(x_s) + w_b) + β + residual)
 *
 * Differentiable in x, in the parameters and in the residual. An empty batch gives an empty output.
 *
 * ```js
 * const x = tf.randomNormal([8, 14, 14, 3]);
 * const params = {centerWeight: tf.zeros([3]), scaleWeight: tf.zeros([3]), scaleBias: tf.ones([3])};
 * const y = rbn.representativeBatchNorm(x, params, {mean: tf.zeros([3]), variance: tf.ones([3])});
 * console.log(y.shape); // [8, 14, 14, 3]
 * ```
 *
 * @param x float32, rank 2 to 5, instances on axis 0.
 * @param params γ, β, w_m (centerWeight), w_v (scaleWeight) and w_b (scaleBias), each float32 [C]; γ and β
 *     may be left out: 1 and 0.
 * @param options mean and variance of x_c, each float32 [C]; epsilon (default 1e-3), axis (default -1),
 *     activation ('linear' or 'relu', default 'linear'), residual (float32, shape of x, default none).
 * @returns A tensor of x's shape.
 * @throws TypeError for a wrong kind or dtype and for an unknown name, RangeError for a wrong shape, axis or
 *     epsilon, Error for a disposed tensor and, when gradients are taken, for the gradient of mean or variance.
 * @see Gao et al., "Representative Batch Normalization with Feature Calibration", CVPR 2021, section 3: w_m is
 *     its centering calibration, w_v and w_b its scaling calibration.
 */
export const representativeBatchNorm = op({representativeBatchNorm_});

/**
 * Representative Batch Normalization with the statistics of the batch, as a network in training applies it.
 *
 * The formula is that of `representativeBatchNorm`; mean and variance are those of x_c over all instances
 * and positions, the variance biased (divided by N·S). They are returned for moving averages.
 *
 * Differentiable in x, in the parameters and in the residual, through the statistics too; the returned mean
 * and variance carry no gradient.
 *
 * ```js
 * const x = tf.randomNormal([8, 14, 14, 3]);
 * const centerWeight = tf.zeros([3]), scaleWeight = tf.zeros([3]), scaleBias = tf.ones([3]);
 * const loss = (x, centerWeight) => {
 *   const params = {centerWeight, scaleWeight, scaleBias};
 *   const {output} = rbn.representativeBatchNormTraining(x, params, {activation: 'relu'});
 *   return tf.mean(tf.square(output));
 * };
 * const [dx, dCenterWeight] = tf.grads(loss)([x, centerWeight]);
 * console.log(dx.shape, dCenterWeight.shape); // [8, 14, 14, 3] [3]
 * ```
 *
 * @param x float32, rank 2 to 5, instances on axis 0, at least 2 values a channel.
 * @param params As in `representativeBatchNorm`.
 * @param options epsilon (default 1e-3), axis (default -1), activation ('linear' or 'relu', default
 *     'linear'), residual (float32, shape of x, default none).
 * @returns output (shape of x), mean [C] and variance [C].
 * @throws TypeError for a wrong kind or dtype and for an unknown name, RangeError for a wrong shape, axis or
 *     epsilon, for an empty batch and for one value a channel, Error for a disposed tensor.
 * @see Gao et al., "Representative Batch Normalization with Feature Calibration", CVPR 2021, section 3.
 */
export const representativeBatchNormTraining = op({representativeBatchNormTraining_});

function run<T extends Tensor>(
    input: T | TensorLike, params: RbnParams, options: Partial<GivenStatistics> & RbnOptions,
    training: boolean): {output: T; rest: Tensor[]} {
  checkNames(params, 'params', PARAMS);
  checkNames(options, 'options', training ? OPTIONS : GIVEN_OPTIONS);
  const x = floatTensor(input, 'x');
  checkInput(x);
  const axis = channelAxis(options.axis ?? -1, x.rank);
  const epsilon = options.epsilon ?? DEFAULT_EPSILON;
  checkEpsilon(epsilon);
  const activation = options.activation ?? 'linear';
  checkActivation(activation);
  const sizes = sizesOf(x.shape, axis);
  const {channels} = sizes;
  if (training) checkBatch(x, sizes);

  const inputs: NamedTensorMap = {x};
  if (params.gamma != null) inputs.gamma = channelVector(params.gamma, 'gamma', channels);
  if (params.beta != null) inputs.beta = channelVector(params.beta, 'beta', channels);
  inputs.centerWeight = channelVector(params.centerWeight, 'centerWeight', channels);
  inputs.scaleWeight = channelVector(params.scaleWeight, 'scaleWeight', channels);
  inputs.scaleBias = channelVector(params.scaleBias, 'scaleBias', channels);
  if (!training) {
    inputs.mean = channelVector(options.mean, 'mean', channels);
    inputs.variance = channelVector(options.variance, 'variance', channels);
  }
  if (options.residual != null) inputs.residual = residualTensor(options.residual, x);

  const attrs: RepresentativeBatchNormAttrs =
      {epsilon, axis, activation, training, keepState: engine().isTapeOn()};
  ensureKernels();
  if (axis === 1 || axis === x.rank - 1) {
    const [output, ...rest] = engine().runKernel<Tensor[]>(RepresentativeBatchNorm, inputs, attrs);
    return {output: output as T, rest};
  }
  // Channels to the end and back again; the tape sees the transpositions as ops of their own.
  const order = x.shape.map((_, i) => i).filter((i) => i !== axis).concat(axis);
  inputs.x = transpose(x, order);
  if (inputs.residual !== undefined) inputs.residual = transpose(inputs.residual, order);
  attrs.axis = x.rank - 1;
  const [output, ...rest] = engine().runKernel<Tensor[]>(RepresentativeBatchNorm, inputs, attrs);
  return {output: transpose(output, order.map((_, i) => order.indexOf(i))) as T, rest};
}
