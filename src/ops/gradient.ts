// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient of RepresentativeBatchNorm for tfjs's tape: what is saved, and the one call of the gradient
// kernel that answers for all inputs.
import {engine, GradConfig, NamedAttrMap, NamedTensorMap, Tensor} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNorm, RepresentativeBatchNormAttrs, RepresentativeBatchNormGrad} from './kernel_names';

const PARAMETERS = ['x', 'gamma', 'beta', 'centerWeight', 'scaleWeight', 'scaleBias'];
const GIVEN_STATISTICS = ['mean', 'variance'];

/**
 * The tape saves inputs by name and fails on one that is left out; some of ours are optional. All it does
 * with the list is to map it to tensors. So gamma or beta, where absent, are saved as x once more (a
 * reference, no copy) and recognised by their rank: x has at least 2, a parameter has 1. Statistics are
 * saved where they are given; in training those of the batch take their places, as the first outputs saved.
 */
const inputsToSave: string[] = Object.assign([...PARAMETERS, ...GIVEN_STATISTICS], {
  map: <T>(tensorOf: (name: string) => T) => [
    ...PARAMETERS.map((name) => tensorOf(name) ?? tensorOf('x')),
    ...GIVEN_STATISTICS.map((name) => tensorOf(name)).filter((tensor) => tensor != null),
  ],
});

export const representativeBatchNormGradConfig: GradConfig = {
  kernelName: RepresentativeBatchNorm,
  inputsToSave,
  outputsToSave: [false, true, true, true, true], // all but y, whatever their number
  gradFunc: (dys: Tensor | Tensor[], saved: Tensor[], namedAttrs: NamedAttrMap) => {
    const attrs = namedAttrs as RepresentativeBatchNormAttrs;
    const dy = Array.isArray(dys) ? dys[0] : dys;
    const [x, gamma, beta, centerWeight, scaleWeight, scaleBias, mean, variance, state, mask] = saved;
    if (state === undefined) {
      throw new Error(`${RepresentativeBatchNorm}: no gradient, because the kernel was run with keepState: false`);
    }
    const inputs: NamedTensorMap = {dy, x, centerWeight, scaleWeight, scaleBias, variance, state};
    if (gamma.rank === 1) inputs.gamma = gamma;
    if (beta.rank === 1) inputs.beta = beta;
    if (!attrs.training) inputs.mean = mean;
    if (mask !== undefined) inputs.mask = mask;

    const [dx, dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias, dresidual] =
        engine().runKernel<Tensor[]>(RepresentativeBatchNormGrad, inputs, attrs);
    return {
      x: () => dx,
      gamma: () => dgamma,
      beta: () => dbeta,
      centerWeight: () => dcenterWeight,
      scaleWeight: () => dscaleWeight,
      scaleBias: () => dscaleBias,
      mean: () => refuse('mean'),
      variance: () => refuse('variance'),
      // The tape disposes a gradient that it adds up with another: it must not be dy itself.
      residual: () => dresidual ?? dy.clone(),
    };
  },
};

function refuse(name: string): never {
  // The tape frees what it saved only when it comes to its end.
  const {activeTape, gradientDepth} = engine().state;
  if (gradientDepth === 0) {
    for (const node of activeTape) node.saved?.forEach((tensor) => tensor.dispose());
  }
  throw new Error(`${name}: given statistics have no gradient; use representativeBatchNormTraining ` +
      'to differentiate through the statistics of the batch');
}
