#include <algorithm>
#include <cstdint>

#include "kernels/layer_norm_backward.cuh"
#include "kernels/layer_norm_launch.h"
#include "kernels/layer_norm_row.cuh"
#include "runtime/kernel.cuh"

// Forward: a row is read once and stays in the registers of a warp or of a block; a row beyond
// kLayerNormBlockColumns (or an unaligned one) is read three times, twice out of the L2 cache. The mean is a
// float and what that float lacks ("rest"): (x - mean) - rest is right even where the mean is large beside
// the deviation. Backward: layer_norm_backward.cuh.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

template <int kGroup, int kQuads, bool quads>
__global__ void __launch_bounds__(kBlock) forward_kernel(LayerNormCall call) {
  using Part = RowPart<kGroup, kQuads, quads>;
  using Sum = GroupSum<kGroup, float>;
  ATELIER_SHARED(float, room, [Sum::kRoom]);
  Sum group_sum(room);
  const Part part{static_cast<int>(threadIdx.x) % kGroup, static_cast<int>(call.input.columns)};
  constexpr int kGroups = kBlock / kGroup;
  const float per_column = 1.0F / static_cast<float>(part.columns);

#pragma unroll 1
  for (std::int64_t row = std::int64_t{blockIdx.x} * kGroups + threadIdx.x / kGroup; row < call.input.rows;
       row += std::int64_t{gridDim.x} * kGroups) {
    float value[Part::kElements];
    part.load(&call.input(row, 0), value);
    float sum[1] = {0.0F};
#pragma unroll
    for (int i = 0; i < Part::kElements; ++i) sum[0] += value[i];
    group_sum(sum);
    const float mean = sum[0] * per_column;
    float moments[2] = {0.0F, 0.0F};
#pragma unroll
    for (int i = 0; i < Part::kElements; ++i) {
      value[i] = part.inside(i) ? value[i] - mean : 0.0F;
      moments[0] += value[i];
      moments[1] += value[i] * value[i];
    }
    group_sum(moments);
    const float rest = moments[0] * per_column;
    const float deviation = reciprocal_deviation_of(rest, moments[1] * per_column, call.epsilon);
#pragma unroll
    for (int i = 0; i < Part::kElements; i += 4) {
      float4 gamma = make_float4(1.0F, 1.0F, 1.0F, 1.0F);
      float4 beta = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
      if (call.gamma.data != nullptr) {
        gamma = part.four(call.gamma.data, i);
        beta = part.four(call.beta.data, i);
      }
      value[i] = (value[i] - rest) * deviation * gamma.x + beta.x;
      value[i + 1] = (value[i + 1] - rest) * deviation * gamma.y + beta.y;
      value[i + 2] = (value[i + 2] - rest) * deviation * gamma.z + beta.z;
      value[i + 3] = (value[i + 3] - rest) * deviation * gamma.w + beta.w;
    }
    part.store(&call.output(row, 0), value);
    if (call.mean.data != nullptr && part.rank == 0) {
      call.mean[row] = mean;
      call.reciprocal_deviation[row] = deviation;
    }
  }
}

// A block a row, of any length; sums in double.
__global__ void __launch_bounds__(kBlock) wide_forward_kernel(LayerNormCall call, bool quads) {
  using Sum = GroupSum<kBlock, double>;
  ATELIER_SHARED(double, room, [Sum::kRoom]);
  Sum group_sum(room);
  const std::int64_t columns = call.input.columns;
  const double per_column = 1.0 / static_cast<double>(columns);
#pragma unroll 1
  for (std::int64_t row = blockIdx.x; row < call.input.rows; row += gridDim.x) {
    const float* const x = &call.input(row, 0);
    double sum[1] = {0.0};
    for_columns(quads, columns, [&](std::int64_t c, int count) {
      const float4 value = load_up_to_four(x + c, count);
      sum[0] += static_cast<double>((value.x + value.y) + (value.z + value.w));
    });
    group_sum(sum);
    const float mean = static_cast<float>(sum[0] * per_column);
    double moments[2] = {0.0, 0.0};
    for_columns(quads, columns, [&](std::int64_t c, int count) {
      const float4 d = minus(load_up_to_four(x + c, count), mean, count);
      moments[0] += static_cast<double>((d.x + d.y) + (d.z + d.w));
      moments[1] += static_cast<double>((d.x * d.x + d.y * d.y) + (d.z * d.z + d.w * d.w));
    });
    group_sum(moments);
    const double exact_rest = moments[0] * per_column;
    const float rest = static_cast<float>(exact_rest);
    const float deviation = reciprocal_deviation_of(exact_rest, moments[1] * per_column, call.epsilon);
    for_columns(quads, columns, [&](std::int64_t c, int count) {
      const float4 d = minus(load_up_to_four(x + c, count), mean, count);
      float4 gamma = make_float4(1.0F, 1.0F, 1.0F, 1.0F);
      float4 beta = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
      if (call.gamma.data != nullptr) {
        gamma = load_up_to_four(call.gamma.data + c, count);
        beta = load_up_to_four(call.beta.data + c, count);
      }
      store_up_to_four(&call.output(row, c),
                       make_float4((d.x - rest) * deviation * gamma.x + beta.x,
                                   (d.y - rest) * deviation * gamma.y + beta.y,
                                   (d.z - rest) * deviation * gamma.z + beta.z,
                                   (d.w - rest) * deviation * gamma.w + beta.w),
                       count);
    });
    if (call.mean.data != nullptr && threadIdx.x == 0) {
      call.mean[row] = mean;
      call.reciprocal_deviation[row] = deviation;
    }
  }
}

template <int kGroup, int kQuads, bool quads>
void launch_forward(Stream& stream, const LayerNormCall& call) {
  constexpr std::int64_t kMostBlocks = 1 << 20;  // each then takes several rows
  const std::int64_t groups = kBlock / kGroup;
  const std::int64_t blocks = std::min((call.input.rows + groups - 1) / groups, kMostBlocks);
  launch("layer_norm_forward", stream, forward_kernel<kGroup, kQuads, quads>,
         {dim3(static_cast<unsigned>(blocks)), dim3(kBlock)}, call);
}

}  // namespace

void layer_norm_forward(Stream& stream, const LayerNormCall& call) {
  const std::int64_t columns = call.input.columns;
  const bool quads = columns % 4 == 0 && starts_aligned(call.input) && starts_aligned(call.output) &&
                     starts_aligned(call.gamma.data, 1, 0) && starts_aligned(call.beta.data, 1, 0);
  if (quads) {
    if (columns <= 256) return launch_forward<kWarp, 2, true>(stream, call);
    if (columns <= 512) return launch_forward<kWarp, 4, true>(stream, call);
    if (columns <= kLayerNormWarpColumns) return launch_forward<kWarp, 8, true>(stream, call);
    if (columns <= 2048) return launch_forward<kBlock, 2, true>(stream, call);
    if (columns <= kLayerNormBlockColumns) return launch_forward<kBlock, 8, true>(stream, call);
  } else {
    if (columns <= kLayerNormWarpSingles) return launch_forward<kWarp, 2, false>(stream, call);
    if (columns <= kLayerNormBlockSingles) return launch_forward<kBlock, 2, false>(stream, call);
  }
  constexpr std::int64_t kMostBlocks = 1 << 20;
  launch("layer_norm_forward", stream, wide_forward_kernel,
         {dim3(static_cast<unsigned>(std::min(call.input.rows, kMostBlocks))), dim3(kBlock)}, call, quads);
}

void layer_norm_backward(Stream& stream, const LayerNormBackwardCall& call) {
  launch_backward(stream, call);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
