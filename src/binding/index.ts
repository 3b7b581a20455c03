// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What rooms above may use of the binding.
export {nativeAddon} from './addon';
export {devices, triedDevices} from './devices';
export type {Devices} from './devices';
export {Command, Place, TensorType} from './command';
export {createContext, openEngine, translate, translated} from './engine';
export {settings, stockBatchNormSetting, threadsSetting} from './environment';
export type {Settings} from './environment';
export {RbnError} from './errors';
export type {Problem, RbnErrorCode} from './errors';
export {openLibraries} from './libraries';
export type {LibraryState} from './libraries';
export {allocateFloats, allocateInts} from './memory';
export * from './native';
export {latestTensorflowOps, tensorflowOps} from './tensorflow';
export type {TensorflowBinding, TensorflowOps} from './tensorflow';
