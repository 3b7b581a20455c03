// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// `tfjs-rbn bench-network --backend cuda`, on small networks: all of them runs on the device; on a GPU, PyTorch beside it.
import * as assert from 'node:assert/strict';

import {networkReport} from '#dist/bench/network/report';

import {bench, complete, MOBILENET_CASES, RESNET_CASES} from '../support/bench_network';
import {cudaEnvironment, testEngine} from '../support/cuda';

describe('the benchmark of networks on cuda', () => {
  it('runs on the device, without a fallback to the CPU', () => {
    const result = bench({name: 'cuda', engine: testEngine}, [RESNET_CASES, MOBILENET_CASES], {...cudaEnvironment(), RBN_STRICT: '1'});
    const torch = result.torch === null ? [] : ['torchRbn', 'torchBn'];
    assert.equal(result.cases.length, 3);
    for (const one of result.cases) complete(one, ['rbn', 'bn', ...torch]);
    assert.ok(result.cases[0]!.kernels.bn!.some(({kernel}) => kernel === 'BatchNormTraining'), 'tf.layers is fused');
    assert.deepEqual([result.fallbacks, result.targets.length], [[], torch.length]);
    assert.deepEqual(result.libraries.map(({name}) => name), ['cuBLAS', 'cuDNN']);
    const text = networkReport(result, 'tfjs-rbn bench-network', null);
    assert.match(text, /^All kernels of tfjs ran on the device\.$/m);
    assert.doesNotMatch(text, /NaN|undefined/);
    if (testEngine !== 'simulator') return;
    assert.equal(result.withoutTorch, 'it does not run on the simulator');
    assert.match(text, /^# Whole networks on the simulator: these times mean nothing$/m);
    assert.match(text, /cuBLAS off, cuDNN off\. Without PyTorch: it does not run on the simulator\./);
  }).timeout(120000);
});
