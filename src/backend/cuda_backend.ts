// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The tfjs backend `cuda`: tensors that stay in GPU memory, and the one way in which kernels run
// operations of the engine on them.
import {backend_util, BackendTimingInfo, BackendValues, DataId, DataStorage, DataType, engine, KernelBackend, TensorInfo, util} from '@tensorflow/tfjs-core';

import {
  Command, createContext, EngineContext, LibraryState, openEngine, openLibraries, Place, Problem, Products, settings, translate, translated,
} from '../binding';
import {productsOfFlags} from './flags';
import {arrayOf, DeviceArray, DeviceDtype, elementBytes, isDeviceDtype, toArray, typeOf} from './arrays';

/** A tensor to be made. */
export interface TensorSpec {
  shape: readonly number[];
  dtype: DeviceDtype;
}

/** What stands behind a dataId. */
interface Data {
  readonly dtype: DataType;
  readonly size: number; // elements
  refCount: number;
  /** Device memory; Place.OnHost where there is none: one element, strings, complex. */
  address: number;
  /** Of one element on the host. */
  readonly value: number;
  readonly strings: Uint8Array[] | null;
  readonly complex: {real: TensorInfo; imag: TensorInfo} | null;
}

interface Operation {
  index: number;
  takesHost: boolean;
}

/** What `tf.memory()` tells beside tfjs's own counts; bytes of GPU memory. */
export interface CudaMemoryInfo {
  unreliable: boolean;
  numBytesInGPU: number;
  /** The most that numBytesInGPU has been. */
  numBytesInGPUPeak: number;
  /** What the memory pool holds of the device, used or not. */
  numBytesInGPUReserved: number;
  /** 0: no limit but the device's memory. */
  numBytesInGPULimit: number;
}

const warned = new Set<string>();

/** Says what is missing, once a process. */
function warnOnce({code, message, next}: Problem): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(`${message}\nNext: ${next}`, {type: 'RbnWarning', code});
}

export class CudaBackend extends KernelBackend {
  /** The engine's context, for kernels that are no operations of the table (RBN itself), and for tests. */
  readonly context: EngineContext;
  /** 'cuda', or 'simulator' for the test device. */
  readonly engineKind: 'cuda' | 'simulator';
  /** NVIDIA's libraries, in use or not. */
  readonly libraries: readonly LibraryState[];
  private products = Products.Exact;
  private readonly data: DataStorage<Data>;
  private readonly operations = new Map<string, Operation>();
  private readonly command = new Command();
  private disposed = false;

  /**
   * Opens the GPU that RBN_DEVICE names.
   *
   * Throws RbnError NO_BINARY, NO_ENGINE, NO_DRIVER, NO_DEVICE or UNSUPPORTED_GPU.
   */
  constructor() {
    super();
    const {device, memoryLimit, sync} = settings();
    const found = openEngine();
    this.engineKind = found.kind;
    this.context = createContext(found, device);
    if (memoryLimit > 0) this.context.setMemoryLimit(memoryLimit);
    if (sync) this.context.setSynchronous(true);
    this.libraries = translated(() => openLibraries(found, (i, candidates) => this.context.openLibrary(i, candidates)));
    for (const {problem} of this.libraries) if (problem !== null) warnOnce(problem);
    found.operations.forEach(({name, takesHost}, index) => this.operations.set(name, {index, takesHost}));
    this.data = new DataStorage(this, engine());
  }

  // For kernels.

  /**
   * Runs an operation of the engine (native/cuda/ops) and returns its one output, a new tensor.
   *
   * Where all inputs are one-element tensors on the host and the operation takes such, an output of one
   * element stays on the host, too. A failed call leaves no tensor behind.
   */
  compute(operation: string, inputs: readonly TensorInfo[], output: TensorSpec, attributes: readonly number[] = []): TensorInfo {
    return this.computeAll(operation, inputs, [output], attributes)[0]!;
  }

  /** As `compute`, for matrix products and convolutions, which tfjs's flags of this backend are about. */
  computeProduct(operation: string, inputs: readonly TensorInfo[], output: TensorSpec, attributes: readonly number[]): TensorInfo {
    const products = productsOfFlags();
    if (products !== this.products) {
      translated(() => this.context.setProducts(products));
      this.products = products;
    }
    return this.compute(operation, inputs, output, attributes);
  }

  /** As `compute`, for operations of several outputs. */
  computeAll(name: string, inputs: readonly TensorInfo[], outputs: readonly TensorSpec[],
             attributes: readonly number[] = []): TensorInfo[] {
    const operation = this.find(name);
    const {command} = this;
    command.begin(operation.index, inputs.length, outputs.length, attributes.length);
    const onHost = this.writeInputs(inputs) && operation.takesHost;
    for (const {shape, dtype} of outputs) {
      command.tensor(onHost && util.sizeFromShape(shape as number[]) === 1 ? Place.OnHost : Place.New, 0, typeOf(dtype), shape);
    }
    this.send(command.attributes(attributes));
    return outputs.map(({shape, dtype}, i) => this.wrap(
        shape, dtype, command.place(inputs.length + i), command.value(inputs.length + i)));
  }

  /** Runs an operation that writes (parts of) outputs which exist, as `empty` made them. */
  computeInto(name: string, inputs: readonly TensorInfo[], outputs: readonly TensorInfo[],
              attributes: readonly number[] = []): void {
    const {command} = this;
    command.begin(this.find(name).index, inputs.length, outputs.length, attributes.length);
    this.writeInputs(inputs);
    for (const {dataId, shape, dtype} of outputs) {
      command.tensor(this.data.get(dataId).address, 0, typeOf(dtype as DeviceDtype), shape);
    }
    this.send(command.attributes(attributes));
  }

  /** A new tensor in device memory that nobody has written yet. */
  empty({shape, dtype}: TensorSpec): TensorInfo {
    const bytes = util.sizeFromShape(shape as number[]) * elementBytes(dtype);
    return this.wrap(shape, dtype, this.allocate(bytes), 0);
  }

  /** The same values under another shape: one reference more, no copy. */
  alias({dataId, dtype}: TensorInfo, shape: readonly number[]): TensorInfo {
    this.data.get(dataId).refCount++;
    return {dataId, shape: shape as number[], dtype};
  }

  /** Values that the kernel itself must know (indices, sizes): waits for the device where they are there. */
  values({dataId}: TensorInfo): DeviceArray {
    return this.readSync(dataId) as DeviceArray;
  }

  /** True where `values` need not wait for the device. */
  onHost({dataId}: TensorInfo): boolean {
    return this.data.get(dataId).address === Place.OnHost;
  }

  /** A new tensor of values from the host. */
  upload(values: DeviceArray, {shape, dtype}: TensorSpec): TensorInfo {
    return {dataId: this.write(values, shape as number[], dtype), shape: shape as number[], dtype};
  }

  /** Gives up one reference; for what a kernel made on the way. */
  release({dataId}: TensorInfo): void {
    this.disposeData(dataId);
  }

  /** The device memory of a tensor; one element that was on the host moves there for good. */
  address({dataId}: TensorInfo): number {
    const data = this.data.get(dataId);
    if (data.address === Place.OnHost) {
      data.address = this.uploaded(toArray(data.dtype as DeviceDtype, [data.value]));
    }
    return data.address;
  }

  /** A complex64 tensor that takes over one reference to each part. */
  complex(real: TensorInfo, imag: TensorInfo): TensorInfo {
    return this.record(real.shape, {
      dtype: 'complex64', size: util.sizeFromShape(real.shape), refCount: 1, address: Place.OnHost, value: 0, strings: null,
      complex: {real, imag},
    });
  }

  /** The parts of a complex64 tensor, which stay its own. */
  parts({dataId}: TensorInfo): {real: TensorInfo; imag: TensorInfo} {
    return this.data.get(dataId).complex!;
  }

  // What tfjs-core asks of a backend.

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    const data = {dtype, size: util.sizeFromShape(shape), refCount, address: Place.OnHost as number, value: 0, strings: null, complex: null};
    if (dtype === 'string') {
      this.data.set(dataId, {...data, strings: values as Uint8Array[]});
    } else if (dtype === 'complex64') {
      const parts = backend_util.splitRealAndImagArrays(values as Float32Array);
      const real = this.upload(parts.real, {shape, dtype: 'float32'});
      this.data.set(dataId, {...data, complex: {real, imag: this.upload(parts.imag, {shape, dtype: 'float32'})}});
    } else if (!isDeviceDtype(dtype)) {
      throw new TypeError(`dtype: expected float32, int32, bool, complex64 or string, received ${dtype}`);
    } else {
      const array = toArray(dtype, util.convertBackendValuesAndArrayBuffer(values, dtype) as ArrayLike<number>);
      if (data.size === 1) {
        this.data.set(dataId, {...data, value: array[0]!});
      } else {
        this.data.set(dataId, {...data, address: this.uploaded(array)});
      }
    }
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    const {dtype, size, address, complex} = this.data.get(dataId);
    if (complex !== null) {
      const [real, imag] = await Promise.all([this.read(complex.real.dataId), this.read(complex.imag.dataId)]);
      return backend_util.mergeRealAndImagArrays(real as Float32Array, imag as Float32Array);
    }
    if (address === Place.OnHost) return this.readSync(dataId);
    // The copy is on the stream before read returns, so that the tensor may be disposed of at once.
    const array = arrayOf(dtype as DeviceDtype, size);
    try {
      await this.context.downloadAsync(array, address);
    } catch (e) {
      throw translate(e);
    }
    return array;
  }

  override readSync(dataId: DataId): BackendValues {
    const {dtype, size, address, value, strings, complex} = this.data.get(dataId);
    if (strings !== null) return strings;
    if (complex !== null) {
      return backend_util.mergeRealAndImagArrays(
          this.readSync(complex.real.dataId) as Float32Array, this.readSync(complex.imag.dataId) as Float32Array);
    }
    if (address === Place.OnHost) return toArray(dtype as DeviceDtype, [value]);
    const array = arrayOf(dtype as DeviceDtype, size);
    try {
      this.context.download(array, address);
    } catch (e) {
      throw translate(e);
    }
    return array;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (this.disposed || !this.data.has(dataId)) return true;
    const data = this.data.get(dataId);
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    this.data.delete(dataId);
    if (data.complex !== null) {
      this.release(data.complex.real);
      this.release(data.complex.imag);
    }
    if (data.address !== Place.OnHost) this.free(data.address);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.data.get(dataId).refCount++;
  }

  override refCount(dataId: DataId): number {
    return this.data.has(dataId) ? this.data.get(dataId).refCount : 0;
  }

  override numDataIds(): number {
    return this.data.numDataIds();
  }

  override memory(): CudaMemoryInfo {
    const {used, peak, reserved, limit} = translated(() => this.context.memory());
    return {
      unreliable: false, numBytesInGPU: used, numBytesInGPUPeak: peak, numBytesInGPUReserved: reserved,
      numBytesInGPULimit: limit,
    };
  }

  override timerAvailable(): boolean {
    return true;
  }

  // Not async: in debug mode tfjs-core times kernels without waiting, and would lose what a kernel throws.
  override time(f: () => void): Promise<BackendTimingInfo> {
    try {
      const stop = this.context.startTimer();
      f();
      return Promise.resolve({kernelMs: stop()()});
    } catch (e) {
      throw translate(e);
    }
  }

  override floatPrecision(): 16|32 {
    return 32;
  }

  /** Frees all device memory and the stream; tensors that are left are gone. */
  override dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.context.destroy();
  }

  // Inside.

  private find(name: string): Operation {
    const operation = this.operations.get(name);
    if (operation === undefined) throw new Error(`the engine has no operation ${name}`);
    return operation;
  }

  /** Writes inputs into the command; true where all of them are on the host. */
  private writeInputs(inputs: readonly TensorInfo[]): boolean {
    let onHost = true;
    for (const {dataId, shape, dtype} of inputs) {
      const {address, value} = this.data.get(dataId);
      onHost &&= address === Place.OnHost;
      this.command.tensor(address, value, typeOf(dtype as DeviceDtype), shape);
    }
    return onHost;
  }

  private send(words: Float64Array): void {
    try {
      this.context.run(words);
    } catch (e) {
      throw translate(e);
    }
  }

  private allocate(bytes: number): number {
    try {
      return this.context.allocate(bytes);
    } catch (e) {
      throw translate(e);
    }
  }

  private uploaded(array: DeviceArray): number {
    const address = this.allocate(array.byteLength);
    try {
      if (array.byteLength > 0) this.context.upload(address, array);
    } catch (e) {
      this.free(address);
      throw translate(e);
    }
    return address;
  }

  private free(address: number): void {
    try {
      this.context.release(address);
    } catch (e) {
      // Memory of a lost device is gone with it; disposing of tensors must go on.
      const error = translate(e) as {code?: string};
      if (error.code !== 'DEVICE_LOST') throw error;
    }
  }

  private wrap(shape: readonly number[], dtype: DeviceDtype, address: number, value: number): TensorInfo {
    return this.record(shape, {
      dtype, size: util.sizeFromShape(shape as number[]), refCount: 1, address, value, strings: null, complex: null,
    });
  }

  private record(shape: readonly number[], data: Data): TensorInfo {
    const dataId = {};
    this.data.set(dataId, data);
    return {dataId, shape: shape as number[], dtype: data.dtype};
  }
}
