// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The ES module entry: the CommonJS build under other syntax, never a build of its own. Two builds in one
// process would register every kernel twice. By name, since `*` would take CommonJS's __esModule along.
export {
  devices, io, layers, RbnError, representativeBatchNorm, representativeBatchNormTraining,
} from './index.js';
export type * from './index.js';
