// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What one RBN layer takes of the host's time on the backend `cuda`: from the call in TypeScript until its kernels are on
// the stream, which nobody waits for.
import * as tf from '@tensorflow/tfjs-core';
import * as rbn from '../../index';
import {Contestant, Effort, measure} from '../measure';

/** Microseconds a call. */
export interface HostTime {
  layer: number; // rbn.layers.representativeBatchNormalization, inference
  trainingLayer: number; // the same, training: moving statistics, too
  op: number; // rbn.representativeBatchNorm
}

// Of a sample: fewer launches than a stream takes before the host must wait (about a thousand).
const CALLS = 100;

/** The active backend is `cuda`. */
export async function measureHostTime(effort: Effort): Promise<HostTime> {
  const x = tf.randomNormal<tf.Rank.R4>([2, 2, 2, 8]); // its size is the device's business alone;
  const [centerWeight, scaleWeight, scaleBias, mean, variance] = [0.1, 0.2, 1, 0, 1].map(v => tf.fill<tf.Rank.R1>([8], v));
  const params = {centerWeight, scaleWeight, scaleBias};
  const layer = rbn.layers.representativeBatchNormalization();
  const contestant = (name: string, call: () => tf.Tensor): Contestant => ({
    name,
    sample: async samples => {
      const times = [];
      for (let i = 0; i < samples; ++i) {
        const drained = call();
        await drained.data();
        drained.dispose();
        const started = performance.now();
        for (let j = 0; j < CALLS; ++j) tf.tidy(call).dispose();
        times.push((performance.now() - started) / CALLS);
      }
      return times;
    },
  });
  const times = await measure([
    contestant('layer', () => layer.apply(x) as tf.Tensor),
    contestant('trainingLayer', () => layer.apply(x, {training: true}) as tf.Tensor),
    contestant('op', () => rbn.representativeBatchNorm(x, params, {mean, variance})),
  ], effort);
  layer.dispose();
  tf.dispose([x, ...Object.values(params), mean, variance]);
  const microseconds = (name: string) => 1000 * times.get(name)!.milliseconds;
  return {layer: microseconds('layer'), trainingLayer: microseconds('trainingLayer'), op: microseconds('op')};
}
