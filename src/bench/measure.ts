// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Times contestants in turn, several rounds, so that all of them meet the machine in the same moods; the median of
// all calls counts.
import {setTimeout as sleep} from 'node:timers/promises';
import {median} from '../train/statistics';
import {Stopwatch, wallStopwatch} from '../train/stopwatch';

export interface Contestant {
  name: string;
  /** Calls in a row; milliseconds of each. */
  sample(calls: number): Promise<number[]>;
}

export interface Measurement { milliseconds: number; calls: number }

export interface Effort {
  rounds: number;
  roundMilliseconds: number; // each contestant
  warmUpMilliseconds: number;
  pauseMilliseconds?: number; // before a contestant's turn
}

// tfjs's own ops may take minutes a call. Past this, the first call is the measurement.
const SLOW = 1500; // milliseconds
// A round, and the warm-up: JavaScript's way through tfjs takes a few dozen calls to be compiled.
const MOST_CALLS = 100;

// By default. Threads of the contestant before may still spin, waiting for more work; let them fall asleep.
const PAUSE = 15; // milliseconds

export async function measure(contestants: readonly Contestant[], effort: Effort): Promise<Map<string, Measurement>> {
  const times = new Map<string, number[]>();
  const perRound = new Map<Contestant, number>();
  for (const contestant of contestants) {
    const first = await contestant.sample(1);
    if (first[0] > SLOW) {
      times.set(contestant.name, first);
      continue;
    }
    const callsIn = (milliseconds: number, call: number) => Math.min(MOST_CALLS, Math.max(1, Math.round(milliseconds / call)));
    const warm = median(await contestant.sample(callsIn(effort.warmUpMilliseconds, first[0])));
    perRound.set(contestant, callsIn(effort.roundMilliseconds, warm));
    times.set(contestant.name, []);
  }
  for (let round = 0; round < effort.rounds; ++round) {
    for (const [contestant, calls] of perRound) {
      await sleep(effort.pauseMilliseconds ?? PAUSE);
      times.get(contestant.name)!.push(...await contestant.sample(calls));
    }
  }
  return new Map([...times].map(([name, all]) => [name, {milliseconds: median(all), calls: all.length}]));
}

/** A contestant in this process. Times are read after all calls, so that a GPU's queue does not run dry between them. */
export function local(name: string, call: () => void, stopwatch: Stopwatch = wallStopwatch): Contestant {
  return {
    name,
    sample: async calls => Array.from({length: calls}, () => {
      const stop = stopwatch();
      call();
      return stop();
    }).map(read => read()),
  };
}
