// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// What is done by sorting: TopK and UnsortedSegmentSum. One sort serves both. Its keys of 64 bits have what
// decides above and the index below, so no two are equal and the result does not depend on the order
// in which blocks run. Tiles are sorted in shared memory, then merged two by two; where only the
// first k of a row are wanted, no run is ever longer than k. Rows of one tile need no merge.
#include <math.h>

#include <type_traits>

#include "../runtime/launch.h"
#include "operation.h"

namespace rbn {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kLargestTile = 2048;  // keys: 16 KiB of shared memory
constexpr uint64_t kPadding = ~0ull;    // comes last; no index is that large

__device__ __forceinline__ uint32_t index_of(uint64_t key) { return static_cast<uint32_t>(key); }

// The greatest value has the least key. NaN counts as greater than Infinity, 0 and -0 are equal.
template <class T>
struct DescendingKeys {
  const T* x;  // [rows, length]

  __device__ uint64_t operator()(int64_t row, int64_t length, int64_t index) const {
    const T value = x[row * length + index];
    uint32_t ascending;
    if constexpr (std::is_same<T, float>::value) {
      const uint32_t bits = value != value ? 0x7fc00000u : __float_as_uint(value == 0 ? 0 : value);
      ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    } else {
      ascending = static_cast<uint32_t>(value) ^ 0x80000000u;
    }
    return static_cast<uint64_t>(~ascending) << 32 | static_cast<uint32_t>(index);
  }
};

// By segment, then by row. Rows of no segment come last.
struct SegmentKeys {
  const int32_t* ids;  // [length]
  int64_t segments;

  __device__ uint64_t operator()(int64_t, int64_t, int64_t index) const {
    const int32_t id = ids[index];
    const uint32_t segment = id >= 0 && id < segments ? static_cast<uint32_t>(id) : 0xffffffffu;
    return static_cast<uint64_t>(segment) << 32 | static_cast<uint32_t>(index);
  }
};

__host__ __device__ inline int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

// The least `wanted` keys of each row of `length`, in order. Runs of a row follow each other at
// multiples of lesser(wanted, elements that a run stands for), so none but the last is shorter than that.
struct SortShape {
  int64_t rows, length, wanted;
  int64_t tile;    // keys, a power of two
  int64_t tiles;   // a row
  int64_t stride;  // keys from row to row in memory: tiles need the most, merged runs never more
};

SortShape sort_shape(int64_t rows, int64_t length, int64_t wanted) {
  int64_t tile = 64;  // a pair for each thread of a warp
  while (tile < length && tile < kLargestTile) tile *= 2;
  const int64_t tiles = (length + tile - 1) / tile;
  return {rows, length, wanted, tile, tiles, lesser(length, tiles * lesser(wanted, tile))};
}

// Writes the first keys of each tile as a run. Bitonic.
template <class Keys>
__global__ void __launch_bounds__(kThreads)
    rbn_sort_tiles_kernel(Keys keys, uint64_t* __restrict__ out, SortShape shape) {
  RBN_DYNAMIC_SHARED(uint64_t, tile_keys);
  const int64_t capacity = lesser(shape.wanted, shape.tile);
  const int size = static_cast<int>(shape.tile);
  for (int64_t block = blockIdx.x; block < shape.rows * shape.tiles; block += gridDim.x) {
    const int64_t row = block / shape.tiles;
    const int64_t run_of_row = block - row * shape.tiles, first = run_of_row * shape.tile;
    __syncthreads();  // the tile before has been read
    for (int i = threadIdx.x; i < size; i += blockDim.x)
      tile_keys[i] = first + i < shape.length ? keys(row, shape.length, first + i) : kPadding;
    for (int run = 2; run <= size; run *= 2) {
      for (int distance = run / 2; distance > 0; distance /= 2) {
        __syncthreads();
        for (int pair = threadIdx.x; pair < size / 2; pair += blockDim.x) {
          const int low = 2 * pair - (pair & (distance - 1));
          const int high = low + distance;
          const uint64_t a = tile_keys[low], b = tile_keys[high];
          if ((a > b) == ((low & run) == 0)) {
            tile_keys[low] = b;
            tile_keys[high] = a;
          }
        }
      }
    }
    __syncthreads();
    const int64_t count = lesser(capacity, shape.length - first);
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x)
      out[row * shape.stride + run_of_row * capacity + i] = tile_keys[i];
  }
}

// The keys below `key` in a sorted run.
__device__ __forceinline__ int64_t count_below(const uint64_t* run, int64_t length, uint64_t key) {
  int64_t low = 0, high = length;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (run[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Two neighbouring runs become one; each of `in` stands for `span` elements of its row. A thread finds the
// place of one key: its own in its run plus the keys below it in the other.
__global__ void __launch_bounds__(kThreads)
    rbn_sort_merge_kernel(const uint64_t* __restrict__ in, uint64_t* __restrict__ out,
                          SortShape shape, int64_t runs, int64_t span) {
  const int64_t capacity = lesser(shape.wanted, span);
  const int64_t next_capacity = lesser(shape.wanted, 2 * span);
  const int64_t count = shape.rows * runs * capacity;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    const int64_t run = i / capacity, own = i - run * capacity;  // a run of all rows
    const int64_t row = run / runs, in_row = run - row * runs;
    if (own >= lesser(capacity, shape.length - in_row * span)) continue;
    const int64_t other = in_row ^ 1;
    const uint64_t* const row_in = in + row * shape.stride;
    const uint64_t key = row_in[in_row * capacity + own];
    int64_t place = own;
    if (other < runs)
      place += count_below(row_in + other * capacity,
                           lesser(capacity, shape.length - other * span), key);
    if (place < next_capacity)
      out[row * shape.stride + in_row / 2 * next_capacity + place] = key;
  }
}

// Sets `sorted` to the rows in the workspace, at shape.stride. wanted is at most length; none of the three
// is 0.
template <class Keys>
cudaError_t sort_keys(RbnContext* context, Workspace* workspace, const Keys& keys,
                      const SortShape& shape, const uint64_t** sorted) {
  const int64_t size = shape.rows * shape.stride;
  cudaError_t code = workspace->allocate((shape.tiles > 1 ? 2 : 1) * size * sizeof(uint64_t));
  if (code != cudaSuccess) return code;
  auto* from = static_cast<uint64_t*>(workspace->memory());
  uint64_t* to = from + size;

  LaunchConfig config;
  config.stream = context->stream;
  config.block = dim3(static_cast<unsigned>(lesser(kThreads, shape.tile / 2)));
  config.grid = dim3(static_cast<unsigned>(lesser(shape.rows * shape.tiles, 1 << 30)));
  config.shared_bytes = shape.tile * sizeof(uint64_t);
  code = launch(config, rbn_sort_tiles_kernel<Keys>, keys, from, shape);

  config.block = dim3(kThreads);
  config.shared_bytes = 0;
  int64_t span = shape.tile;
  for (int64_t runs = shape.tiles; runs > 1 && code == cudaSuccess; runs = (runs + 1) / 2) {
    config.grid = dim3(element_blocks(shape.rows * runs * lesser(shape.wanted, span)));
    code = launch(config, rbn_sort_merge_kernel, static_cast<const uint64_t*>(from), to, shape, runs,
                  span);
    uint64_t* const swap = from;
    from = to;
    to = swap;
    span *= 2;
  }
  *sorted = from;
  return code;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    rbn_top_k_kernel(const T* __restrict__ x, const uint64_t* __restrict__ sorted,
                     T* __restrict__ values, int32_t* __restrict__ indices, SortShape shape) {
  const int64_t k = shape.wanted, count = shape.rows * k;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    const int64_t row = i / k;
    const uint32_t index = index_of(sorted[row * shape.stride + (i - row * k)]);
    values[i] = x[row * shape.length + index];
    indices[i] = static_cast<int32_t>(index);
  }
}

// The k greatest of each last dimension, greatest first, of equals the first one first. k is the outputs' last
// dimension.
int32_t top_k(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& values = call.outputs[0];
  const RbnTensor& indices = call.outputs[1];
  if (values.dtype != x.dtype || indices.dtype != RBN_TENSOR_INT32)
    return fail(error, RBN_INVALID_ARGUMENT,
                "outputs: expected the input's dtype and int32, received %d and %d", values.dtype,
                indices.dtype);
  if (x.rank < 1 || values.rank != x.rank || !same_shape(values, indices))
    return fail(error, RBN_INVALID_ARGUMENT,
                "outputs: expected two of the same shape and of the input's rank, at least 1");
  const int32_t last = x.rank - 1;
  for (int32_t d = 0; d < last; ++d) {
    if (values.shape[d] != x.shape[d])
      return fail(error, RBN_INVALID_ARGUMENT, "outputs: dimension %d differs from the input's", d);
  }
  const int64_t length = x.shape[last], k = values.shape[last];
  if (k > length || length > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT,
                "k: expected at most the last dimension and that below 2^31, received %lld of %lld",
                static_cast<long long>(k), static_cast<long long>(length));
  const int64_t count = element_count(values);
  if (count == 0) return RBN_OK;
  return dispatch_type(x.dtype, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const auto* from = static_cast<const T*>(x.data);
    Workspace workspace(context);
    const uint64_t* sorted = nullptr;
    const SortShape shape = sort_shape(count / k, length, k);
    cudaError_t code = sort_keys(context, &workspace, DescendingKeys<T>{from}, shape, &sorted);
    if (code == cudaSuccess) {
      LaunchConfig config;
      config.grid = dim3(element_blocks(count));
      config.block = dim3(kThreads);
      config.stream = context->stream;
      code = launch(config, rbn_top_k_kernel<T>, from, sorted, static_cast<T*>(values.data),
                    static_cast<int32_t*>(indices.data), shape);
    }
    return check(error, code, "sorting");
  });
}

// x: [rows, columns], sorted: [rows], out: [segments, columns]. A block takes `together` segments times
// `lanes` threads times 2^n neighbouring columns; a segment's rows are dealt out to the lanes and
// their sums added up by halves, in double.
struct SegmentShape {
  int64_t rows, columns, segments;
  int64_t column_tiles, tiles;  // tiles in all
  int64_t width, lanes;         // columns and lanes of a block
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    rbn_segment_sum_kernel(const T* __restrict__ x, const uint64_t* __restrict__ sorted,
                           float* __restrict__ out, SegmentShape shape) {
  RBN_SHARED(double, scratch, kThreads);
  const int width = static_cast<int>(shape.width), lanes = static_cast<int>(shape.lanes);
  const int lane = threadIdx.x / width % lanes;
  for (int64_t tile = blockIdx.x; tile < shape.tiles; tile += gridDim.x) {
    const int64_t group = tile / shape.column_tiles;
    const int64_t column = (tile - group * shape.column_tiles) * width + threadIdx.x % width;
    const int64_t segment = group * (kThreads / (width * lanes)) + threadIdx.x / (width * lanes);
    const bool inside = segment < shape.segments && column < shape.columns;
    double sum = 0;
    if (inside) {
      const int64_t end =
          count_below(sorted, shape.rows, static_cast<uint64_t>(segment + 1) << 32);
      int64_t i = count_below(sorted, end, static_cast<uint64_t>(segment) << 32) + lane;
      for (; i < end; i += lanes)
        sum += static_cast<double>(x[index_of(sorted[i]) * shape.columns + column]);
    }
    __syncthreads();  // the tile before has been read
    scratch[threadIdx.x] = sum;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane < half) scratch[threadIdx.x] += scratch[threadIdx.x + half * width];
    }
    if (inside && lane == 0)
      out[segment * shape.columns + column] = static_cast<float>(scratch[threadIdx.x]);
  }
}

SegmentShape segment_shape(int64_t rows, int64_t columns, int64_t segments) {
  int64_t width = 1;
  while (width < columns && width < 32) width *= 2;
  // Lanes for the segments of middle length, but not less than 8: some are much longer.
  int64_t lanes = 8;
  while (lanes * segments < rows && lanes * width < kThreads) lanes *= 2;
  const int64_t together = kThreads / (width * lanes);
  const int64_t column_tiles = (columns + width - 1) / width;
  const int64_t tiles = (segments + together - 1) / together * column_tiles;
  return {rows, columns, segments, column_tiles, tiles, width, lanes};
}

// inputs: x and the segment of each of its rows; a row whose segment does not exist is left out. The output is
// float32 whatever the input is, as on tfjs's cpu backend.
int32_t unsorted_segment_sum(RbnContext* context, const RbnCall& call, RbnError* error) {
  const RbnTensor& x = call.inputs[0];
  const RbnTensor& ids = call.inputs[1];
  const RbnTensor& out = call.outputs[0];
  if (ids.dtype != RBN_TENSOR_INT32 || out.dtype != RBN_TENSOR_FLOAT32)
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected segments of int32 and an output of float32, received dtypes %d and %d",
                ids.dtype, out.dtype);
  if (x.rank < 1 || ids.rank != 1 || out.rank != x.rank || ids.shape[0] != x.shape[0])
    return fail(error, RBN_INVALID_ARGUMENT,
                "expected one segment a row and an output of the input's rank, at least 1");
  int64_t columns = 1;
  for (int32_t d = 1; d < x.rank; ++d) {
    if (out.shape[d] != x.shape[d])
      return fail(error, RBN_INVALID_ARGUMENT, "output: dimension %d differs from the input's", d);
    columns *= x.shape[d];
  }
  const int64_t rows = x.shape[0], segments = out.shape[0];
  if (rows > INT32_MAX || segments > INT32_MAX)
    return fail(error, RBN_INVALID_ARGUMENT, "expected less than 2^31 rows and segments");
  if (columns == 0 || segments == 0) return RBN_OK;
  if (rows == 0)
    return check(error, fill(context, out.data, out.dtype, segments * columns, 0), "launch");
  return dispatch_type(x.dtype, error, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    Workspace workspace(context);
    const uint64_t* sorted = nullptr;
    cudaError_t code =
        sort_keys(context, &workspace, SegmentKeys{static_cast<const int32_t*>(ids.data), segments},
                  sort_shape(1, rows, rows), &sorted);
    if (code == cudaSuccess) {
      const SegmentShape shape = segment_shape(rows, columns, segments);
      LaunchConfig config;
      config.grid = dim3(static_cast<unsigned>(lesser(shape.tiles, 1 << 30)));
      config.block = dim3(kThreads);
      config.stream = context->stream;
      code = launch(config, rbn_segment_sum_kernel<T>, static_cast<const T*>(x.data), sorted,
                    static_cast<float*>(out.data), shape);
    }
    return check(error, code, "sorting");
  });
}

constexpr Operation kOperations[] = {
    {"TopK", 1, 2, 0, false, top_k},
    {"UnsortedSegmentSum", 2, 1, 0, false, unsorted_segment_sum},
};

}  // namespace

OperationTable sort_operations() {
  return {kOperations, sizeof kOperations / sizeof *kOperations};
}

}  // namespace rbn
