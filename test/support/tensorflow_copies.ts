// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Runs code as if the TensorFlow behind tfjs-node could not take our ops: on an object in the place of the
// backend's binding that nobody has registered, and that is in no module's exports.
import {tensorflowBackend} from './tfjs_node';

/** Calls f with the backend's kernels on copies. */
export function withoutOps<T>(f: () => T): T {
  const backend = tensorflowBackend() as {binding: object};
  const {binding} = backend;
  backend.binding = stranger ??= Object.create(binding) as object;
  try {
    return f();
  } finally {
    backend.binding = binding;
  }
}

let stranger: object | undefined;
