// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// tfjs-core keeps what a gradient needs until that gradient has been computed. Where the computation ends in an
// exception, such as a lack of GPU memory, it forgets these tensors without disposing of them: memory of the
// device that nobody can free any more. Here they are disposed of when the next gradient begins.
import {engine, Tensor} from '@tensorflow/tfjs-core';

/** What tfjs-core 4.22 has inside. */
interface Tapes {
  state: {gradientDepth: number; activeTape: {saved?: Tensor[] | null}[] | null};
  startTape(): void;
}

/** Makes tfjs-core dispose of what failed gradients have left. */
export function disposeStaleTapes(): void {
  const tapes = engine() as unknown as Tapes;
  const {startTape} = tapes;
  tapes.startTape = function() {
    // A tape that is finished is null.
    if (this.state.gradientDepth === 0) {
      for (const {saved} of this.state.activeTape ?? []) saved?.forEach((tensor) => tensor.dispose());
    }
    startTape.call(this);
  };
}
