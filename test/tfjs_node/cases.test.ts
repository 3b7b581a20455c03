// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of cases on tfjs-node, by the public ops and tfjs's tape: as ops inside its TensorFlow, and on copies
// as where those can not be had. Every call must have gone the way that is tested.
import assert from 'node:assert/strict';

import {Case, testCases} from '../support/cases';
import {compare, PROMISED, sameBits} from '../support/criteria';
import {makeData} from '../support/data';
import {opLevel} from '../support/implementations';
import {reference} from '../support/reference';
import {withoutOps} from '../support/tensorflow_copies';
import {onTfjsNode, trace} from '../support/tfjs_node';

const cases = testCases();
const implementation = opLevel('tensorflow');

function check(c: Case): void {
  const data = makeData(c);
  const received = implementation.run(c, data);
  assert.equal(compare(c, reference(c, data), received, PROMISED), '');
  assert.equal(sameBits(received, implementation.run(c, data)), '', 'a second run');
}

describe('case table on tfjs-node', () => {
  onTfjsNode();

  describe('as ops of TensorFlow', () => {
    for (const c of cases) {
      if (!implementation.applies(c)) continue;
      it(c.name, () => {
        const before = trace();
        check(c);
        const {forwardCalls, backwardCalls} = trace();
        // Two runs, each with a forward pass alone and one under the tape.
        assert.deepEqual([forwardCalls - before.forwardCalls, backwardCalls - before.backwardCalls], [4, 2]);
      });
    }
  });

  describe('on copies', () => {
    for (const c of cases) {
      if (!implementation.applies(c)) continue;
      it(c.name, () => {
        const before = trace();
        withoutOps(() => check(c));
        assert.deepEqual(trace(), before);
      });
    }
  });
});
