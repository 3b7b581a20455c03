// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Kernels that `cuda` has not, run by tfjs's CPU kernels on copies of the inputs: right, slow, counted, and never
// without a word. A first use warns once a kernel; RBN_STRICT=1 makes it an error.
import {MathBackendCPU} from '@tensorflow/tfjs-backend-cpu';
import {
  backend_util, DataType, getKernel, getKernelsForBackend, NamedTensorInfoMap, Tensor, TensorInfo, util,
} from '@tensorflow/tfjs-core';

import {CudaBackend, DeviceDtype} from '../../backend';
import {RbnError, settings} from '../../binding';
import {CudaKernel, tensorsOf} from './kernel';

/** What fallbacks of one kernel have cost. */
export interface FallbackCost {
  calls: number;
  /** Copied from the device and back to it. */
  bytes: number;
}

const costs = new Map<string, FallbackCost>();
const warned = new Set<string>();

/** What fallbacks have cost in this process, by kernel name. */
export const fallbackCosts: ReadonlyMap<string, Readonly<FallbackCost>> = costs;

/** The kernels that there is a fallback for: those of tfjs's CPU backend. */
export function fallbackNames(): string[] {
  return getKernelsForBackend('cpu').map(({kernelName}) => kernelName);
}

/**
 * A kernel for `cuda` that runs tfjs's CPU kernel of that name.
 *
 * Throws RbnError FALLBACK in strict mode. Not with strings: these live on the host anyway, so for them nothing is
 * slower than it must be, and nothing is warned of.
 */
export function fallbackKernel(name: string): CudaKernel {
  return ({inputs, attrs, backend}) => {
    const dtypes = [...tensorsOf(inputs), attrs as {dtype?: DataType}].map(({dtype}) => dtype);
    if (!dtypes.includes('string')) announce(name, dtypes);
    const cost = costOf(name);
    cost.calls++;
    const {kernelFunc} = getKernel(name, 'cpu'); // now: another package may have registered a better one
    const host = new HostBackend();
    const staged = mapped(inputs, (x) => stage(x, backend, host, cost));
    const outputs = kernelFunc({inputs: staged, attrs, backend: host});
    return Array.isArray(outputs) ? copiesOf(outputs, host, backend, cost) : copiesOf([outputs], host, backend, cost)[0]!;
  };
}

/**
 * tfjs's CPU backend for one call: what it holds is gone with it, whatever the kernel aliased, kept or threw.
 *
 * It is not the registered backend `cpu`, which tfjs-core would count the data of.
 */
class HostBackend extends MathBackendCPU {
  constructor() {
    super();
    this['firstUse'] = false; // or it would advertise tfjs-node
  }

  /** The base class tells tfjs-core of such an output, as if it lived on the active backend. */
  override makeOutput<T extends Tensor>(values: backend_util.BackendValues, shape: number[], dtype: DataType): T {
    return this.makeTensorInfo(shape, dtype, values as backend_util.TypedArray) as T;
  }
}

/** A tensor of the device on the host. The CPU kernels read `rank` of their inputs, too. */
function stage(x: TensorInfo, backend: CudaBackend, host: HostBackend, cost: FallbackCost): TensorInfo & {rank: number} {
  const {shape, dtype} = x;
  const rank = shape.length;
  if (dtype !== 'complex64') {
    const values = backend.readSync(x.dataId);
    if (dtype !== 'string') cost.bytes += (values as Uint8Array).byteLength;
    return {dataId: host.write(values, shape, dtype), shape, dtype, rank};
  }
  const parts = backend.parts(x);
  const info = host.makeTensorInfo(shape, dtype);
  host.data.get(info.dataId).complexTensorInfos =
      {real: stage({...parts.real, shape}, backend, host, cost), imag: stage({...parts.imag, shape}, backend, host, cost)};
  return {...info, rank};
}

/** Outputs of the CPU kernel as tensors of the device: all of them, or on failure none. */
function copiesOf(outputs: TensorInfo[], host: HostBackend, backend: CudaBackend, cost: FallbackCost): TensorInfo[] {
  const copies: TensorInfo[] = [];
  try {
    for (const output of outputs) copies.push(copyOf(output, host, backend, cost));
    return copies;
  } catch (e) {
    for (const copy of copies) backend.release(copy);
    throw e;
  }
}

function copyOf({dataId, shape, dtype}: TensorInfo, host: HostBackend, backend: CudaBackend, cost: FallbackCost): TensorInfo {
  if (dtype === 'complex64') {
    const {real, imag} = host.data.get(dataId).complexTensorInfos!;
    const [realCopy, imagCopy] = copiesOf([{...real, shape}, {...imag, shape}], host, backend, cost);
    return backend.complex(realCopy!, imagCopy!);
  }
  const values = host.readSync(dataId);
  if (dtype === 'string') return {dataId: backend.write(values, shape, dtype), shape, dtype};
  const copy = backend.upload(values as Float32Array, {shape, dtype: dtype as DeviceDtype});
  cost.bytes += util.sizeFromShape(shape) * util.bytesPerElement(dtype);
  return copy;
}

function costOf(name: string): FallbackCost {
  let cost = costs.get(name);
  if (cost === undefined) costs.set(name, cost = {calls: 0, bytes: 0});
  return cost;
}

/** Says once that a kernel falls back, or refuses to. */
function announce(name: string, dtypes: (DataType | undefined)[]): void {
  const what = `cuda: no kernel ${name}${dtypes.includes('complex64') ? ' for complex64' : ''}`;
  if (settings().strict) {
    throw new RbnError({
      code: 'FALLBACK', message: `${what}, and RBN_STRICT forbids to run it on the CPU`,
      next: 'unset RBN_STRICT, or do without it (npx tfjs-rbn doctor --kernels lists what cuda has)',
    });
  }
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(`${what}; the CPU runs it: each call waits for the GPU, copies the inputs to the host and the ` +
      'outputs back. Next: RBN_STRICT=1 makes this an error', {type: 'RbnWarning', code: 'FALLBACK'});
}

/** `inputs` as tfjs-core gives them: tensors by name, or lists of them by name, or one list. */
function mapped(inputs: NamedTensorInfoMap, f: (x: TensorInfo) => TensorInfo): NamedTensorInfoMap {
  const each = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(each) : value === undefined || value === null ? value : f(value as TensorInfo);
  if (Array.isArray(inputs)) return each(inputs) as NamedTensorInfoMap;
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, each(value) as TensorInfo]));
}
