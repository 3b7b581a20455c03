// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels of both ops on TensorFlow's own buffers, and what they last saw.
#ifndef RBN_TENSORFLOW_KERNELS_H_
#define RBN_TENSORFLOW_KERNELS_H_

#include <atomic>

#include "c_api.h"

namespace rbn::tensorflow {

void cpu_forward(void*, TF_OpKernelContext* context);
void cpu_backward(void*, TF_OpKernelContext* context);

// For tests, which show by it that these kernels ran and that tensors went from op to op without a copy. Of the
// last call in the process, forward or backward.
struct Trace {
  std::atomic<uint64_t> forward_calls{0}, backward_calls{0};
  std::atomic<const void*> x{nullptr}, state{nullptr};
  std::atomic<const void*> result{nullptr};  // y or dx
};
Trace& trace();

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_KERNELS_H_
