// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the benchmark of layers measured.
import type {ContestantName} from './contestants';
import type {Measurement} from './measure';
import type {Shape} from './shapes';
import type {Surroundings, Tensorflow} from './surroundings';
import type {Target} from './target';

export type Times = Partial<Record<ContestantName, Measurement>>;

export interface Row { shape: Shape; training: boolean; times: Times }

/** Microseconds of one call on tensors of a shape, of one or two elements, tidy and dispose included. */
export interface Overhead { shape: string; rbn: number; add: number }

export interface BenchResult extends Surroundings {
  torch: string | null;
  tensorflow: Tensorflow | null; // on that backend
  rows: Row[];
  overhead: Overhead;
  targets: Target[];
}
