// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The part of cooperative groups that our kernels use: the grid, the cluster and the block, with their
// barriers, and the shared memory of the cluster's other blocks.
#ifndef RBN_SIMULATOR_COOPERATIVE_GROUPS_H_
#define RBN_SIMULATOR_COOPERATIVE_GROUPS_H_

#include "cuda_runtime.h"

namespace cooperative_groups {

struct thread_block {
  void sync(rbn::simulator::Site site = rbn::simulator::here()) const { __syncthreads(site); }
  unsigned thread_rank() const {
    return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  }
  unsigned size() const { return blockDim.x * blockDim.y * blockDim.z; }
};

struct grid_group {
  // Only in a cooperative launch.
  void sync(rbn::simulator::Site site = rbn::simulator::here()) const { rbn::simulator::grid_barrier(site); }
  unsigned long long num_blocks() const { return 1ull * gridDim.x * gridDim.y * gridDim.z; }
  unsigned long long block_rank() const {
    return blockIdx.x + 1ull * gridDim.x * (blockIdx.y + 1ull * gridDim.y * blockIdx.z);
  }
  unsigned long long size() const { return num_blocks() * thread_block().size(); }
  unsigned long long thread_rank() const {
    return block_rank() * thread_block().size() + thread_block().thread_rank();
  }
};

struct cluster_group {
  void sync(rbn::simulator::Site site = rbn::simulator::here()) const {
    rbn::simulator::cluster_barrier(site);
  }
  unsigned block_rank() const { return rbn::simulator::cluster_rank(); }
  unsigned num_blocks() const { return rbn::simulator::cluster_blocks(); }
  // `shared` as block `rank` of the cluster has it.
  template <class T>
  T* map_shared_rank(T* shared, int rank, rbn::simulator::Site site = rbn::simulator::here()) const {
    return static_cast<T*>(rbn::simulator::map_shared(
        const_cast<std::remove_cv_t<T>*>(shared), static_cast<unsigned>(rank), site));
  }
};

inline thread_block this_thread_block() { return {}; }
inline grid_group this_grid() { return {}; }
inline cluster_group this_cluster() { return {}; }

}  // namespace cooperative_groups

#endif  // RBN_SIMULATOR_COOPERATIVE_GROUPS_H_
