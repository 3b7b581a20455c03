// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Who is timed in a benchmark of a whole network: tf.layers in this process and PyTorch in its own, each with RBN and
// with BatchNorm. A call ends when its result, the loss or the output, is on the host; of calls in a row only the last.
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type {Norm} from '../../train/network';
import type {Contestant} from '../measure';
import type {TorchPeer} from '../torch_peer';
import {Network, networkSize, NetworkSize} from './networks';
import {timed} from './profile';

export const NETWORK_CONTESTANTS = {
  rbn: 'tfjs, RBN',
  bn: 'tfjs, tf.layers.batchNormalization',
  torchRbn: 'PyTorch, RBN op by op',
  torchBn: 'PyTorch, BatchNorm2d',
} as const;

export type NetworkContestantName = keyof typeof NETWORK_CONTESTANTS;

/** One thing that is measured of a network. */
export interface Case {
  network: Network;
  /** A step of training, else a forward pass. */
  training: boolean;
  batch: number;
  size: number; // height and width of an image
}

export function caseName({network, training, batch, size}: Case): string {
  return `${network.name}, ${training ? 'training' : 'inference'}, batch ${batch}, ${size}x${size}`;
}

/** In this process; its tensors live as long as the scope that it is created in. */
export class LocalNetwork {
  /** Of each call that was timed alone: the part until JavaScript had nothing left to do but wait. */
  readonly scriptShares: number[] = [];
  private readonly x: tf.Tensor;
  private readonly labels: tf.Tensor;

  constructor(private readonly name: NetworkContestantName, private readonly model: tfl.LayersModel,
              {network, training, batch, size}: Case) {
    this.x = tf.randomNormal([batch, size, size, 3]);
    this.labels = tf.oneHot(Array.from({length: batch}, (_, i) => i % network.classes), network.classes);
    this.call = training ? this.train : this.predict;
  }

  readonly call: () => Promise<void>;

  each(): Contestant {
    return {
      name: this.name,
      sample: async calls => {
        const times: number[] = [];
        for (let i = 0; i < calls; ++i) {
          const {milliseconds, javascript} = await timed(this.call);
          times.push(milliseconds);
          this.scriptShares.push(javascript / milliseconds);
        }
        return times;
      },
    };
  }

  /** Forward passes alone: `trainOnBatch` reads its loss. */
  inARow(): Contestant {
    return {
      name: inARow(this.name),
      sample: async calls => {
        const {milliseconds} = await timed(async () => {
          for (let i = 1; i < calls; ++i) (this.model.predictOnBatch(this.x) as tf.Tensor).dispose();
          await this.predict();
        });
        return new Array<number>(calls).fill(milliseconds / calls);
      },
    };
  }

  private readonly train = async (): Promise<void> => {
    await this.model.trainOnBatch(this.x, this.labels);
  };

  private readonly predict = async (): Promise<void> => {
    const y = this.model.predictOnBatch(this.x) as tf.Tensor;
    await y.data();
    y.dispose();
  };
}

/** In PyTorch's process: both ways of calling it. Throws where its network is not the one of `model`. */
export async function torchNetwork(peer: TorchPeer, name: NetworkContestantName, norm: Norm, model: tfl.LayersModel,
                                   {network, training, batch, size}: Case): Promise<Contestant[]> {
  const theirs = await peer.ask<NetworkSize>({slot: name, network: {network, norm, size, batch, training}}), ours = networkSize(model);
  for (const count of Object.keys(ours) as (keyof NetworkSize)[]) {
    if (theirs[count] !== ours[count]) {
      throw new Error(`${network.name} with ${norm}: expected as many ${count} in PyTorch as in tf.layers, ${ours[count]}, received ${theirs[count]}`);
    }
  }
  const sample = (row: boolean) => async (calls: number) => (await peer.ask<{milliseconds: number[]}>({slot: name, calls, row})).milliseconds;
  return [{name, sample: sample(false)}, {name: inARow(name), sample: sample(true)}];
}

/** What a contestant is called where its calls are in a row. */
export function inARow(name: NetworkContestantName): string {
  return `${name} in a row`;
}
