// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// One call of an operation of the engine as numbers in one array, as native/addon/run.cc reads it: a value
// that crosses to C++ by itself costs as much as a dozen that cross together.

/** As RbnTensorType in native/cuda/engine.h. */
export const enum TensorType {
  Float32 = 0,
  Int32 = 1,
  Bool = 2,
}

/** Where a tensor is: a device address, or one of these. */
export const enum Place {
  OnHost = 0, // one element, which travels in the command
  New = -1, // an output that the call allocates
}

const HEADER = 4; // operation, inputs, outputs, attributes
const MAX_RANK = 8;
const TENSOR = 4 + MAX_RANK; // place, value, dtype, rank, shape

/** A command that is written, sent and read again and again. */
export class Command {
  private words = new Float64Array(HEADER + 8 * TENSOR + 64);
  private end = 0;

  /** Begins a call. Then come `tensor` for each input and each output, then `attributes`. */
  begin(operation: number, inputs: number, outputs: number, attributes: number): void {
    const length = HEADER + (inputs + outputs) * TENSOR + attributes;
    if (length > this.words.length) this.words = new Float64Array(2 * length);
    this.words[0] = operation;
    this.words[1] = inputs;
    this.words[2] = outputs;
    this.words[3] = attributes;
    this.end = HEADER;
  }

  tensor(place: number, value: number, dtype: TensorType, shape: readonly number[]): void {
    const {words, end} = this;
    words[end] = place;
    words[end + 1] = value;
    words[end + 2] = dtype;
    words[end + 3] = shape.length;
    for (let i = 0; i < shape.length && i < MAX_RANK; i++) words[end + 4 + i] = shape[i]!;
    this.end = end + TENSOR;
  }

  /** Ends the call; the result is what `EngineContext.run` takes. */
  attributes(values: readonly number[]): Float64Array {
    for (let i = 0; i < values.length; i++) this.words[this.end + i] = values[i]!;
    return this.words;
  }

  /** The address, or Place.OnHost, that tensor `i` (inputs first) has after the call. */
  place(i: number): number {
    return this.words[HEADER + i * TENSOR]!;
  }

  /** The value of tensor `i` where it is on the host. */
  value(i: number): number {
    return this.words[HEADER + i * TENSOR + 1]!;
  }
}
