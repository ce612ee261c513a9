#pragma once

#include "runtime/kernel.cuh"
#include "tests/simt/planted_bugs.h"

// C = A B on the tensor cores, a warp for each 16x8 tile of C; m a multiple of 16, n of 8.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
using simt_test::Bug;

/// The warp's tile, or one past the last row when there is none left for it.
struct WarpTile {
  int row;
  int column;
};
__device__ inline WarpTile warp_tile(int n) {
  const int number = static_cast<int>(blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32);
  return {number / (n / 8) * 16, number % (n / 8) * 8};
}

__device__ inline void store_tile(float* c, const float (&sum)[4], WarpTile tile, int n) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = 0; i < 4; ++i)
    c[(tile.row + lane / 4 + 8 * (i / 2)) * n + tile.column + lane % 4 * 2 + i % 2] = sum[i];
}

/// k a multiple of 8; operands straight from global memory.
template <Bug bug>
__global__ void tf32_gemm(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ c,
                          int m, int n, int k) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int group = lane / 4;
  const int place = lane % 4;
  const WarpTile tile = warp_tile(n);
  if (tile.row >= m) return;  // whole warps, and no block barrier follows
  float sum[4] = {};
  for (int depth = 0; depth < k; depth += 8) {
    const float* from = a + tile.row * k + depth;
    std::uint32_t left[4] = {to_tf32(from[group * k + place]), to_tf32(from[(group + 8) * k + place]),
                             to_tf32(from[group * k + place + 4]),
                             to_tf32(from[(group + 8) * k + place + 4])};
    if constexpr (bug == Bug::tf32_fragment_swapped) {
      const std::uint32_t former = left[1];
      left[1] = left[2];
      left[2] = former;
    }
    const float* right_from = b + depth * n + tile.column;
    const std::uint32_t right[2] = {to_tf32(right_from[place * n + group]),
                                    to_tf32(right_from[(place + 4) * n + group])};
    mma_m16n8k8_tf32(sum, left, right, sum);
  }
  store_tile(c, sum, tile, n);
}

/// A goes through shared memory and ldmatrix; `b` is given transposed, [n][k]; k a multiple of 16; four
/// warps.
template <Bug bug>
__global__ void f16_gemm(const __half* __restrict__ a, const __half* __restrict__ b, float* __restrict__ c,
                         int m, int n, int k) {
  constexpr int kPitch = bug == Bug::f16_misaligned_rows ? 20 : 24;  // rows of 48 bytes stay aligned to 16
  ATELIER_SHARED(__half, tiles, [4][16][kPitch]);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const WarpTile tile = warp_tile(n);
  if (tile.row >= m) return;
  float sum[4] = {};
  for (int depth = 0; depth < k; depth += 16) {
    const int half_row = (lane % 2) * 8;
    const __half* from = &a[(tile.row + lane / 2) * k + depth + half_row];
    __half* to = &tiles[warp][lane / 2][half_row];
    if constexpr (bug == Bug::f16_misaligned_rows) {
      for (int i = 0; i < 8; ++i) to[i] = from[i];
    } else {
      *reinterpret_cast<float4*>(to) = *reinterpret_cast<const float4*>(from);
    }
    if constexpr (bug != Bug::f16_no_syncwarp_before_load) __syncwarp();
    std::uint32_t left[4];
    ldmatrix_x4(left, &tiles[warp][lane % 16][(lane / 16) * 8]);
    std::uint32_t right[2];
    for (int i = 0; i < 2; ++i)
      right[i] = *reinterpret_cast<const std::uint32_t*>(
          &b[(tile.column + lane / 4) * k + depth + lane % 4 * 2 + 8 * i]);
    mma_m16n8k16_f16(sum, left, right, sum);
    if constexpr (bug != Bug::f16_no_syncwarp_after_load) __syncwarp();
  }
  store_tile(c, sum, tile, n);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
