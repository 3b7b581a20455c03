// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Which tfjs backend a command runs on: the one that is asked for, or the fastest that is there. What is asked for
// and can not be had is an error; where nothing was asked for and something is broken, that is said.
import {createContext, devices, openEngine, RbnError, settings} from '../binding';
import type {Backend} from '../train/backend';
import {choiceOption, Values} from './options';
import {describeTfjsNode, NOT_INSTALLED, probeTfjsNode} from './tfjs_node';

export const BACKENDS = ['cuda', 'tensorflow', 'cpu'] as const;

export interface Choice {
  backend: Backend;
  /** For a line of output: the backend and what stands behind it. */
  description: string;
  /** What kept better backends from being used, or this one from being as fast as it can, with the next command. */
  warnings: string[];
}

export const CPU: Choice = {backend: {name: 'cpu'}, description: 'cpu', warnings: []};

/** By --backend, or by itself: a GPU where there is one, else tfjs-node where it is installed, else cpu. */
export function chooseBackend(values: Values): Choice {
  if (values.backend === undefined) return firstThatWorks([() => hasGpu() ? cuda() : null, tensorflow, () => CPU]);
  const asked = choiceOption(values, 'backend', BACKENDS, 'cpu');
  if (asked === 'cpu') return CPU;
  if (asked === 'cuda') return cuda();
  const found = tensorflow();
  if (found === null) throw new RbnError(NOT_INSTALLED);
  return found;
}

/** For benchmarks. */
export function refuseSimulator(command: string, backend: Backend): void {
  if (backend.name !== 'cuda' || backend.engine !== 'simulator') return;
  throw new Error(`${command}: expected a GPU; RBN_ENGINE asks for the simulator, which runs CUDA code on the CPU, so that its times say ` +
      'nothing of a GPU\'s. Next: unset RBN_ENGINE');
}

/** Of ways to find a backend, the first that finds one; what is there but broken becomes a warning. */
export function firstThatWorks(ways: (() => Choice | null)[]): Choice {
  const broken: RbnError[] = [];
  for (const find of ways) {
    try {
      const choice = find();
      if (choice === null) continue;
      const instead = broken.map(({message}) => `${message}\nThe backend ${choice.backend.name} does the work instead, which is slower.`);
      return {...choice, warnings: [...instead, ...choice.warnings]};
    } catch (error) {
      if (!(error instanceof RbnError)) throw error;
      broken.push(error);
    }
  }
  throw broken[0];
}

/** A GPU or its driver, be they of use or not. The simulator is none: it runs only where it is asked for. */
function hasGpu(): boolean {
  const {driver, engine, gpus} = devices();
  return engine.kind === 'cuda' && (driver.version !== null || gpus.length > 0);
}

/** The GPU that RBN_DEVICE names, opened to see that it works; throws the RbnError that the backend `cuda` would. */
function cuda(): Choice {
  const {device} = settings();
  createContext(openEngine(), device).destroy();
  const {engine: {kind}, gpus} = devices();
  if (kind === 'cuda') return {backend: {name: 'cuda', engine: kind}, description: `cuda: ${gpus[device].name}`, warnings: []};
  const warning = 'RBN_ENGINE asks for the simulator, a test device on the CPU: the times below mean nothing';
  return {backend: {name: 'cuda', engine: kind}, description: 'cuda: the simulator', warnings: [warning]};
}

/** tfjs-node; null where it is not installed; throws the reason where it does not load. */
function tensorflow(): Choice | null {
  const found = probeTfjsNode();
  const {path, way, problem} = found;
  if (problem !== null && way === null) throw new RbnError(problem);
  if (path === null) return null;
  const warnings = problem === null ? [] : [`${problem.message}\nNext: ${problem.next}`];
  return {backend: {name: 'tensorflow', tfjsNode: path}, description: `tensorflow: tfjs-node ${describeTfjsNode(found)}`, warnings};
}
