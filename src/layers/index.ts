// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The namespace `rbn.layers`.
export {representativeBatchNormalization, RepresentativeBatchNormalization} from './representative_batch_normalization';
export type {RepresentativeBatchNormalizationArgs} from './representative_batch_normalization';
