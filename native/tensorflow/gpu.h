// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The kernels of the device "GPU": the CUDA engine on TensorFlow's device buffers. They have run on the simulator
// only, never on a GPU inside TensorFlow, and are not registered unless they are asked for.
#ifndef RBN_TENSORFLOW_GPU_H_
#define RBN_TENSORFLOW_GPU_H_

#include <string>

#include "c_api.h"

namespace rbn::tensorflow {

// Prepares the kernels: opens the engine. tensorflow: the library that dlopen gave. Returns "" or why they can
// not be had.
std::string open_gpu(const std::string& engine, void* tensorflow);

// `options` must be in host memory, everything else on the device. Correctness first: each call waits for
// whatever the device is doing, since TensorFlow has no C function that gives its stream, and for itself.
void gpu_forward(void*, TF_OpKernelContext* context);
void gpu_backward(void*, TF_OpKernelContext* context);

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_GPU_H_
