// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the kernels of the `cuda` backend may use of it.
export type {DeviceArray, DeviceDtype} from './arrays';
export {isDeviceDtype} from './arrays';
export {CudaBackend} from './cuda_backend';
export {registerFlags} from './flags';
export {disposeAfterFailedGradients} from './failed_gradients';
export {endFailedProfiles} from './failed_profiles';
export type {CudaMemoryInfo, TensorSpec} from './cuda_backend';
