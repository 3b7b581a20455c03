// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two ops as a user calls them, on tfjs's `cpu` backend.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

import {checkScenario, nameOf, SCENARIOS} from './support/scenarios';

describe('ops on cpu', () => {
  before(() => tf.setBackend('cpu'));

  describe('equal the definition, and their gradients its central differences', () => {
    // float32 rounding of values and sums near 1; dcenterWeight at S = 1 is a small rest.
    for (const scenario of SCENARIOS) it(nameOf(scenario), () => checkScenario(scenario, 1e-5));
  });
});
