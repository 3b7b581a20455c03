// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The two ops as TensorFlow knows them: names, attributes, inputs, outputs. src/kernels/tensorflow calls them
// with exactly these.
//
//   forward    options, inputs: x, center_weight, scale_weight, scale_bias, [gamma], [beta], [residual],
//                               [mean, variance]
//           →  outputs: y, [mean, variance], [state]; [mask]
//   backward   options, inputs: x, dy, center_weight, scale_weight, scale_bias, variance, state, [gamma], [beta],
//                               [mean]; [mask]
//           →  dx, dgamma, dbeta, dcenter_weight, dscale_weight, dscale_bias, [dresidual]
//
// Everything is float32 but options and mask, which are int32. state and mask are one-dimensional and hold what
// native/rbn/problem.h says, the mask's bytes rounded up to whole int32.
//
// Attributes are the lengths of the lists and nothing else: setting one costs tfjs-node a microsecond, and
// TensorFlow keeps a kernel object for each distinct set of them until the process ends. What a call is about
// is in the tensor `options`: the lower and the upper half of epsilon's double, the number of threads (0 for
// the default), and flags.
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

// Positions in the tensor `options`.
enum Options { kEpsilonLow = 0, kEpsilonHigh = 1, kThreads = 2, kFlags = 3, kOptionsCount = 4 };

// src/binding/native.ts has the same as TensorflowFlag. What is in [] above is there where its flag is set.
enum Flags {
  kTraining = 1,  // batch statistics: outputs; otherwise given ones: inputs
  kRelu = 2,
  kChannelsFirst = 4,
  kGamma = 8,
  kBeta = 16,
  kResidual = 32,  // forward only
  kState = 64,     // forward only: state, and the mask where a ReLU follows a residual
  kMask = 128,     // backward only
};
constexpr int kForwardFlags = kTraining | kRelu | kChannelsFirst | kGamma | kBeta | kResidual | kState;
constexpr int kBackwardFlags = kTraining | kRelu | kChannelsFirst | kGamma | kBeta | kMask;

// The C API of the library that the ops are registered with; set once, before they are.
const CApi& tensorflow_api();
void set_tensorflow_api(const CApi& api);

}  // namespace rbn::tensorflow

#endif  // RBN_TENSORFLOW_OPS_H_
