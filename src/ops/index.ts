// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What rooms above may use of the ops.
export {channelAxis, checkActivation, checkAxis, checkEpsilon, checkMomentum} from './checks';
export {provideFallback} from './fallback';
export {representativeBatchNormGradConfig} from './gradient';
export * from './kernel_names';
export {representativeBatchNorm, representativeBatchNormTraining} from './representative_batch_norm';
export type {GivenStatistics, RbnOptions, RbnParams, TrainingResult} from './representative_batch_norm';
export {sizesOf} from './sizes';
export type {Sizes} from './sizes';
