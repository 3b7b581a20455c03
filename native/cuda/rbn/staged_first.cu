// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Channels first where rows (n, c) are short and no multiple of 16 bytes, as 7 × 7: a block moves
// block_rows whole rows, which together are, through shared memory with loads and stores of 16
// bytes.
#include "dispatch.h"
#include "reduce.h"

namespace rbn {
namespace {

// Copies between global and shared memory; both begin on 16 bytes, `count` may end anywhere.
template <bool kLast, class T>
__device__ __forceinline__ void stage_in(T* shared, const T* global, int64_t count) {
  constexpr int kWidth = 16 / sizeof(T);
  using Vector = Raw<T, kWidth>;
  const int64_t vectors = count / kWidth;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < vectors; i += kThreads) {
    reinterpret_cast<Vector*>(shared)[i] = kLast ? load_last<T, kWidth>(global + i * kWidth)
                                                 : load_kept<T, kWidth>(global + i * kWidth);
  }
  for (int64_t i = vectors * kWidth + threadIdx.x; i < count; i += kThreads) shared[i] = global[i];
}

template <class T>
__device__ __forceinline__ void stage_out(T* global, const T* shared, int64_t count) {
  constexpr int kWidth = 16 / sizeof(T);
  using Vector = Raw<T, kWidth>;
  const int64_t vectors = count / kWidth;
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < vectors; i += kThreads) {
    __stcs(reinterpret_cast<Vector*>(global) + i, reinterpret_cast<const Vector*>(shared)[i]);
  }
  for (int64_t i = vectors * kWidth + threadIdx.x; i < count; i += kThreads) global[i] = shared[i];
}

template <class T>
__device__ __forceinline__ float element(const T* p) {
  float v[1];
  Packed<T, 1>::unpack(*reinterpret_cast<const Raw<T, 1>*>(p), v);
  return v[0];
}

template <class T>
__device__ __forceinline__ void set_element(T* p, float value) {
  const float v[1] = {value};
  *reinterpret_cast<Raw<T, 1>*>(p) = Packed<T, 1>::pack(v);
}

// Calls body(row of the block, row of the tensor, lane, inside) as often in every thread of the
// block.
template <class F>
__device__ __forceinline__ void for_rows(const Rows& rows, int64_t first_row, F&& body) {
  const int lane = threadIdx.x % static_cast<unsigned>(rows.lanes);
  const int at_once = kThreads / rows.lanes;
  for (int local = threadIdx.x / static_cast<unsigned>(rows.lanes); local < rows.block_rows;
       local += at_once) {
    body(local, first_row + local, lane, first_row + local < rows.rows);
  }
}

// Elements of the block that starts at `first_row`.
__device__ __forceinline__ int64_t block_elements(const Rows& rows, int64_t first_row) {
  const int64_t left = rows.rows - first_row;
  return (left < rows.block_rows ? left : rows.block_rows) * rows.positions;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_sums_staged_kernel(const T* __restrict__ x,     // [N, C, S]
                                   float* __restrict__ first,   // [N, C]
                                   float* __restrict__ second,  // [N, C]
                                   Rows rows) {
  RBN_DYNAMIC_SHARED(T, kept);  // [block_rows, S]
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * rows.block_rows;
  stage_in<false>(kept, x + first_row * rows.positions, block_elements(rows, first_row));
  __syncthreads();
  for_rows(rows, first_row, [&](int local, int64_t row, int lane, bool inside) {
    float sum = 0.0f, square = 0.0f;
    if (inside) {
      const T* const values = kept + local * rows.positions;
      const float pivot = element(values);
      for (int64_t s = lane; s < rows.positions; s += rows.lanes) {
        const float d = element(values + s) - pivot;
        sum += d;
        square = fmaf(d, d, square);
      }
    }
    double total[2] = {sum, square};
    reduce_warp_lanes(total, rows.lanes);
    if (inside && lane == 0) {
      first[row] = static_cast<float>(total[0]);
      second[row] = static_cast<float>(total[1]);
    }
  });
}

template <class T, Tail kTail>
__global__ void __launch_bounds__(kThreads)
    rbn_forward_write_staged_kernel(const T* __restrict__ x,            // [N, C, S]
                                    const T* __restrict__ residual,     // [N, C, S]
                                    const float* __restrict__ state_h,  // [N, C]
                                    const float* __restrict__ state_A,  // [N, C]
                                    const float* __restrict__ state_B,  // [N, C]
                                    T* __restrict__ y,                  // [N, C, S]
                                    uint8_t* __restrict__ mask,         // [N, C, row_bytes]
                                    int64_t row_bytes, bool relu, Rows rows) {
  RBN_DYNAMIC_SHARED(T, kept);  // x, then y: [block_rows, S]; residual: the same
  T* const kept_residual = kept + rows.block_rows * rows.positions;
  const int64_t first_row = static_cast<int64_t>(reversed_block()) * rows.block_rows;
  const int64_t count = block_elements(rows, first_row);
  stage_in<true>(kept, x + first_row * rows.positions, count);
  if constexpr (kTail != Tail::kNone)
    stage_in<true>(kept_residual, residual + first_row * rows.positions, count);
  __syncthreads();
  for_rows(rows, first_row, [&](int local, int64_t row, int lane, bool row_inside) {
    float h = 0.0f, A = 0.0f, B = 0.0f;
    if (row_inside) h = state_h[row], A = state_A[row], B = state_B[row];
    // All lanes take the same number of steps: bytes of the mask are put together by whole warps.
    for (int64_t start = 0; start < rows.positions; start += rows.lanes) {
      const int64_t s = start + lane;
      const bool inside = row_inside && s < rows.positions;
      unsigned bits = 0;
      if (inside) {
        const int64_t at = local * rows.positions + s;
        float v[1] = {forward_element(element(kept + at), h, A, B)};
        float r[1] = {};
        if constexpr (kTail != Tail::kNone) r[0] = element(kept_residual + at);
        bits = finish<kTail>(v, r, relu);
        set_element(kept + at, v[0]);
      }
      if constexpr (kTail == Tail::kResidualMask)
        store_mask<1>(mask + row * row_bytes, s, inside, bits);
    }
  });
  __syncthreads();
  stage_out(y + first_row * rows.positions, kept, count);
}

// G of one element.
template <Gate kGate>
__device__ __forceinline__ float gated(float dy, const uint8_t* mask_row, int64_t s, float x,
                                       float h, float A, float B) {
  if constexpr (kGate == Gate::kMask) return load_mask<1>(mask_row, s) ? dy : 0.0f;
  if constexpr (kGate == Gate::kSign) return relu_passes(forward_element(x, h, A, B)) ? dy : 0.0f;
  return dy;
}

template <class T, Gate kGate>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_sums_staged_kernel(const T* __restrict__ dy,           // [N, C, S]
                                    const T* __restrict__ x,            // [N, C, S]
                                    const uint8_t* __restrict__ mask,   // [N, C, row_bytes]
                                    const float* __restrict__ state_h,  // [N, C]
                                    const float* __restrict__ state_A,  // [N, C]
                                    const float* __restrict__ state_B,  // [N, C]
                                    float* __restrict__ first,          // [N, C]
                                    float* __restrict__ second,         // [N, C]
                                    int64_t row_bytes, Rows rows) {
  RBN_DYNAMIC_SHARED(T, kept);  // dy, then x: [block_rows, S] each
  T* const kept_x = kept + rows.block_rows * rows.positions;
  const int64_t first_row = static_cast<int64_t>(blockIdx.x) * rows.block_rows;
  const int64_t count = block_elements(rows, first_row);
  stage_in<false>(kept, dy + first_row * rows.positions, count);
  stage_in<false>(kept_x, x + first_row * rows.positions, count);
  __syncthreads();
  for_rows(rows, first_row, [&](int local, int64_t row, int lane, bool inside) {
    float sum_D = 0.0f, sum_T = 0.0f;
    if (inside) {
      const float h = state_h[row];
      const float A = kGate == Gate::kSign ? state_A[row] : 0.0f;
      const float B = kGate == Gate::kSign ? state_B[row] : 0.0f;
      for (int64_t s = lane; s < rows.positions; s += rows.lanes) {
        const int64_t at = local * rows.positions + s;
        const float v = element(kept_x + at);
        const float g = gated<kGate>(element(kept + at), mask + row * row_bytes, s, v, h, A, B);
        sum_D += g;
        sum_T = fmaf(g, v - h, sum_T);
      }
    }
    double total[2] = {sum_D, sum_T};
    reduce_warp_lanes(total, rows.lanes);
    if (inside && lane == 0) {
      first[row] = static_cast<float>(total[0]);
      second[row] = static_cast<float>(total[1]);
    }
  });
}

// Given statistics need x for the gate alone: Q = 0.
template <class T, Gate kGate, bool kTraining>
__global__ void __launch_bounds__(kThreads)
    rbn_backward_write_staged_kernel(const T* __restrict__ dy,           // [N, C, S]
                                     const T* __restrict__ x,            // [N, C, S]
                                     const uint8_t* __restrict__ mask,   // [N, C, row_bytes]
                                     const float* __restrict__ state_h,  // [N, C]
                                     const float* __restrict__ state_A,  // [N, C]
                                     const float* __restrict__ state_B,  // [N, C]
                                     BackwardPlanes planes,
                                     T* __restrict__ dx,         // [N, C, S]
                                     T* __restrict__ dresidual,  // [N, C, S]
                                     int64_t row_bytes, Rows rows) {
  constexpr bool kReadsX = kTraining || kGate == Gate::kSign;
  RBN_DYNAMIC_SHARED(T, kept);  // dy, then dresidual; and x, then dx: [block_rows, S] each
  T* const kept_x = kept + rows.block_rows * rows.positions;
  const int64_t first_row = static_cast<int64_t>(reversed_block()) * rows.block_rows;
  const int64_t count = block_elements(rows, first_row);
  stage_in<true>(kept, dy + first_row * rows.positions, count);
  if constexpr (kReadsX) stage_in<true>(kept_x, x + first_row * rows.positions, count);
  __syncthreads();
  for_rows(rows, first_row, [&](int local, int64_t row, int lane, bool inside) {
    if (!inside) return;
    const BackwardCoefficients k = {planes.P[row], kTraining ? planes.Q[row % rows.channels] : 0.0f,
                                    planes.R[row]};
    const float h = kReadsX ? state_h[row] : 0.0f;
    const float A = kGate == Gate::kSign ? state_A[row] : 0.0f;
    const float B = kGate == Gate::kSign ? state_B[row] : 0.0f;
    for (int64_t s = lane; s < rows.positions; s += rows.lanes) {
      const int64_t at = local * rows.positions + s;
      const float v = kReadsX ? element(kept_x + at) : 0.0f;
      const float g = gated<kGate>(element(kept + at), mask + row * row_bytes, s, v, h, A, B);
      if constexpr (kGate == Gate::kMask) set_element(kept + at, g);
      set_element(kept_x + at,
                  kTraining ? backward_element(g, v, h, k) : backward_element(g, 0.0f, 0.0f, k));
    }
  });
  __syncthreads();
  stage_out(dx + first_row * rows.positions, kept_x, count);
  if constexpr (kGate == Gate::kMask) {
    if (dresidual) stage_out(dresidual + first_row * rows.positions, kept, count);
  }
}

LaunchConfig staged_config(const Rows& rows, int pieces, int32_t dtype, cudaStream_t stream) {
  LaunchConfig config = config_of(rows, stream);
  config.shared_bytes = static_cast<size_t>(pieces * staged_bytes(rows, dtype));
  return config;
}

}  // namespace

cudaError_t rbn_forward_sums_staged(const RbnForward& call, const Rows& rows,
                                    const PartialSums& sums, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, 1, [&](auto element) {
    using T = typename decltype(element)::Type;
    return launch(staged_config(rows, 1, call.problem.dtype, stream),
                  rbn_forward_sums_staged_kernel<T>, static_cast<const T*>(call.x), sums.first,
                  sums.second, rows);
  });
}

cudaError_t rbn_forward_write_staged(const RbnForward& call, const Rows& rows, const float* state,
                                     cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, 1, [&](auto element) {
    return dispatch_tail(tail_of(call), [&](auto tail) {
      using T = typename decltype(element)::Type;
      constexpr Tail kTail = decltype(tail)::kValue;
      return launch(staged_config(rows, kTail == Tail::kNone ? 1 : 2, call.problem.dtype, stream),
                    rbn_forward_write_staged_kernel<T, kTail>, static_cast<const T*>(call.x),
                    static_cast<const T*>(call.residual), state, state + 2 * rows.rows,
                    state + 3 * rows.rows, static_cast<T*>(call.y), call.mask,
                    rbn_mask_row_bytes(&call.problem), call.problem.activation == RBN_RELU, rows);
    });
  });
}

cudaError_t rbn_backward_sums_staged(const RbnBackward& call, const Rows& rows,
                                     const PartialSums& sums, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, 1, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      return launch(staged_config(rows, 2, call.problem.dtype, stream),
                    rbn_backward_sums_staged_kernel<T, decltype(gate)::kValue>,
                    static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask,
                    call.state, call.state + 2 * rows.rows, call.state + 3 * rows.rows, sums.first,
                    sums.second, rbn_mask_row_bytes(&call.problem), rows);
    });
  });
}

cudaError_t rbn_backward_write_staged(const RbnBackward& call, const Rows& rows,
                                      const BackwardPlanes& planes, cudaStream_t stream) {
  return dispatch_element(call.problem.dtype, 1, [&](auto element) {
    return dispatch_gate(gate_of(call), [&](auto gate) {
      using T = typename decltype(element)::Type;
      constexpr Gate kGate = decltype(gate)::kValue;
      const auto kernel = call.problem.training ? rbn_backward_write_staged_kernel<T, kGate, true>
                                                : rbn_backward_write_staged_kernel<T, kGate, false>;
      return launch(staged_config(rows, 2, call.problem.dtype, stream), kernel,
                    static_cast<const T*>(call.dy), static_cast<const T*>(call.x), call.mask,
                    call.state, call.state + 2 * rows.rows, call.state + 3 * rows.rows, planes,
                    static_cast<T*>(call.dx), static_cast<T*>(call.dresidual),
                    rbn_mask_row_bytes(&call.problem), rows);
    });
  });
}

}  // namespace rbn
