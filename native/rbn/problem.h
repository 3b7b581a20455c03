// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What a call of Representative Batch Normalization is made of: its sizes, its inputs and its
// outputs. Plain C structs without behaviour, shared by the CPU code (host pointers) and by the
// C ABI of the CUDA engine (device pointers), so that every implementation has one signature.
#ifndef RBN_PROBLEM_H_
#define RBN_PROBLEM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum RbnLayout {
  RBN_CHANNELS_LAST = 0,   // x is [N, S, C]
  RBN_CHANNELS_FIRST = 1,  // x is [N, C, S]
} RbnLayout;

typedef enum RbnDtype {
  RBN_FLOAT32 = 0,
  RBN_BFLOAT16 = 1,  // storage of x, residual, y and their gradients; arithmetic stays float32
} RbnDtype;

typedef enum RbnActivation {
  RBN_LINEAR = 0,
  RBN_RELU = 1,
} RbnActivation;

// S = 1 (rank-2 input) is the same in both layouts; callers pass RBN_CHANNELS_LAST.
typedef struct RbnProblem {
  int64_t instances;   // N
  int64_t positions;   // S, positions an instance
  int64_t channels;    // C
  int32_t layout;      // RbnLayout
  int32_t dtype;       // RbnDtype
  int32_t training;    // 1: batch statistics; 0: given statistics
  int32_t activation;  // RbnActivation
  double epsilon;      // > 0
} RbnProblem;

// y = activation(γ·x_s·sigmoid(w_v·mean_s(x_s) + w_b) + β [+ residual])
//
// The CUDA engine takes null for all three of w_m, w_v and w_b: plain batch normalization, y = γ·x_s + β.
typedef struct RbnForward {
  RbnProblem problem;
  const void* x;              // N·S·C elements of dtype
  const void* residual;       // as x, or null
  const float* gamma;         // [C], or null for 1
  const float* beta;          // [C], or null for 0
  const float* center_weight; // [C]
  const float* scale_weight;  // [C]
  const float* scale_bias;    // [C]
  const float* given_mean;     // [C], statistics of x_c; read where training = 0
  const float* given_variance; // [C], as above
  void* y;                    // N·S·C elements of dtype
  float* mean;                // [C], written where training = 1
  float* variance;            // [C], biased, written where training = 1
  float* state;               // rbn_state_floats(problem) floats for the backward pass, or null
  uint8_t* mask;              // rbn_mask_bytes(problem) bytes, or null. Written where the activation is
                              // RELU and there is a residual; null is then allowed only with state null.
} RbnForward;

// state, S > 1: four planes [N, C]: h, l, A, B of native/rbn/algebra.h.
// state, S = 1: two planes [C]: high and low float32 parts of the mean of x_c.
typedef struct RbnBackward {
  RbnProblem problem;
  const void* dy;             // N·S·C elements of dtype
  const void* x;              // as in the forward call
  const float* gamma;         // [C], or null for 1
  const float* beta;          // [C], or null for 0
  const float* center_weight; // [C]
  const float* scale_weight;  // [C]
  const float* scale_bias;    // [C]
  const float* mean;          // [C]; read where training = 0 (the given mean)
  const float* variance;      // [C]; the given variance, or the one that the forward call wrote
  const float* state;         // as the forward call wrote it
  const uint8_t* mask;        // as the forward call wrote it; null where there was no residual or no RELU.
                              // RELU without a mask: the sign of y is computed again from the state.
  void* dx;                   // N·S·C elements of dtype
  void* dresidual;            // dy where the mask is set, else 0; non-null only together with mask
  float* dgamma;              // [C], or null
  float* dbeta;               // [C], or null
  float* dcenter_weight;      // [C]; null on the CUDA engine where center_weight is
  float* dscale_weight;       // [C], as above
  float* dscale_bias;         // [C], as above
} RbnBackward;

// Floats that `state` holds.
static inline int64_t rbn_state_floats(const RbnProblem* p) {
  return p->positions == 1 ? 2 * p->channels : 4 * p->instances * p->channels;
}

// Bytes of one row of `mask`. A row is the fastest axis of x: C elements (channels last) or S elements
// (channels first); element j of a row is bit j % 8 of its byte j / 8. Rows are padded to whole bytes,
// so that no two rows share a byte.
static inline int64_t rbn_mask_row_bytes(const RbnProblem* p) {
  return ((p->layout == RBN_CHANNELS_LAST ? p->channels : p->positions) + 7) / 8;
}

// Bytes that `mask` holds.
static inline int64_t rbn_mask_bytes(const RbnProblem* p) {
  return p->instances * (p->layout == RBN_CHANNELS_LAST ? p->positions : p->channels) * rbn_mask_row_bytes(p);
}

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RBN_PROBLEM_H_
