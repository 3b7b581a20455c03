// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The form of a kernel of the `cuda` backend. Each file of this folder holds a table of them.
import {NamedAttrMap, NamedTensorInfoMap, TensorInfo} from '@tensorflow/tfjs-core';

import {CudaBackend} from '../../backend';

/** What a kernel gets. Inputs are float32, int32 or bool: other dtypes never reach a table's kernel. */
export interface KernelArguments {
  inputs: NamedTensorInfoMap;
  attrs: NamedAttrMap;
  backend: CudaBackend;
}

/** One kernel; what it returns belongs to the caller, what it makes besides it disposes of. */
export type CudaKernel = (call: KernelArguments) => TensorInfo | TensorInfo[];

/** Kernels by tfjs-core's names. */
export type CudaKernels = Readonly<Record<string, CudaKernel>>;

/** All tensors among `inputs` as tfjs-core gives them: by name, or lists of them by name, or one list. */
export function tensorsOf(inputs: NamedTensorInfoMap): TensorInfo[] {
  return (Object.values(inputs) as unknown[]).flat().filter((x) => x !== undefined && x !== null) as TensorInfo[];
}
