#pragma once

#include <cstdint>

#include "kernels/linear_split.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// A lane's four columns in a strip of kStripColumns: a quad where all rows start at 16-byte boundaries, else
/// a warp apart. Either way a warp reads whole rows of the strip.
struct LaneColumns {
  std::int64_t first;
  std::int64_t end;
  int place;  // of `first` in the strip
  int step;
  bool quad;

  __device__ LaneColumns(std::int64_t strip, std::int64_t columns, bool quads) {
    const int lane = static_cast<int>(threadIdx.x) % warpSize;
    place = quads ? 4 * lane : lane;
    step = quads ? 1 : warpSize;
    first = strip * kStripColumns + place;
    end = columns;
    quad = quads && first + 4 <= columns;
  }

  [[nodiscard]] __device__ bool has(int j) const { return first + j * step < end; }

  /// Zeros beyond the last column.
  __device__ void load(const float* row, float (&value)[4]) const {
    if (quad) {
      const float4 four = *reinterpret_cast<const float4*>(row + first);
      value[0] = four.x, value[1] = four.y, value[2] = four.z, value[3] = four.w;
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) value[j] = has(j) ? row[first + j * step] : 0.0F;
  }

  __device__ void store(float* row, const float (&value)[4]) const {
    if (quad) {
      *reinterpret_cast<float4*>(row + first) = make_float4(value[0], value[1], value[2], value[3]);
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (has(j)) row[first + j * step] = value[j];
  }
};

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
