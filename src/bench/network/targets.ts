// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a training step with RBN on the backend `cuda` is to reach of PyTorch's throughput on the same GPU. Told, not enforced.
import type {Backend} from '../../train/backend';
import type {Target} from '../target';
import {NetworkContestantName, NETWORK_CONTESTANTS, caseName} from './contestants';
import type {CaseResult} from './result';

const LEAST: [than: NetworkContestantName, what: string][] = [['torchRbn', 'goal'], ['torchBn', 'stretch']];

export function checkNetworkTargets(backend: Backend['name'], cases: readonly CaseResult[]): Target[] {
  if (backend !== 'cuda') return [];
  return cases.filter(({training}) => training).flatMap(one => LEAST.flatMap(([name, what]) => {
    const ours = one.times.rbn, theirs = one.times[name];
    if (ours === undefined || theirs === undefined) return [];
    const ratio = theirs.each.milliseconds / ours.each.milliseconds;
    // PyTorch need not read its loss in each step; trainOnBatch does.
    const unread = theirs.row === null ? '' : ` (${(theirs.row.milliseconds / ours.each.milliseconds).toFixed(2)} where it does not read its loss)`;
    return [{
      what: `${what}: images/s of ${NETWORK_CONTESTANTS.rbn}, as a multiple of ${NETWORK_CONTESTANTS[name]}, ${caseName(one)}`,
      limit: '≥ 1', measured: `${ratio.toFixed(2)}${unread}`, met: ratio >= 1,
    }];
  }));
}
