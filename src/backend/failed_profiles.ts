// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Where the function of tf.profile throws, tfjs-core goes on to measure and to list every kernel from then on; an op on
// its `cpu` backend that fails then is a rejection that nobody can handle, which ends the process. Here the profile ends.
import {engine} from '@tensorflow/tfjs-core';

/** Makes tfjs-core end a profile whose function throws. */
export function endFailedProfiles(): void {
  const profiler = engine();
  const {profile} = profiler;
  profiler.profile = async function(query) {
    try {
      return await profile.call(this, query);
    } catch (e) {
      this.state.profiling = false;
      throw e;
    }
  };
}
