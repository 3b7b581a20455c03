// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Every implementation of RBN behind one interface: a case and its data in, all outputs and gradients out.
// Kernel level (arrays, with the arguments of native/rbn/problem.h) or op level (tensors and tfjs's tape).
import * as tf from '@tensorflow/tfjs-core';
import {
  Activation, BackwardArguments, DeviceAddress, EngineContext, ForwardArguments, HostArray, Isa, Layout, NativeAddon,
  Plan,
} from '#dist/binding/native';
import * as rbn from 'tfjs-rbn';

import {Case, hasNativeLayout} from './cases';
import {Outputs, PROMISED, Tolerances} from './criteria';
import {CaseData} from './data';

/** A forward and a backward pass whose buffers are there, to be run again and again. */
export interface Prepared {
  call(): void;
  outputs(): Outputs; // of the last call, which it waits for
  end(): void;
}

export interface Implementation {
  name: string;
  tolerances(c: Case): Tolerances;
  applies(c: Case): boolean;
  run(c: Case, data: CaseData): Outputs;
}

type Forward = NativeAddon['cpuForward'];
type Backward = NativeAddon['cpuBackward'];

/** The sizes that kernels are called with, and of what they write beside the outputs. */
function problemOf(c: Case) {
  const layout = c.after === 1 ? Layout.ChannelsLast : Layout.ChannelsFirst;
  const row = layout === Layout.ChannelsLast ? c.channels : c.positions;
  const rows = c.instances * (layout === Layout.ChannelsLast ? c.positions : c.channels);
  return {
    sizes: [c.instances, c.positions, c.channels, layout, c.training, c.relu ? Activation.Relu : Activation.Linear,
      c.epsilon] as const,
    stateFloats: c.positions === 1 ? 2 * c.channels : 4 * c.instances * c.channels,
    maskBytes: c.relu && c.residual ? rows * Math.ceil(row / 8) : null,
  };
}

/** Arrays begin as NaN, so that an element that is not written is seen. */
const unwritten = (length: number) => new Float32Array(length).fill(NaN);

/** An implementation whose passes can be prepared. */
export interface KernelLevel extends Implementation {
  prepare(c: Case, data: CaseData): Prepared;
}

/** Functions with the arguments of the addon's cpuForward and cpuBackward. */
export function kernelLevel(name: string, forward: Forward, backward: Backward, threads = 0): KernelLevel {
  return {
    name,
    tolerances: () => PROMISED,
    applies: hasNativeLayout,
    run(c, d) {
      const before = JSON.stringify(d);
      const {call, outputs} = this.prepare(c, d);
      call();
      if (JSON.stringify(d) !== before) throw new Error('an input was written to');
      return outputs();
    },
    prepare(c, d) {
      const {sizes, stateFloats, maskBytes} = problemOf(c);
      const vector = () => unwritten(c.channels);
      const y = unwritten(c.elements), state = unwritten(stateFloats);
      const mean = c.training ? vector() : null, variance = c.training ? vector() : null;
      const mask = maskBytes === null ? null : new Uint8Array(maskBytes).fill(0xff);
      const dx = unwritten(c.elements), dresidual = mask && unwritten(c.elements);
      const dgamma = d.gamma && vector(), dbeta = d.beta && vector();
      const dcenterWeight = vector(), dscaleWeight = vector(), dscaleBias = vector();
      return {
        call() {
          forward(threads, ...sizes, d.x, d.residual, d.gamma, d.beta, d.centerWeight, d.scaleWeight, d.scaleBias,
              d.givenMean, d.givenVariance, y, mean, variance, state, mask);
          backward(threads, ...sizes, d.dy, d.x, d.gamma, d.beta, d.centerWeight, d.scaleWeight, d.scaleBias,
              d.givenMean, variance ?? d.givenVariance!, state, mask, dx, dresidual, dgamma, dbeta, dcenterWeight,
              dscaleWeight, dscaleBias);
        },
        outputs: () => ({y, mean, variance, dx, dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias}),
        end() {},
      };
    },
  };
}

/** native/cpu through the addon, on so many threads and with one instruction set. */
export function nativeCpu(addon: NativeAddon, isa: Isa, threads: number): Implementation {
  const name = `native CPU, ${isa}, ${threads} threads`;
  const level = kernelLevel(name, addon.cpuForward, addon.cpuBackward, threads);
  return {
    name,
    tolerances: level.tolerances,
    applies: level.applies,
    run(c, d) {
      const before = addon.currentIsa();
      addon.setIsa(isa);
      try {
        return level.run(c, d);
      } finally {
        addon.setIsa(before);
      }
    },
  };
}

/** An engine, on buffers of its device. */
export function engineLevel(context: EngineContext, kind: string): KernelLevel {
  return {
    name: `engine '${kind}'`,
    tolerances: () => PROMISED,
    applies: hasNativeLayout,
    run(c, d) {
      const {call, outputs, end} = this.prepare(c, d);
      try {
        call();
        return outputs();
      } finally {
        end();
      }
    },
    prepare(c, d) {
      const buffers = new Map<DeviceAddress, number>(); // their bytes
      const {sizes, stateFloats, maskBytes} = problemOf(c);
      const device = <T extends HostArray | null>(array: T) => {
        if (array === null) return null as T extends null ? null : DeviceAddress;
        const buffer = context.allocate(array.byteLength);
        buffers.set(buffer, array.byteLength);
        context.upload(buffer, array);
        return buffer as T extends null ? null : DeviceAddress;
      };
      const fetch = <T extends DeviceAddress | null>(buffer: T) => {
        if (buffer === null) return null as T extends null ? null : Float32Array;
        const array = unwritten(buffers.get(buffer)! / 4);
        context.download(array, buffer);
        return array as unknown as T extends null ? null : Float32Array;
      };
      const vector = () => device(unwritten(c.channels));
      const end = () => {
        for (const buffer of buffers.keys()) context.release(buffer);
      };
      try {
        const x = device(d.x), gamma = device(d.gamma), beta = device(d.beta);
        const parameters = [gamma, beta, device(d.centerWeight), device(d.scaleWeight), device(d.scaleBias)] as const;
        const givenMean = device(d.givenMean), givenVariance = device(d.givenVariance);
        const y = device(unwritten(c.elements)), state = device(unwritten(stateFloats));
        const mean = c.training ? vector() : null, variance = c.training ? vector() : null;
        const mask = maskBytes === null ? null : device(new Uint8Array(maskBytes).fill(0xff));
        const forward: ForwardArguments<DeviceAddress, DeviceAddress> =
            [...sizes, x, device(d.residual), ...parameters, givenMean, givenVariance, y, mean, variance, state, mask];
        const dx = device(unwritten(c.elements)), dresidual = mask && device(unwritten(c.elements));
        const dgamma = gamma && vector(), dbeta = beta && vector();
        const dcenterWeight = vector(), dscaleWeight = vector(), dscaleBias = vector();
        const backward: BackwardArguments<DeviceAddress, DeviceAddress> =
            [...sizes, device(d.dy), x, ...parameters, givenMean, variance ?? givenVariance!, state, mask, dx,
              dresidual, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias];
        return {
          call() {
            context.forward(Plan.Auto, ...forward);
            context.backward(Plan.Auto, ...backward);
          },
          outputs: () => ({
            y: fetch(y), mean: fetch(mean), variance: fetch(variance), dx: fetch(dx), dresidual: fetch(dresidual),
            dgamma: fetch(dgamma), dbeta: fetch(dbeta), dcenterWeight: fetch(dcenterWeight),
            dscaleWeight: fetch(dscaleWeight), dscaleBias: fetch(dscaleBias),
          }),
          end,
        };
      } catch (e) {
        end();
        throw e;
      }
    },
  };
}

/** The public ops on a tfjs backend, with tf's tape for the gradients. The backend must be registered. */
export function opLevel(backendName: string, tolerances = (_: Case) => PROMISED): Implementation {
  return {
    name: `ops on ${backendName}`,
    tolerances,
    applies: (c) => !(c.training && c.elements === 0),
    run(c, d) {
      tf.setBackend(backendName);
      tf.engine().startScope();
      try {
        const vector = (values: Float32Array) => tf.tensor1d(values, 'float32');
        const names = ['x', 'centerWeight', 'scaleWeight', 'scaleBias'];
        const values = [
          tf.tensor(d.x, c.shape, 'float32'), vector(d.centerWeight), vector(d.scaleWeight), vector(d.scaleBias),
        ];
        if (d.gamma !== null && d.beta !== null) {
          names.push('gamma', 'beta');
          values.push(vector(d.gamma), vector(d.beta));
        }
        if (d.residual !== null) {
          names.push('residual');
          values.push(tf.tensor(d.residual, c.shape, 'float32'));
        }
        const statistics: {mean?: tf.Tensor1D; variance?: tf.Tensor1D} = {};
        const run = (...inputs: tf.Tensor[]) => {
          const {x, residual, ...parameters} = Object.fromEntries(names.map((name, i) => [name, inputs[i]]));
          const params = parameters as unknown as rbn.RbnParams;
          const options: rbn.RbnOptions =
              {epsilon: c.epsilon, axis: c.axis, activation: c.relu ? 'relu' : 'linear', residual};
          if (d.givenMean !== null && d.givenVariance !== null) {
            return rbn.representativeBatchNorm(x, params,
                {mean: vector(d.givenMean), variance: vector(d.givenVariance), ...options});
          }
          const {output, mean, variance} = rbn.representativeBatchNormTraining(x, params, options);
          Object.assign(statistics, {mean, variance});
          return output;
        };
        const dy = tf.tensor(d.dy, c.shape, 'float32');
        const y = run(...values).dataSync().slice() as Float32Array;
        const read = (tensor?: tf.Tensor) => tensor === undefined ? null : tensor.dataSync().slice() as Float32Array;
        const mean = read(statistics.mean), variance = read(statistics.variance);
        const gradients = tf.grads(run)(values, dy);
        const gradient = (name: string) => names.includes(name) ? read(gradients[names.indexOf(name)]) : null;
        return {
          y,
          mean,
          variance,
          dx: gradient('x')!,
          dresidual: gradient('residual'),
          dgamma: gradient('gamma'),
          dbeta: gradient('beta'),
          dcenterWeight: gradient('centerWeight')!,
          dscaleWeight: gradient('scaleWeight')!,
          dscaleBias: gradient('scaleBias')!,
        };
      } finally {
        tf.engine().endScope();
      }
    },
  };
}
