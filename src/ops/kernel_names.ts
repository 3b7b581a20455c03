// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two tfjs kernels by name, with their inputs, attributes and outputs. Every backend implements
// exactly this; the ops and the gradient call nothing else.
import {NamedAttrMap, TensorInfo} from '@tensorflow/tfjs-core';

export const RepresentativeBatchNorm = 'RepresentativeBatchNorm';
export const RepresentativeBatchNormGrad = 'RepresentativeBatchNormGrad';

/** Of the backend `cuda` alone: batch normalization by the statistics of the batch, for tf.layers' layer. */
export const BatchNormTraining = 'BatchNormTraining';
export const BatchNormTrainingGrad = 'BatchNormTrainingGrad';

/** What may follow the normalisation (and the residual, where there is one). */
export type ActivationName = 'linear' | 'relu';

/**
 * Inputs of RepresentativeBatchNorm: float32 all, parameters and statistics of shape [C].
 *
 * Given statistics come with `training: false`, and only then.
 */
export interface RepresentativeBatchNormInputs {
  x: TensorInfo; // [N, ..., C] or [N, C, ...], rank 2 to 5
  gamma?: TensorInfo; // 1 if left out
  beta?: TensorInfo; // 0 if left out
  centerWeight: TensorInfo;
  scaleWeight: TensorInfo;
  scaleBias: TensorInfo;
  mean?: TensorInfo; // of x_c = x + centerWeight·mean_s(x)
  variance?: TensorInfo; // of x_c, biased
  residual?: TensorInfo; // shape of x
}

/** Attributes of both kernels. */
export interface RepresentativeBatchNormAttrs extends NamedAttrMap {
  epsilon: number; // > 0
  axis: number; // of the channels: 1 or rank − 1
  activation: ActivationName;
  training: boolean;
  /** False where nobody will ask for a gradient: no state and no mask then. Taken as true if left out. */
  keepState: boolean;
}

/*
 * Outputs of RepresentativeBatchNorm, in order:
 *
 *   training: y, mean [C], variance [C], state, mask      frozen: y, state, mask
 *
 * state (float32) and mask (int32) are between a backend's forward and its gradient kernel alone. On `cpu`
 * they are what native/rbn/problem.h says, the mask's bytes rounded up to whole int32. The mask is there
 * where a ReLU follows a residual: without one, the sign of y can be computed again from the state.
 */

/** Inputs of RepresentativeBatchNormGrad: those of the forward kernel but the residual, and its outputs. */
export interface RepresentativeBatchNormGradInputs {
  dy: TensorInfo; // shape of x
  x: TensorInfo;
  gamma?: TensorInfo;
  beta?: TensorInfo;
  centerWeight: TensorInfo;
  scaleWeight: TensorInfo;
  scaleBias: TensorInfo;
  mean?: TensorInfo; // the given mean; left out in training
  variance: TensorInfo; // given, or the forward kernel's output
  state: TensorInfo;
  mask?: TensorInfo;
}

/*
 * Outputs of RepresentativeBatchNormGrad, in order:
 *
 *   dx, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias, dresidual
 *
 * dresidual is there where a mask is; without one the residual's gradient is dy itself.
 */

/**
 * Attributes of BatchNormTraining and BatchNormTrainingGrad; all tensors are float32.
 *
 * BatchNormTraining: x, gamma [C], beta [C], movingMean [C], movingVariance [C]
 *     → y, moving mean and variance after this step, mean, variance (biased) of the batch, state
 * BatchNormTrainingGrad: dy, x, gamma, variance, state → dx, dgamma, dbeta
 */
export interface BatchNormTrainingAttrs extends NamedAttrMap {
  axis: number; // of the channels: 1 or rank − 1
  epsilon: number; // > 0
  momentum: number; // moving = momentum·moving + (1 − momentum)·batch
  /** False where nobody will ask for a gradient: no state then. */
  keepState: boolean;
}
