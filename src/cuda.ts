// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// 'tfjs-rbn/cuda': importing it registers the backend `cuda`, beside all that 'tfjs-rbn' registers.
import './index';
import './register_cuda';

export {CudaBackend} from './backend';
export type {CudaMemoryInfo} from './backend';
export {fallbackCosts} from './kernels/cuda';
export type {FallbackCost} from './kernels/cuda';
