// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the composed forward and gradient kernels share, in tfjs ops that every backend has. Everything is
// taken from a pivot a channel, x[0, 0, c]: float32 sums of x itself would lose the digits that matter
// where the mean is thousands of standard deviations.
import {
  add, mean, mul, NamedTensorInfoMap, neg, reshape, rsqrt, scalar, sigmoid, slice, square, sub, Tensor,
} from '@tensorflow/tfjs-core';

import {RepresentativeBatchNormAttrs, Sizes, sizesOf} from '../../ops';

/** Inputs of both kernels, every vector in a shape that broadcasts along `view`. */
export interface Terms {
  sizes: Sizes;
  view: number[]; // [N, S, C] or [N, C, S]
  positionAxis: number;
  gamma: Tensor;
  beta: Tensor;
  centerWeight: Tensor;
  scaleWeight: Tensor;
  pivot: Tensor; // [1, 1, C] or [1, C, 1], like all of one value a channel
  meanFromPivot: Tensor; // k_n − pivot, [N, 1, C] or [N, C, 1]
  centred: Tensor; // x − k_n, shape of view
  variance: Tensor; // of x_c
  invStd: Tensor;
  batchMean: Tensor | null; // of x_c, in training
  deviation: Tensor | null; // k_n − k̄, in training
  standardizedMean: Tensor; // K_n
  gate: Tensor;
  closed: Tensor; // 1 − gate, which would lose its digits where the gate is wide open
}

/** meanFromPivot is left out in the forward pass and comes from its state afterwards. */
export function termsOf(
    inputs: NamedTensorInfoMap, attrs: RepresentativeBatchNormAttrs, savedMean?: Tensor): Terms {
  const tensors = inputs as {[name: string]: Tensor | undefined};
  const x = tensors.x!;
  const sizes = sizesOf(x.shape, attrs.axis);
  const {instances, positions, channels, channelsLast} = sizes;
  const view = channelsLast ? [instances, positions, channels] : [instances, channels, positions];
  const vector = channelsLast ? [1, 1, channels] : [1, channels, 1];
  const positionAxis = channelsLast ? 1 : 2;
  const [centerWeight, scaleWeight, scaleBias] =
      ['centerWeight', 'scaleWeight', 'scaleBias'].map((name) => reshape(tensors[name]!, vector));
  const gamma = tensors.gamma ? reshape(tensors.gamma, vector) : scalar(1);
  const beta = tensors.beta ? reshape(tensors.beta, vector) : scalar(0);
  const a = add(centerWeight, 1);

  const values = reshape(x, view);
  const pivot = slice(values, [0, 0, 0], vector);
  const fromPivot = sub(values, pivot);
  const perInstance = channelsLast ? [instances, 1, channels] : [instances, channels, 1];
  const meanFromPivot =
      savedMean ? reshape(savedMean, perInstance) : mean(fromPivot, positionAxis, true);
  const centred = sub(fromPivot, meanFromPivot);

  let variance: Tensor, centredMean: Tensor, batchMean: Tensor | null = null, deviation: Tensor | null = null;
  if (attrs.training) {
    const grandMean = mean(meanFromPivot, 0, true);
    deviation = sub(meanFromPivot, grandMean);
    centredMean = mul(a, deviation);
    batchMean = mul(a, add(pivot, grandMean));
    variance = tensors.variance ?
        reshape(tensors.variance, vector) :
        add(mean(mean(square(centred), positionAxis, true), 0, true),
            mul(square(a), mean(square(deviation), 0, true)));
  } else {
    // a·k − μ = a·(k − pivot) + (pivot − μ) + w_m·pivot, of which the last two all but cancel where the mean
    // is thousands of standard deviations: their rounding errors are carried along.
    const difference = exactDifference(pivot, reshape(tensors.mean!, vector));
    const product = exactProduct(centerWeight, pivot);
    const origin = add(add(difference.rounded, product.rounded), add(difference.error, product.error));
    centredMean = add(mul(a, meanFromPivot), origin);
    variance = reshape(tensors.variance!, vector);
  }
  const invStd = rsqrt(add(variance, attrs.epsilon));
  const standardizedMean = mul(centredMean, invStd);
  const logit = add(mul(scaleWeight, standardizedMean), scaleBias);
  const gate = sigmoid(logit), closed = sigmoid(neg(logit));
  return {
    sizes, view, positionAxis, gamma, beta, centerWeight, scaleWeight, pivot, meanFromPivot, centred, variance,
    invStd, batchMean, deviation, standardizedMean, gate, closed,
  };
}

/** γ·x_s·gate + β, in the shape of view; the gradient kernel asks for its sign again. */
export function normalized({centred, invStd, standardizedMean, gamma, gate, beta}: Terms): Tensor {
  return add(mul(add(mul(centred, invStd), standardizedMean), mul(gamma, gate)), beta);
}

/** A float32 result and what rounding took from it (per channel, so it costs next to nothing). */
interface Exact {
  rounded: Tensor;
  error: Tensor;
}

/** a − b, by Knuth's two-sum. */
function exactDifference(a: Tensor, b: Tensor): Exact {
  const rounded = sub(a, b);
  const part = sub(rounded, a);
  return {rounded, error: sub(sub(a, sub(rounded, part)), add(b, part))};
}

/** a·b, by Dekker's product of halves. */
function exactProduct(a: Tensor, b: Tensor): Exact {
  const rounded = mul(a, b);
  const [aHigh, aLow] = halves(a), [bHigh, bLow] = halves(b);
  const error = add(add(sub(mul(aHigh, bHigh), rounded), mul(aHigh, bLow)), add(mul(aLow, bHigh), mul(aLow, bLow)));
  return {rounded, error};
}

/** a as a sum of two numbers of 12 bits, by Veltkamp's split. */
function halves(a: Tensor): [Tensor, Tensor] {
  const scaled = mul(a, 4097); // 2¹² + 1
  const high = sub(scaled, sub(scaled, a));
  return [high, sub(a, high)];
}
