// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The benchmark of networks on small ones, in a process of its own, and what its result must have.
import * as assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';

import type {Plan} from '#dist/bench/network/bench';
import type {Mobilenet, Resnet} from '#dist/bench/network/networks';
import type {CaseResult, NetworkBenchResult, NetworkTimes} from '#dist/bench/network/result';

export const RESNET: Resnet = {kind: 'resnet', name: 'R', blocks: [1, 1], filters: 2, classes: 3};
const MOBILENET: Mobilenet = {
  kind: 'mobilenet', name: 'M', filters: 2, features: 4, classes: 3, groups: [{expansion: 2, filters: 2, blocks: 1, stride: 1}],
};
const SIZE = 8; // of which the second stage of RESNET leaves 1×1

export const RESNET_CASES: Plan = {network: RESNET, cases: [{training: true, batch: 2}, {training: false, batch: 1}]};
export const MOBILENET_CASES: Plan = {network: MOBILENET, cases: [{training: false, batch: 2}]};

/** In a process of its own: a benchmark puts tfjs into production mode. */
export function bench(backend: object, plans: Plan[], env: NodeJS.ProcessEnv): NetworkBenchResult {
  const {status, stdout, stderr} = spawnSync(process.execPath, ['-e', `
    require(${JSON.stringify(require.resolve('tfjs-rbn'))});
    const {benchNetworks} = require(${JSON.stringify(require.resolve('#dist/bench/network/bench'))});
    benchNetworks(${JSON.stringify(backend)}, ${JSON.stringify(plans)}, ${SIZE},
        {rounds: 2, roundMilliseconds: 1, warmUpMilliseconds: 1}, () => {}).then((result) => console.log(JSON.stringify(result)));`],
  {encoding: 'utf8', env});
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as NetworkBenchResult;
}

/** Every contestant of a case has its figures. */
export function complete(one: CaseResult, names: string[]): void {
  assert.deepEqual(one.failures, []);
  assert.deepEqual(Object.keys(one.times).sort(), [...names].sort());
  for (const [name, {each, row}] of Object.entries(one.times) as [string, NetworkTimes][]) {
    assert.ok(each.milliseconds > 0 && each.calls > 0, name);
    assert.equal(row === null, one.training && !name.startsWith('torch'), name);
    assert.ok(row === null || row.milliseconds > 0, name);
  }
  for (const norm of ['rbn', 'bn'] as const) {
    const share = one.scriptShares[norm]!, kernels = one.kernels[norm]!.map(({kernel}) => kernel);
    assert.ok(share > 0 && share <= 1, `${share}`);
    assert.equal(kernels.includes('RepresentativeBatchNorm'), norm === 'rbn');
    assert.equal(kernels.includes('RepresentativeBatchNormGrad'), norm === 'rbn' && one.training);
  }
  const {rbn, bn} = one.sizes;
  assert.ok(rbn.parameters > bn.parameters && rbn.multiplications === bn.multiplications && rbn.products === bn.products);
}
