#pragma once

#include <cstdint>

#include "kernels/layer_norm_launch.h"
#include "runtime/kernel.cuh"

// A row of a matrix in the registers of a group of threads: a warp, or a block of kBlock.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kWarp = 32;
constexpr int kBlock = 256;
constexpr int kWarps = kBlock / kWarp;
constexpr int kMostSums = 3;
static_assert(kWarps == kLayerNormWarps);

/// Sums over a group, the same for all its threads and in a fixed order. `room` is shared memory of the
/// block, used in two halves by turns, so that one barrier a sum is enough.
template <int kGroup, class T>
class GroupSum {
 public:
  static constexpr int kRoom = kGroup > kWarp ? 2 * (kGroup / kWarp) * kMostSums : 1;
  __device__ explicit GroupSum(T* room) : room_(room) {}

  template <int kSums>
  __device__ void operator()(T (&sum)[kSums]) {
    static_assert(kSums <= kMostSums);
#pragma unroll
    for (int i = 0; i < kSums; ++i)
#pragma unroll
      for (int distance = kWarp / 2; distance > 0; distance /= 2)
        sum[i] += __shfl_xor_sync(0xFFFFFFFFU, sum[i], distance);
    if constexpr (kGroup > kWarp) {
      T* const own = room_ + turn_ * (kGroup / kWarp) * kMostSums;
      turn_ ^= 1;
      if (threadIdx.x % kWarp == 0)
#pragma unroll
        for (int i = 0; i < kSums; ++i) own[threadIdx.x / kWarp * kMostSums + i] = sum[i];
      __syncthreads();  // after the sum of the turn before: its half is free again
#pragma unroll
      for (int i = 0; i < kSums; ++i) {
        sum[i] = own[i];
#pragma unroll
        for (int warp = 1; warp < kGroup / kWarp; ++warp) sum[i] += own[warp * kMostSums + i];
      }
    }
  }

 private:
  T* room_;
  int turn_ = 0;
};

/// Which columns are the calling thread's: kQuads quads of neighbours where `quads` (the row's length is a
/// multiple of four, and rows start at 16-byte boundaries), else 4 kQuads columns a group's width apart.
template <int kGroup, int kQuads, bool quads>
struct RowPart {
  static constexpr int kElements = 4 * kQuads;
  int rank;  // in the group
  int columns;

  [[nodiscard]] __device__ int column(int i) const {
    return quads ? 4 * (rank + kGroup * (i / 4)) + i % 4 : rank + kGroup * i;
  }
  [[nodiscard]] __device__ bool inside(int i) const { return column(i) < columns; }

  /// Zeros where the row has ended.
  __device__ void load(const float* row, float (&value)[kElements]) const {
    if constexpr (quads) {
#pragma unroll
      for (int i = 0; i < kElements; i += 4) {
        float4 quad = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
        if (inside(i)) quad = *reinterpret_cast<const float4*>(row + column(i));
        value[i] = quad.x, value[i + 1] = quad.y, value[i + 2] = quad.z, value[i + 3] = quad.w;
      }
    } else {
#pragma unroll
      for (int i = 0; i < kElements; ++i) value[i] = inside(i) ? row[column(i)] : 0.0F;
    }
  }
  __device__ void store(float* row, const float (&value)[kElements]) const {
    if constexpr (quads) {
#pragma unroll
      for (int i = 0; i < kElements; i += 4)
        if (inside(i))
          *reinterpret_cast<float4*>(row + column(i)) =
              make_float4(value[i], value[i + 1], value[i + 2], value[i + 3]);
    } else {
#pragma unroll
      for (int i = 0; i < kElements; ++i)
        if (inside(i)) row[column(i)] = value[i];
    }
  }
  /// Columns i to i + 3 of a vector that nobody writes: gamma or beta.
  [[nodiscard]] __device__ float4 four(const float* vector, int i) const {
    float4 result = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
    if constexpr (quads) {
      if (inside(i)) result = __ldg(reinterpret_cast<const float4*>(vector + column(i)));
    } else {
      if (inside(i)) result.x = __ldg(vector + column(i));
      if (inside(i + 1)) result.y = __ldg(vector + column(i + 1));
      if (inside(i + 2)) result.z = __ldg(vector + column(i + 2));
      if (inside(i + 3)) result.w = __ldg(vector + column(i + 3));
    }
    return result;
  }
};

/// 1 / sqrt(variance + epsilon) from the sums of d = x - mean and of d^2: what the rounded mean lacks counts.
/// Rounding may leave a variance just below 0; NaN stays.
template <class T>
__device__ float reciprocal_deviation_of(T rest, T mean_of_squares, float epsilon) {
  const T variance = mean_of_squares - rest * rest;
  return static_cast<float>(T(1) / sqrt((variance < T(0) ? T(0) : variance) + static_cast<T>(epsilon)));
}

inline bool starts_aligned(const float* data, std::int64_t rows, std::int64_t stride) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && (rows <= 1 || stride % 4 == 0);
}
template <class T>
bool starts_aligned(MatrixView<T> view) {
  return starts_aligned(view.data, view.rows, view.stride);
}

}  // namespace
}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
