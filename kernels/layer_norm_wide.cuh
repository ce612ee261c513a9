#pragma once

#include <cstdint>

#include "kernels/layer_norm_row.cuh"
#include "runtime/kernel.cuh"

// Rows beyond kLayerNormBlockColumns: a block walks along them.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

// `count` is 4 (then the address is aligned) or 1; zeros where nothing is loaded.
__device__ float4 load_up_to_four(const float* from, int count) {
  if (count == 4) return *reinterpret_cast<const float4*>(from);
  return make_float4(*from, 0.0F, 0.0F, 0.0F);
}
__device__ void store_up_to_four(float* to, float4 value, int count) {
  if (count == 4)
    *reinterpret_cast<float4*>(to) = value;
  else
    *to = value.x;
}
__device__ float4 minus(float4 value, float mean, int count) {
  if (count == 4) return make_float4(value.x - mean, value.y - mean, value.z - mean, value.w - mean);
  return make_float4(value.x - mean, 0.0F, 0.0F, 0.0F);
}

/// body(column, count) for the calling thread's columns of a row: quads, or one at a time.
template <class Body>
__device__ void for_columns(bool quads, std::int64_t columns, Body body) {
  if (quads) {
#pragma unroll 4
    for (std::int64_t c = 4 * static_cast<int>(threadIdx.x); c < columns; c += 4 * kBlock) body(c, 4);
  } else {
#pragma unroll 4
    for (std::int64_t c = threadIdx.x; c < columns; c += kBlock) body(c, 1);
  }
}

// First step backward: what the mean of each row lacks, and the means of g and g n over it. A block a row.
__global__ void __launch_bounds__(kBlock)
    row_sums_kernel(LayerNormBackwardCall call, float* row_sums, bool quads) {
  using Sum = GroupSum<kBlock, double>;
  ATELIER_SHARED(double, room, [Sum::kRoom]);
  Sum group_sum(room);
  const std::int64_t columns = call.input.columns;
  const double per_column = 1.0 / static_cast<double>(columns);
#pragma unroll 1
  for (std::int64_t row = blockIdx.x; row < call.input.rows; row += gridDim.x) {
    const float mean = __ldg(call.mean.data + row);
    double sum[3] = {0.0, 0.0, 0.0};
    for_columns(quads, columns, [&](std::int64_t c, int count) {
      const float4 d = minus(load_up_to_four(&call.input(row, c), count), mean, count);
      float4 g = load_up_to_four(&call.output_gradient(row, c), count);
      if (call.gamma.data != nullptr) {
        const float4 gamma = load_up_to_four(call.gamma.data + c, count);
        g = make_float4(g.x * gamma.x, g.y * gamma.y, g.z * gamma.z, g.w * gamma.w);
      }
      sum[0] += static_cast<double>((d.x + d.y) + (d.z + d.w));
      sum[1] += static_cast<double>((g.x + g.y) + (g.z + g.w));
      sum[2] += static_cast<double>((g.x * d.x + g.y * d.y) + (g.z * d.z + g.w * d.w));
    });
    group_sum(sum);
    if (threadIdx.x != 0) continue;
    const double rest = sum[0] * per_column;
    const double mean_of_g = sum[1] * per_column;
    float* const to = row_sums + kLayerNormRowSums * row;
    to[0] = static_cast<float>(rest);
    to[1] = static_cast<float>(mean_of_g);
    to[2] = static_cast<float>((sum[2] * per_column - rest * mean_of_g) *
                               static_cast<double>(__ldg(call.reciprocal_deviation.data + row)));
  }
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
