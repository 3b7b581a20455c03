// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The gradient kernel composed of tfjs ops, for every backend that has none of its own.
import {
  add, cast, div, greater, KernelFunc, mul, pow, reshape, Tensor, sub, sum, tidy, zeros,
} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNormAttrs} from '../../ops';
import {normalized, termsOf} from './terms';

export const representativeBatchNormGrad: KernelFunc = ({inputs, attrs: namedAttrs}) => tidy(() => {
  const attrs = namedAttrs as RepresentativeBatchNormAttrs;
  const {activation, training, epsilon} = attrs;
  const x = inputs.x as Tensor, mask = inputs.mask as Tensor | undefined;
  if (x.size === 0) {
    const vectors = Array.from({length: 5}, () => zeros((inputs.centerWeight as Tensor).shape));
    return [zeros(x.shape), ...vectors, ...(mask ? [zeros(x.shape)] : [])];
  }

  const terms = termsOf(inputs, attrs, inputs.state as Tensor);
  const {view, positionAxis, gamma, centerWeight, scaleWeight, centred, invStd, gate, closed} = terms;
  const K = terms.standardizedMean;
  const {instances, positions, channels} = terms.sizes;
  let G = reshape(inputs.dy as Tensor, view);
  if (activation === 'relu') {
    const passes = mask ? reshape(mask, view) : greater(normalized(terms), 0);
    G = mul(G, cast(passes, 'float32'));
  }

  const overInstances = (t: Tensor) => sum(t, 0, true);
  const D = sum(G, positionAxis, true);
  const T = sum(mul(G, centred), positionAxis, true);
  const E = add(mul(invStd, T), mul(K, D));
  const q = mul(mul(gamma, E), mul(gate, closed));
  const H = add(mul(gamma, mul(gate, D)), mul(scaleWeight, q));
  const dgamma = overInstances(mul(gate, E));
  const dbeta = overInstances(D);
  const dscaleBias = overInstances(q);
  const dscaleWeight = overInstances(mul(q, K));

  // dL/dx_c = scale·(dL/dx_s − m1 − x_s·m2). m1 and m2 are how the loss moves with the batch's mean and
  // variance; nothing moves with given statistics. Of two elements both x_s² are 1 − ε·r²: what the term of m2
  // leaves is put into the scale.
  const elements = instances * positions, pair = training && elements === 2;
  const rest = () => mul(epsilon, pow(invStd, 3)); // ε·r³
  const scale = pair ? rest() : invStd;
  const m1 = training ? div(overInstances(H), elements) : 0;
  const m2 = training && !pair ?
      div(add(mul(gamma, dgamma), mul(scaleWeight, dscaleWeight)), elements) : 0;
  const batch = add(m1, mul(m2, K)); // m1 + K·m2
  const U = mul(scale, sub(H, mul(positions, batch)));
  let dcenterWeight: Tensor;
  if (!training) {
    dcenterWeight = overInstances(mul(add(terms.meanFromPivot, terms.pivot), U));
  } else if (positions === 1) {
    // The closed form: Σ (k_n − k̄)·U_n cancels to that small rest.
    dcenterWeight = mul(rest(), overInstances(mul(H, terms.deviation!)));
  } else {
    dcenterWeight = overInstances(mul(terms.deviation!, U));
  }

  let dx: Tensor;
  if (positions === 1) {
    dx = mul(add(centerWeight, 1), U); // every element is an instance
  } else {
    const P = mul(scale, mul(gamma, gate));
    const R = add(mul(scale, sub(mul(scaleWeight, div(q, positions)), batch)), mul(div(centerWeight, positions), U));
    dx = add(mul(P, G), R);
    if (training) dx = sub(dx, mul(mul(mul(scale, invStd), m2), centred));
  }

  const vectors = [dgamma, dbeta, dcenterWeight, dscaleWeight, dscaleBias];
  const outputs = [reshape(dx, x.shape), ...vectors.map((v) => reshape(v, [channels]))];
  if (mask) outputs.push(reshape(G, x.shape));
  return outputs;
});
