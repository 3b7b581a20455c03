// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Builds what only a checkout needs for its tests: the engine on the CPU, the case runner, the simulator's test.
import {buildWithCmake} from './tools.mjs';

if (!await buildWithCmake('the simulated engine', 'simulator', {RBN_BUILD: 'simulator'})) process.exitCode = 1;
