#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/layer_norm_launch.h"
#include "kernels/layer_norm_row.cuh"
#include "kernels/layer_norm_wide.cuh"
#include "runtime/kernel.cuh"

// Backward: the input and the output's gradient are read once. A group of threads works through its rows; a
// thread's columns are the same in all of them, so that gamma's and beta's sums stay in its registers until
// the end. A block then leaves one part of the sums, and a second kernel adds the parts. Both sums need what
// the rounded mean lacks (layer_norm.cu), which a third sum over the row gives.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

/// Where a block's sums go: to the scratch memory, or, from the only block, to the gradients.
struct SumsPlace {
  float* gamma;  // null: not wanted
  float* beta;
  bool accumulate;
};

__device__ void put(const SumsPlace& place, std::int64_t column, float gamma, float beta) {
  if (place.gamma != nullptr) place.gamma[column] = place.accumulate ? place.gamma[column] + gamma : gamma;
  if (place.beta != nullptr) place.beta[column] = place.accumulate ? place.beta[column] + beta : beta;
}

__device__ SumsPlace place_of_part(const LayerNormBackwardCall& call, std::int64_t part, std::int64_t parts) {
  if (parts == 1) return {call.gamma_gradient.data, call.beta_gradient.data, call.accumulate};
  float* const at = call.scratch.data + 2 * call.input.columns * part;
  return {call.gamma_gradient.data != nullptr ? at : nullptr,
          call.beta_gradient.data != nullptr ? at + call.input.columns : nullptr, false};
}

/// Blocks a multiprocessor that leave enough registers.
constexpr int resident_blocks(int quads_a_thread, bool quads) {
  if (quads_a_thread <= 2) return quads ? 3 : 2;
  return quads_a_thread <= 4 ? 2 : 1;
}

template <int kGroup, int kQuads, bool quads>
__global__ void __launch_bounds__(kBlock, resident_blocks(kQuads, quads))
    backward_kernel(LayerNormBackwardCall call) {
  using Part = RowPart<kGroup, kQuads, quads>;
  using Sum = GroupSum<kGroup, float>;
  constexpr int kElements = Part::kElements;
  ATELIER_SHARED(float, room, [Sum::kRoom]);
  ATELIER_SHARED(float, combined, [kGroup == kWarp ? 2 * kWarp * kElements : 1]);
  Sum group_sum(room);
  const int thread = static_cast<int>(threadIdx.x);
  const Part part{thread % kGroup, static_cast<int>(call.input.columns)};
  constexpr int kGroups = kBlock / kGroup;
  const float per_column = 1.0F / static_cast<float>(part.columns);
  float gamma_sum[kElements] = {};
  float beta_sum[kElements] = {};

#pragma unroll 1
  for (std::int64_t row = std::int64_t{blockIdx.x} * kGroups + thread / kGroup; row < call.input.rows;
       row += std::int64_t{gridDim.x} * kGroups) {
    float d[kElements];  // x - mean
    float dy[kElements];
    part.load(&call.input(row, 0), d);
    part.load(&call.output_gradient(row, 0), dy);
    const float mean = __ldg(call.mean.data + row);
    const float deviation = __ldg(call.reciprocal_deviation.data + row);
    float sum[3] = {0.0F, 0.0F, 0.0F};  // of d, g and g d
    const auto weighted = [&](int i) {
      float4 gamma = make_float4(1.0F, 1.0F, 1.0F, 1.0F);
      if (call.gamma.data != nullptr) gamma = part.four(call.gamma.data, i);
      return make_float4(dy[i] * gamma.x, dy[i + 1] * gamma.y, dy[i + 2] * gamma.z, dy[i + 3] * gamma.w);
    };
#pragma unroll
    for (int i = 0; i < kElements; i += 4) {
#pragma unroll
      for (int j = i; j < i + 4; ++j) d[j] = part.inside(j) ? d[j] - mean : 0.0F;
      const float4 g = weighted(i);
      sum[0] += (d[i] + d[i + 1]) + (d[i + 2] + d[i + 3]);
      sum[1] += (g.x + g.y) + (g.z + g.w);
      sum[2] += (g.x * d[i] + g.y * d[i + 1]) + (g.z * d[i + 2] + g.w * d[i + 3]);
    }
    group_sum(sum);
    const float rest = sum[0] * per_column;
    const float mean_of_g = sum[1] * per_column;
    const float mean_of_g_n = (sum[2] * per_column - rest * mean_of_g) * deviation;
#pragma unroll
    for (int i = 0; i < kElements; i += 4) {
      const float4 g = weighted(i);  // once more, rather than kept in registers
#pragma unroll
      for (int j = i; j < i + 4; ++j) {
        d[j] = (d[j] - rest) * deviation;  // now the normalised input
        gamma_sum[j] += dy[j] * d[j];
        beta_sum[j] += dy[j];
      }
      dy[i] = deviation * (g.x - mean_of_g - d[i] * mean_of_g_n);
      dy[i + 1] = deviation * (g.y - mean_of_g - d[i + 1] * mean_of_g_n);
      dy[i + 2] = deviation * (g.z - mean_of_g - d[i + 2] * mean_of_g_n);
      dy[i + 3] = deviation * (g.w - mean_of_g - d[i + 3] * mean_of_g_n);
    }
    if (call.input_gradient.data != nullptr) part.store(&call.input_gradient(row, 0), dy);
  }

  const SumsPlace place = place_of_part(call, blockIdx.x, gridDim.x);
  if (place.gamma == nullptr && place.beta == nullptr) return;  // all threads
  if constexpr (kGroup == kWarp) {
    // The warps add theirs one after the other.
#pragma unroll 1
    for (int warp = 0; warp < kWarps; ++warp) {
      if (thread / kWarp == warp)
#pragma unroll
        for (int i = 0; i < kElements; ++i) {
          float* const to = combined + part.column(i);
          to[0] = warp == 0 ? gamma_sum[i] : to[0] + gamma_sum[i];
          to[kWarp * kElements] = warp == 0 ? beta_sum[i] : to[kWarp * kElements] + beta_sum[i];
        }
      __syncthreads();
    }
    for (int column = thread; column < part.columns; column += kBlock)
      put(place, column, combined[column], combined[kWarp * kElements + column]);
  } else {
#pragma unroll
    for (int i = 0; i < kElements; ++i)
      if (part.inside(i)) put(place, part.column(i), gamma_sum[i], beta_sum[i]);
  }
}

constexpr int kSumColumns = 32;
constexpr int kSumSlices = 16;

// Adds the parts of gamma's and beta's sums: columns [0, columns) are gamma's, the next are beta's.
__global__ void __launch_bounds__(kSumColumns* kSumSlices)
    parts_sum_kernel(LayerNormBackwardCall call, std::int64_t parts) {
  ATELIER_SHARED(float, slice_sum, [kSumSlices][kSumColumns]);
  const int across = static_cast<int>(threadIdx.x) % kSumColumns;
  const int slice = static_cast<int>(threadIdx.x) / kSumColumns;
  const std::int64_t columns = call.input.columns;
  const std::int64_t column = std::int64_t{blockIdx.x} * kSumColumns + across;
  const bool of_gamma = column < columns;
  float* const gradient = of_gamma ? call.gamma_gradient.data : call.beta_gradient.data;
  const bool wanted = column < 2 * columns && gradient != nullptr;
  float sum = 0.0F;
  if (wanted)
#pragma unroll 4
    for (std::int64_t part = slice; part < parts; part += kSumSlices)
      sum += call.scratch[2 * columns * part + column];
  slice_sum[slice][across] = sum;
  __syncthreads();
  if (slice != 0 || !wanted) return;
#pragma unroll
  for (int other = 1; other < kSumSlices; ++other) sum += slice_sum[other][across];
  float* const to = gradient + (of_gamma ? column : column - columns);
  *to = call.accumulate ? *to + sum : sum;
}

// Rows that fit in no register file, second step: elementwise, with the rows' sums at hand. A thread's column
// is the same in all kLayerNormWideRows rows of its part.
__global__ void __launch_bounds__(kBlock)
    wide_backward_kernel(LayerNormBackwardCall call, std::int64_t column_tiles, const float* row_sums) {
  const std::int64_t part = blockIdx.x / column_tiles;
  const std::int64_t column = blockIdx.x % column_tiles * kBlock + threadIdx.x;
  if (column >= call.input.columns) return;  // no barrier follows
  const std::int64_t parts = gridDim.x / column_tiles;
  const std::int64_t begin = part * kLayerNormWideRows;
  const std::int64_t end =
      begin + kLayerNormWideRows < call.input.rows ? begin + kLayerNormWideRows : call.input.rows;
  const float gamma = call.gamma.data != nullptr ? __ldg(call.gamma.data + column) : 1.0F;
  float gamma_sum = 0.0F;
  float beta_sum = 0.0F;
  constexpr int kAtOnce = 4;
#pragma unroll 1
  for (std::int64_t first = begin; first < end; first += kAtOnce) {
    float x[kAtOnce];
    float dy[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t row = first + i < end ? first + i : first;
      x[i] = call.input(row, column);
      dy[i] = call.output_gradient(row, column);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t row = first + i;
      if (row >= end) break;
      const float* const sums = row_sums + kLayerNormRowSums * row;
      const float deviation = __ldg(call.reciprocal_deviation.data + row);
      const float n = ((x[i] - __ldg(call.mean.data + row)) - sums[0]) * deviation;
      gamma_sum += dy[i] * n;
      beta_sum += dy[i];
      if (call.input_gradient.data != nullptr)
        call.input_gradient(row, column) = deviation * (dy[i] * gamma - sums[1] - n * sums[2]);
    }
  }
  put(place_of_part(call, part, parts), column, gamma_sum, beta_sum);
}

template <int kGroup, int kQuads, bool quads>
void launch_rows_backward(Stream& stream, const LayerNormBackwardCall& call, std::int64_t blocks) {
  launch("layer_norm_backward", stream, backward_kernel<kGroup, kQuads, quads>,
         {dim3(static_cast<unsigned>(blocks)), dim3(kBlock)}, call);
}

void launch_wide_backward(Stream& stream, const LayerNormBackwardCall& call, std::int64_t parts, bool quads) {
  const std::int64_t columns = call.input.columns;
  float* const row_sums = call.scratch.data + 2 * columns * parts;
  constexpr std::int64_t kMostBlocks = 1 << 20;
  if (call.input.rows > 0)
    launch("layer_norm_backward", stream, row_sums_kernel,
           {dim3(static_cast<unsigned>(std::min(call.input.rows, kMostBlocks))), dim3(kBlock)}, call,
           row_sums, quads);
  const std::int64_t tiles = (columns + kBlock - 1) / kBlock;
  launch("layer_norm_backward", stream, wide_backward_kernel,
         {dim3(static_cast<unsigned>(tiles * parts)), dim3(kBlock)}, call, tiles, row_sums);
}

void launch_backward(Stream& stream, const LayerNormBackwardCall& call) {
  const std::int64_t columns = call.input.columns;
  const bool quads = columns % 4 == 0 && starts_aligned(call.input) && starts_aligned(call.output_gradient) &&
                     starts_aligned(call.input_gradient) && starts_aligned(call.gamma.data, 1, 0);
  const std::int64_t parts = layer_norm_blocks(call.input.rows, columns, quads);
  if (quads && columns <= 256)
    launch_rows_backward<kWarp, 2, true>(stream, call, parts);
  else if (quads && columns <= 512)
    launch_rows_backward<kWarp, 4, true>(stream, call, parts);
  else if (quads && columns <= kLayerNormWarpColumns)
    launch_rows_backward<kWarp, 8, true>(stream, call, parts);
  else if (quads && columns <= 2048)
    launch_rows_backward<kBlock, 2, true>(stream, call, parts);
  else if (quads && columns <= kLayerNormBlockColumns)
    launch_rows_backward<kBlock, 8, true>(stream, call, parts);
  else if (columns <= kLayerNormWarpSingles)
    launch_rows_backward<kWarp, 2, false>(stream, call, parts);
  else if (columns <= kLayerNormBlockSingles)
    launch_rows_backward<kBlock, 2, false>(stream, call, parts);
  else
    launch_wide_backward(stream, call, parts, quads);
  if (parts == 1 || (call.gamma_gradient.data == nullptr && call.beta_gradient.data == nullptr)) return;
  launch("layer_norm_backward", stream, parts_sum_kernel,
         {dim3(static_cast<unsigned>((2 * columns + kSumColumns - 1) / kSumColumns)),
          dim3(kSumColumns * kSumSlices)},
         call, parts);
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
