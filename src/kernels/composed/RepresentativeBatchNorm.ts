// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The forward kernel composed of tfjs ops, for every backend that has none of its own. Slower, always right.
import {add, cast, greater, KernelFunc, relu, reshape, Tensor, tidy, zeros} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNormAttrs} from '../../ops';
import {normalized, termsOf} from './terms';

export const representativeBatchNorm: KernelFunc = ({inputs, attrs: namedAttrs}) => tidy(() => {
  const attrs = namedAttrs as RepresentativeBatchNormAttrs;
  const {activation, training, keepState = true} = attrs;
  const x = inputs.x as Tensor, residual = inputs.residual as Tensor | undefined;
  const hasMask = keepState && activation === 'relu' && residual !== undefined;
  if (x.size === 0) {
    // Given statistics only: the op refuses an empty batch in training.
    const outputs = [zeros(x.shape)];
    if (keepState) outputs.push(zeros([0]));
    if (hasMask) outputs.push(zeros([0], 'int32'));
    return outputs;
  }

  const terms = termsOf(inputs, attrs);
  let y = reshape(normalized(terms), x.shape);
  if (residual !== undefined) y = add(y, residual);
  const mask = hasMask ? cast(greater(y, 0), 'int32') : null;
  if (activation === 'relu') y = relu(y);

  const outputs: Tensor[] = [y];
  const {channels} = terms.sizes;
  if (training) outputs.push(reshape(terms.batchMean!, [channels]), reshape(terms.variance, [channels]));
  if (keepState) outputs.push(reshape(terms.meanFromPivot, [-1]));
  if (mask !== null) outputs.push(mask);
  return outputs;
});
