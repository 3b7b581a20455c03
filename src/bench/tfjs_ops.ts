// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What RBN is compared with inside tfjs: RBN as one would write it in tfjs ops, differentiated by the tape, and what
// tf.layers.batchNormalization runs. Channels last, rank 4.
import * as tf from '@tensorflow/tfjs-core';
import {BatchNormTraining, BatchNormTrainingAttrs} from '../ops';

export const EPSILON = 1e-3;

const POSITIONS = [1, 2];
const ALL_BUT_CHANNELS = [0, 1, 2];

/** γ, β, centerWeight, scaleWeight, scaleBias. */
export type Parameters = [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];

export interface Statistics { mean: tf.Tensor1D; variance: tf.Tensor1D }

/** RBN by its definition; statistics null: those of the batch. */
export function rbnOpByOp(x: tf.Tensor4D, [gamma, beta, centerWeight, scaleWeight, scaleBias]: Parameters,
                          statistics: Statistics | null): tf.Tensor4D {
  const centered = tf.add(x, tf.mul(centerWeight, tf.mean(x, POSITIONS, true)));
  const {mean, variance} = statistics ?? tf.moments(centered, ALL_BUT_CHANNELS);
  const standardized = tf.div(tf.sub(centered, mean), tf.sqrt(tf.add(variance, EPSILON)));
  const gate = tf.sigmoid(tf.add(tf.mul(scaleWeight, tf.mean(standardized, POSITIONS, true)), scaleBias));
  return tf.add(tf.mul(gamma, tf.mul(standardized, gate)), beta) as tf.Tensor4D;
}

/** The ops that tf.layers.batchNormalization calls; statistics null: those of the batch. */
export function batchNormalization(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D, statistics: Statistics | null): tf.Tensor4D {
  const {mean, variance} = statistics ?? tf.moments(x, ALL_BUT_CHANNELS);
  return tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, EPSILON);
}

/** What tf.layers.batchNormalization runs in training on the backend `cuda`, moving statistics included. */
export function fusedBatchNormalization(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
  const attrs: BatchNormTrainingAttrs = {axis: 3, epsilon: EPSILON, momentum: 0.99, keepState: true};
  // Like gamma in shape; their values change nothing.
  return tf.engine().runKernel<tf.Tensor[]>(
      BatchNormTraining, {x, gamma, beta, movingMean: gamma, movingVariance: gamma}, attrs)[0] as tf.Tensor4D;
}
