// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which tfjs backend a command runs on: the one that is asked for, or the fastest that is there. What is asked for
// and can not be had is an error; where nothing was asked for and something is broken, that is said.
import {devices, RbnError} from '../binding';
import type {Backend} from '../train/backend';
import {choiceOption, Values} from './options';
import {describeTfjsNode, NOT_INSTALLED, probeTfjsNode} from './tfjs_node';

export const BACKENDS = ['cpu', 'tensorflow'] as const;

export interface Choice {
  backend: Backend;
  /** For a line of output: the backend and what stands behind it. */
  description: string;
  /** What kept a better backend from being used, with the next command; '' where nothing did. */
  warning: string;
}

export const CPU: Choice = {backend: {name: 'cpu'}, description: 'cpu', warning: ''};

/** By --backend, or by itself: tfjs-node where it is installed, loads, and there is no GPU; else cpu. */
export function chooseBackend(values: Values): Choice {
  const asked = values.backend === undefined ? null : choiceOption(values, 'backend', BACKENDS, 'cpu');
  if (asked === 'cpu' || (asked === null && devices().gpus.length > 0)) return CPU;
  const found = probeTfjsNode();
  const {path, way, problem} = found;
  if (path === null || way === null) {
    if (asked !== null) throw new RbnError(problem ?? NOT_INSTALLED);
    return problem === null ? CPU :
        {...CPU, warning: `${problem.message}\nTraining runs on the backend cpu instead, which is slower.\nNext: ${problem.next}`};
  }
  const warning = problem === null ? '' : `${problem.message}\nNext: ${problem.next}`;
  return {backend: {name: 'tensorflow', tfjsNode: path}, description: `tensorflow: tfjs-node ${describeTfjsNode(found)}`, warning};
}
