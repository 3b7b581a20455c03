// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Registers both ops and their kernels with the TensorFlow that is loaded in this process, once, whoever asks
// and from whatever thread.
#ifndef RBN_TENSORFLOW_REGISTRATION_H_
#define RBN_TENSORFLOW_REGISTRATION_H_

#include <string>

namespace rbn::tensorflow {

struct Registration {
  // Empty where the ops can be used; otherwise why not, in words.
  std::string problem;
  // The first function of the C API that the library lacks; empty where that is not the problem.
  std::string missing;
  // Why there are no kernels for a GPU where they were asked for.
  std::string gpu_problem;
  std::string forward_op, backward_op;  // names
  double milliseconds = 0;              // that the registration took, in the call that did it
};

// binding: path of a library that is already loaded and that stands on TensorFlow, as tfjs-node's binding does.
// The library is never loaded by this and, from then on, never unloaded: TensorFlow keeps pointers into this code
// and this code into TensorFlow, and Node unloads the addons of a worker thread when that ends.
//
// engine: the CUDA engine's library, for kernels on a GPU; "" for none. What the first call asks for holds.
Registration register_ops(const std::string& binding, const std::string& engine);

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_REGISTRATION_H_
