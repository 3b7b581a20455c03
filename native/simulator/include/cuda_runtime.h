// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// CUDA on the CPU: what the project's .cu files find as <cuda_runtime.h> when g++ compiles them with
// `-x c++ -std=c++17 -DRBN_SIMULATOR -I native/simulator/include`, without a CUDA toolkit. Only what
// our sources use is here; a missing name is added here, not worked around in a .cu.
//
// The contract between native/cuda and the simulator:
//  - Kernels are `__global__ void f_kernel(P...)`; they are launched only by rbn::launch of
//    native/cuda/runtime/launch.h, which includes "simulator/launch.h" where RBN_SIMULATOR is defined.
//    Both sides provide rbn::LaunchConfig {grid, block, shared_bytes, stream, cooperative, cluster},
//    rbn::launch(config, kernel, arguments...), RBN_SHARED(T, name, count) and
//    RBN_DYNAMIC_SHARED(T, name).
//  - Shared memory is garbage (a NaN in float32, bfloat16 and double) until written; so is new global memory.
//  - threadIdx, blockIdx, blockDim and gridDim are macros. warpSize is 32.
//  - __CUDA_ARCH__ stays undefined: guard features by
//    `defined(RBN_SIMULATOR) || __CUDA_ARCH__ >= 900`.
//  - Stricter than a GPU, on purpose: a thread that exits while others wait at __syncthreads, threads
//    that wait at two different __syncthreads in the text, a lane named in a mask that does not come,
//    a shuffle in a warp that is not whole with a full mask: each ends the launch with
//    cudaErrorLaunchFailure. That error is sticky, as on a GPU; cudaGetErrorString tells where.
//  - Shuffles and votes order no memory (__syncwarp does). A __threadfence orders what comes before the
//    next atomic and after the last one; __threadfence_block does so only for atomics on shared memory.
//  - A pointer argument must be null or point into device memory that is not freed; so must every
//    8-byte word of a struct argument that looks like an address. So a struct argument has no
//    padding: what an old stack frame left there may look like one.
//  - Left out, because the project does not use them: atomics on floats, textures, CUB, graphs
//    that are not captured or that allocate, inline PTX, printf, device-side malloc. Not modelled: registers, __launch_bounds__.
#ifndef RBN_SIMULATOR_CUDA_RUNTIME_H_
#define RBN_SIMULATOR_CUDA_RUNTIME_H_

#ifndef RBN_SIMULATOR
#error "this cuda_runtime.h belongs to the simulator: compile with -DRBN_SIMULATOR, or with nvcc without it"
#endif

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/atomics.h"
#include "simulator/runtime_api.h"
#include "simulator/thread.h"
#include "simulator/vector_types.h"
#include "simulator/warp.h"

#endif  // RBN_SIMULATOR_CUDA_RUNTIME_H_
