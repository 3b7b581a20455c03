// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two ops as TensorFlow knows them: names, attributes, inputs, outputs. src/kernels/tensorflow calls them
// with exactly these.
//
// What changes from call to call is in the tensor `options`, since TensorFlow keeps one kernel object for each
// distinct set of attributes until the process ends: three int32, the lower and the upper half of epsilon's
// double, and the number of threads (0 for the default). What may be missing is a list of none or one.
//
//   forward    options, x, center_weight, scale_weight, scale_bias, [gamma], [beta], [residual], [mean, variance]
//           →  y, [mean, variance], [state], [mask]
//   backward   options, dy, x, center_weight, scale_weight, scale_bias, variance, state, [gamma], [beta], [mean],
//              [mask]
//           →  dx, dgamma, dbeta, dcenter_weight, dscale_weight, dscale_bias, [dresidual]
//
// Everything is float32 but options and mask, which are int32. state and mask are one-dimensional and hold what
// native/rbn/problem.h says, the mask's bytes rounded up to whole int32.
#ifndef RBN_TENSORFLOW_OPS_H_
#define RBN_TENSORFLOW_OPS_H_

#include <string>
#include <vector>

#include "c_api.h"

namespace rbn::tensorflow {

struct OpDefinition {
  std::string name;
  std::vector<const char*> attributes, inputs, outputs;
  ShapeFunction shapes;
};

// Names carry the package's version: two of them in one process must not meet.
OpDefinition forward_op();
OpDefinition backward_op();

// Positions among the inputs and in the tensor `options`, for the kernels.
enum Options { kEpsilonLow = 0, kEpsilonHigh = 1, kThreads = 2, kOptionsCount = 3 };

// The C API of the library that the ops are registered with; set once, before they are.
const CApi& tensorflow_api();
void set_tensorflow_api(const CApi& api);

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_OPS_H_
