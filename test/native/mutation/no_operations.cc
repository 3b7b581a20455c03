// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Stands for native/cuda/ops in the mutated engine, which breaks RBN alone: its operations would take longer
// to compile than all the rest.
#include "../../../native/cuda/ops/operation.h"

namespace rbn {

const char* operation_name(int32_t) { return nullptr; }
int32_t operation_takes_host(int32_t) { return 0; }
int32_t run_operation(RbnContext*, int32_t, const RbnCall*, RbnError* error) {
  return fail(error, RBN_INVALID_ARGUMENT, "operation: this engine has none");
}

}  // namespace rbn
