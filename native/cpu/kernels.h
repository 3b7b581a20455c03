// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The passes over the elements, as a table of functions: one table for each instruction set, all
// compiled from kernels_*.h. They know neither threads nor batches: a call works on one tile.
//
// A tile is rows × columns elements of x, `stride` apart from row to row. Channels last, a row is
// one position and a column one channel; channels first, a row is one (n, c) and a column one
// position.
#ifndef RBN_CPU_KERNELS_H_
#define RBN_CPU_KERNELS_H_

#include <stdint.h>

#include "policy.h"

namespace rbn::cpu {

// Columns that one tile may have, channels last: its sums, two doubles a column, stay in the
// first-level cache.
constexpr int64_t kMaxTileChannels = 1024;

struct Tile {
  int64_t rows, columns;
  int64_t stride;       // elements
  int64_t mask_stride;  // bytes
};

// How ReLU's gradient is masked.
enum class Gate : int {
  kNone,  // it is not
  kMask,  // by the bits that the forward pass stored
  kSign,  // by the sign of y, computed again
};

// Σ x and Σ (x − pivot)².
struct MomentsCall {
  Tile tile;
  const float* x;
  const float* pivot;  // [columns] channels last; one value channels first, where rows is 1
  double* sum;         // [columns] or one value
  double* squares;     // [columns] or one value
};

// D = Σ G and Σ G·(x − h).
struct GradientSumsCall {
  Tile tile;
  Gate gate;
  const float* dy;
  const float* x;
  const uint8_t* mask;
  const float *h, *A, *B;  // [columns] channels last; one value channels first, where rows is 1
  double* D;               // [columns] or one value
  double* T;               // [columns] or one value
};

// y = activation(A·(x − h) + B [+ residual])
struct ForwardCall {
  Tile tile;
  bool relu;
  bool stream;  // write y past the caches; its rows are then aligned to 64 bytes
  const float* x;
  const float* residual;  // or null
  float* y;
  uint8_t* mask;           // or null
  const float *h, *A, *B;  // [columns] channels last, [rows] channels first
};

// dx = P·G + Q·(x − h) + R
struct BackwardCall {
  Tile tile;
  Gate gate;
  bool stream;  // write dx and dresidual past the caches; their rows are then aligned to 64 bytes
  const float* dy;
  const float* x;
  const uint8_t* mask;
  float* dx;
  float* dresidual;                    // or null
  const float *h, *A, *B, *P, *Q, *R;  // [columns] channels last, [rows] channels first
};

// S = 1: what the elements of a channel share.
struct SingleChannels {
  const float *a_high, *a_low, *mean_high, *mean_low, *inv_std;  // [columns], of SingleCoefficients
  const float *gamma, *beta, *scale_weight, *scale_bias;         // [columns]
  const float *a_times_scale, *mean_u, *mean_u_x_s;              // [columns], for the backward pass
};

struct SingleForwardCall {
  Tile tile;
  bool relu;
  const float* x;
  const float* residual;  // or null
  float* y;
  uint8_t* mask;  // or null
  SingleChannels channels;
};

// Sums over rows; the first five are those of SingleGradient and of G.
enum SingleSum {
  kSumG,
  kSumGamma,
  kSumScaleBias,
  kSumScaleWeight,
  kSumGatedBeta,
  kSumUD,
  kSumD,
  kSingleSums
};

struct SingleSumsCall {
  Tile tile;
  Gate gate;
  const float* dy;
  const float* x;
  const uint8_t* mask;
  const float* pivot;  // [columns]; d = x − pivot
  SingleChannels channels;
  double* sums[kSingleSums];  // [columns] each
};

struct SingleBackwardCall {
  Tile tile;
  Gate gate;
  const float* dy;
  const float* x;
  const uint8_t* mask;
  float* dx;
  float* dresidual;  // or null
  SingleChannels channels;
};

// The step between the passes, for `count` channels of one instance. What belongs to the channels is
// kept one array a member, so that they are lanes there too.
struct ChannelBlock {
  double gamma[kCombineChannels], beta[kCombineChannels], center_weight[kCombineChannels],
      scale_weight[kCombineChannels], scale_bias[kCombineChannels];
  double mean[kCombineChannels];  // of x_c
  double inv_std[kCombineChannels];
  // Backward only: BatchGradient and k̄.
  double scale[kCombineChannels], m1[kCombineChannels], m2[kCombineChannels],
      k_mean[kCombineChannels];
};

// Sums over instances.
struct GradientTotals {
  double beta[kCombineChannels], gamma[kCombineChannels], scale_bias[kCombineChannels],
      scale_weight[kCombineChannels], gated_beta[kCombineChannels],
      center_weight[kCombineChannels];
};

struct CombineMomentsCall {
  int64_t count;
  double positions;
  const double* pivot;
  double* sum;            // Σ x; k_n takes its place
  const double* squares;  // Σ (x − pivot)²
  double *means, *variances;  // added to
};

struct CombineForwardCall {
  int64_t count;
  const ChannelBlock* channels;
  const double* k;
  float *h, *l, *A, *B;
};

struct CombineGradientsCall {
  int64_t count;
  const ChannelBlock* channels;
  const float *h, *l;
  double *D, *T;  // H and dL/dscale_bias take their places
  float* gate;
  GradientTotals* totals;  // added to
};

struct CombineBackwardCall {
  int64_t count;
  double positions;
  const ChannelBlock* channels;
  const float *h, *l;
  const double *H, *scale_bias;
  float* P;  // the gate before
  float *Q, *R;
  GradientTotals* totals;  // center_weight is added to
};

// One set for each layout.
struct LayoutKernels {
  void (*moments)(const MomentsCall&);
  void (*gradient_sums)(const GradientSumsCall&);
  void (*forward)(const ForwardCall&);
  void (*backward)(const BackwardCall&);
};

struct Kernels {
  LayoutKernels last, first;
  void (*combine_moments)(const CombineMomentsCall&);
  void (*combine_forward)(const CombineForwardCall&);
  void (*combine_gradients)(const CombineGradientsCall&);
  void (*combine_backward)(const CombineBackwardCall&);
  void (*single_forward)(const SingleForwardCall&);
  void (*single_sums)(const SingleSumsCall&);
  void (*single_backward)(const SingleBackwardCall&);
};

extern const Kernels kBaselineKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

const Kernels& kernels();  // of current_isa()

}  // namespace rbn::cpu

#endif  // RBN_CPU_KERNELS_H_
