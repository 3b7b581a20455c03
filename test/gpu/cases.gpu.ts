// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The table of cases on a GPU, through the addon. `npm run test:gpu` runs this; it fails where there is no
// GPU, because a skipped test would look like a passed one.
import * as assert from 'node:assert/strict';

import {createContext, openEngine, settings} from '#dist/binding/index';
import type {EngineContext} from '#dist/binding/native';

import {testCases} from '../support/cases';
import {compare, PROMISED, sameBits} from '../support/criteria';
import {makeData} from '../support/data';
import {engineLevel, Implementation} from '../support/implementations';
import {reference} from '../support/reference';

describe('case table on a GPU', () => {
  let context: EngineContext, implementation: Implementation;
  before(() => {
    assert.equal(settings().engine, 'cuda', 'RBN_ENGINE');
    context = createContext(openEngine(), 0);
    implementation = engineLevel(context, 'cuda');
  });
  after(() => context?.destroy());

  for (const c of testCases()) {
    if (c.before !== 1 && c.after !== 1) continue; // needs a transpose, which is the op's
    it(c.name, () => {
      const data = makeData(c), received = implementation.run(c, data);
      assert.equal(compare(c, reference(c, data), received, PROMISED), '');
      assert.equal(sameBits(received, implementation.run(c, data)), '', 'a second run');
    });
  }
});
