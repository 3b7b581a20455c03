// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a user of the package sees. Importing it registers the gradient, the kernels, the layer class and
// the file:// handler, once (register.ts).
import './register';

export {devices, RbnError} from './binding';
export type {Devices, RbnErrorCode} from './binding';
export * as io from './io';
export * as layers from './layers';
export {representativeBatchNorm, representativeBatchNormTraining} from './ops';
export type {GivenStatistics, RbnOptions, RbnParams, TrainingResult} from './ops';
