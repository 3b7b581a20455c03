// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Batch normalization by the statistics of the batch: RBN without its calibration, by the same engine kernels; beside
// the result the moving statistics, moved on. Kernels of our own name, which src/layers runs for tf.layers' layer.
import {engine, registerGradient, Tensor, TensorInfo, zerosLike} from '@tensorflow/tfjs-core';

import {Activation, Layout, Plan, translated} from '../../binding';
import {BatchNormTraining, BatchNormTrainingAttrs, BatchNormTrainingGrad, sizesOf} from '../../ops';
import {stateFloats} from '../shared/decode';
import {CudaKernel, CudaKernels, KernelArguments} from './kernel';
import {NewTensors} from './new_tensors';

/** What every call of the engine begins with. */
function problemOf(x: TensorInfo, attrs: KernelArguments['attrs']) {
  const {axis, epsilon} = attrs as BatchNormTrainingAttrs, sizes = sizesOf(x.shape, axis);
  const layout = sizes.channelsLast ? Layout.ChannelsLast : Layout.ChannelsFirst;
  const {instances, positions, channels} = sizes;
  return {
    sizes, channels,
    problem: [Plan.Auto, instances, positions, channels, layout, true, Activation.Linear, epsilon] as const,
  };
}

const training: CudaKernel = ({inputs, attrs, backend}) => {
  const x = inputs.x!, moving = [inputs.movingMean!, inputs.movingVariance!];
  const {sizes, problem} = problemOf(x, attrs), {momentum, keepState} = attrs as BatchNormTrainingAttrs;
  return NewTensors.make(backend, (outputs) => {
    const y = outputs.floats(x.shape);
    const moved = moving.map(({shape}) => outputs.tensor(shape));
    const statistics = moving.map(({shape}) => outputs.tensor(shape));
    const state = keepState ? outputs.floats([stateFloats(sizes)]) : null;
    const [mean, variance] = statistics.map((info) => backend.address(info)) as [number, number];
    translated(() => backend.context.forward(
        ...problem, backend.address(x), null, backend.address(inputs.gamma!), backend.address(inputs.beta!),
        null, null, null, null, null, y, mean, variance, state, null));
    moving.forEach((info, i) =>
      backend.computeInto('MovingAverage', [statistics[i]!, info], [moved[i]!], [1 - momentum]));
  });
};

const trainingGrad: CudaKernel = ({inputs, attrs, backend}) => {
  const {dy, x, gamma, variance, state} = inputs as {[name: string]: TensorInfo};
  const {channels, problem} = problemOf(x!, attrs);
  return NewTensors.make(backend, (outputs) => {
    const dx = outputs.floats(x!.shape), dgamma = outputs.floats([channels]), dbeta = outputs.floats([channels]);
    translated(() => backend.context.backward(
        ...problem, backend.address(dy!), backend.address(x!), backend.address(gamma!), null, null, null, null,
        null, backend.address(variance!), backend.address(state!), null,
        dx, null, dgamma, dbeta, null, null, null));
  });
};

export const batchNormTrainingKernels: CudaKernels = {
  [BatchNormTraining]: training,
  [BatchNormTrainingGrad]: trainingGrad,
};

/** Once a process. */
export function registerBatchNormTrainingGradient(): void {
  registerGradient({
    kernelName: BatchNormTraining,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [false, false, false, false, true, true],
    gradFunc: (dys, [x, gamma, variance, state], attrs) => {
      const [dx, dgamma, dbeta] = engine().runKernel<Tensor[]>(
          BatchNormTrainingGrad, {dy: (dys as Tensor[])[0]!, x: x!, gamma: gamma!, variance: variance!, state: state!},
          attrs) as [Tensor, Tensor, Tensor];
      const none = () => zerosLike(variance!); // y does not depend on moving statistics
      return {x: () => dx, gamma: () => dgamma, beta: () => dbeta, movingMean: none, movingVariance: none};
    },
  });
}
