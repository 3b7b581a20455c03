// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// A child process of tfjs_node.ts: loads the tfjs-node in the folder that it is given, runs RBN once on it and
// prints what that came to as its last line.
import * as tf from '@tensorflow/tfjs-core';
import {devices, representativeBatchNorm} from '../index';
import type {ProbeResult} from './tfjs_node';

async function main(folder: string): Promise<void> {
  require(folder);
  await tf.setBackend('tensorflow');
  const params = {centerWeight: [0], scaleWeight: [0], scaleBias: [1]};
  representativeBatchNorm([[1]], params, {mean: [0], variance: [1]}).dataSync();
  const {tensorflow, missing} = devices();
  const result: ProbeResult = {tensorflow, missing};
  process.stdout.write(`\n${JSON.stringify(result)}\n`);
}

void main(process.argv[2]);
