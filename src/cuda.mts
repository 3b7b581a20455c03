// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The ES module entry of 'tfjs-rbn/cuda': the CommonJS build under other syntax.
export * from './cuda.js';
