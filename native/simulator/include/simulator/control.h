// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How tests steer the simulator. Environment: RBN_SIMULATOR_SEED, RBN_SIMULATOR_DEFER=1 and
// RBN_SIMULATOR_FAIL_LAUNCH give the values to begin with.
#ifndef RBN_SIMULATOR_CONTROL_H_
#define RBN_SIMULATOR_CONTROL_H_

#include <stddef.h>
#include <stdint.h>

#define RBN_SIMULATOR_EXPORT __attribute__((visibility("default")))

extern "C" {

// The order of blocks and threads follows from the seed; every seed is a legal schedule.
RBN_SIMULATOR_EXPORT void rbn_simulator_set_seed(uint64_t seed);

// 1: what is put on a stream runs only when the host synchronises; 0 (default): at once.
RBN_SIMULATOR_EXPORT void rbn_simulator_set_defer(int defer);

// The k-th device allocation from now (1 is the next) fails once with cudaErrorMemoryAllocation; 0: none.
RBN_SIMULATOR_EXPORT void rbn_simulator_fail_allocation(uint64_t k);

// The k-th kernel from now (1 is the next) ends in cudaErrorLaunchFailure, which is sticky; 0: none.
RBN_SIMULATOR_EXPORT void rbn_simulator_fail_launch(uint64_t k);

// How a kernel was launched: numbers of blocks and threads along x and y, bytes of dynamic shared memory.
typedef struct rbn_simulator_launch {
  uint32_t grid_x, grid_y, block_x, block_y;
  uint64_t shared_bytes;
} rbn_simulator_launch;

// Kernels that were launched so far. The last ones, up to `count` and 16, go to `last`, the latest first.
RBN_SIMULATOR_EXPORT uint64_t rbn_simulator_launches(rbn_simulator_launch* last, uint64_t count);

// Device allocations that are live, and their bytes.
RBN_SIMULATOR_EXPORT uint64_t rbn_simulator_live_allocations(uint64_t* bytes);

// What the last failed launch did wrong and where; "" if there was none.
RBN_SIMULATOR_EXPORT const char* rbn_simulator_message(void);

// Forgets a sticky error. Memory and streams stay.
RBN_SIMULATOR_EXPORT void rbn_simulator_clear_error(void);

}  // extern "C"

#endif  // RBN_SIMULATOR_CONTROL_H_
