// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What the false TensorFlow (tensorflow_fake.cc) can be asked for, by dlsym.
#ifndef RBN_TEST_TENSORFLOW_FAKE_H_
#define RBN_TEST_TENSORFLOW_FAKE_H_

#include <stddef.h>
#include <stdint.h>

// An input, or an output as the op's caller expects it, with its memory.
struct RbnFakeTensor {
  int type;
  int rank;
  int64_t sizes[5];
  void* data;
};

// Runs the kernel that is registered for an op on a device. Returns "" or what the kernel reported.
typedef const char* (*RbnFakeRun)(const char* op, const char* device, const RbnFakeTensor* inputs, int input_count,
                                  const RbnFakeTensor* outputs, int output_count);
// An op's attributes, inputs and outputs, one a line; "" where there is no such op.
typedef const char* (*RbnFakeDefinition)(const char* op);
// Calls an op's shape function; `shapes[i]` becomes the input whose shape output i has, or −1 for an unknown one.
typedef void (*RbnFakeShapes)(const char* op, int* shapes, int outputs);
// The arguments that a kernel has in host memory, separated by spaces.
typedef const char* (*RbnFakeHostArguments)(const char* op, const char* device);
// Objects that were made and not deleted.
typedef int (*RbnFakeLive)(void);

#endif  // RBN_TEST_TENSORFLOW_FAKE_H_
