#pragma once

#include "runtime/kernel.cuh"
#include "tests/simt/planted_bugs.h"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
using simt_test::Bug;

/// C[m,n] = leaky_relu(A[m,k] B[k,n] + bias[n]), row-major, any shape. A 64x64 tile a block of 256 threads,
/// 4x4 outputs a thread.
template <Bug bug>
__global__ void __launch_bounds__(256)
    tiled_gemm(const float* __restrict__ a, const float* __restrict__ b, const float* __restrict__ bias,
               float* __restrict__ c, int m, int n, int k, float slope) {
  constexpr int kTile = 64;
  constexpr int kDepth = 16;
  ATELIER_SHARED(float, a_tile, [kDepth][kTile + 4]);
  ATELIER_SHARED(float, b_tile, [kDepth][kTile]);
  const int thread = static_cast<int>(threadIdx.x);
  const int column = thread % 16;
  const int row = thread / 16;
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  constexpr int beyond = bug == Bug::gemm_tail_reads_past_end ? 1 : 0;
  if constexpr (bug == Bug::gemm_return_before_barrier) {
    if (first_row + row * 4 >= m) return;
  }
  const auto store = [](float& slot, bool inside, const float* source) {
    if constexpr (bug == Bug::gemm_tile_tail_uninitialised) {
      if (inside) slot = __ldg(source);
    } else {
      slot = inside ? __ldg(source) : 0.0F;
    }
  };
  float sum[4][4] = {};
  for (int depth = 0; depth < k; depth += kDepth) {
    for (int i = thread; i < kTile * kDepth; i += 256) {
      const int r = i / kDepth;
      const int d = i % kDepth;
      store(a_tile[d][r], first_row + r < m + beyond && depth + d < k + beyond,
            &a[(first_row + r) * k + depth + d]);
    }
    const int d = thread / 16;
    const int col = (thread % 16) * 4;
    if (n % 4 == 0 && first_column + col + 3 < n && depth + d < k) {
      constexpr int shift = bug == Bug::gemm_misaligned_vector_load ? 1 : 0;
      *reinterpret_cast<float4*>(&b_tile[d][col]) =
          *reinterpret_cast<const float4*>(&b[(depth + d) * n + first_column + col + shift]);
    } else {
      for (int j = 0; j < 4; ++j)
        store(b_tile[d][col + j], depth + d < k + beyond && first_column + col + j < n + beyond,
              &b[(depth + d) * n + first_column + col + j]);
    }
    if constexpr (bug == Bug::gemm_barrier_in_branch) {
      if (thread < 200) __syncthreads();
    } else if constexpr (bug != Bug::gemm_no_barrier_after_store) {
      __syncthreads();
    }
    for (int e = 0; e < kDepth; ++e)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sum[i][j] += a_tile[e][row * 4 + i] * b_tile[e][column * 4 + j];
    if constexpr (bug != Bug::gemm_no_barrier_after_compute) __syncthreads();
  }
  const int rows = bug == Bug::gemm_writes_row_past_end ? m + 1 : m;
  const int columns = bug == Bug::gemm_skips_last_column ? n - 1 : n;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const int r = first_row + row * 4 + i;
      const int s = first_column + column * 4 + j;
      if (r >= rows || s >= columns) continue;
      const float value = sum[i][j] + __ldg(&bias[s]);
      c[r * n + s] = value > 0.0F ? value : slope * value;
    }
}

/// C = A B with double-buffered cp.async; k and n multiples of 4. A 32x32 tile a block of 64 threads.
template <Bug bug>
__global__ void __launch_bounds__(64) async_gemm(const float* __restrict__ a, const float* __restrict__ b,
                                                 float* __restrict__ c, int m, int n, int k) {
  constexpr int kTile = 32;
  constexpr int kDepth = 16;
  ATELIER_DYNAMIC_SHARED(float, shared);
  float* a_stages = shared;                       // [2][kTile][kDepth]
  float* b_stages = shared + 2 * kTile * kDepth;  // [2][kDepth][kTile]
  const int thread = static_cast<int>(threadIdx.x);
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const int first_column = static_cast<int>(blockIdx.x) * kTile;
  const auto copy = [](float* slot, bool inside, const float* source) {
    if (inside) {
      cp_async_16(slot, source);
    } else {
      *reinterpret_cast<float4*>(slot) = make_float4(0, 0, 0, 0);
    }
  };
  const auto load = [&](int stage, int depth) {
    for (int i = thread; i < kTile * kDepth / 4; i += 64) {
      const int r = i / (kDepth / 4);
      const int d = i % (kDepth / 4) * 4;
      copy(&a_stages[(stage * kTile + r) * kDepth + d], first_row + r < m && depth + d < k,
           &a[(first_row + r) * k + depth + d]);
    }
    for (int i = thread; i < kDepth * kTile / 4; i += 64) {
      const int d = i / (kTile / 4);
      const int s = i % (kTile / 4) * 4;
      copy(&b_stages[(stage * kDepth + d) * kTile + s], first_column + s < n && depth + d < k,
           &b[(depth + d) * n + first_column + s]);
    }
    cp_async_commit();
  };
  float sum[4][4] = {};
  const int column = thread % 8;
  const int row = thread / 8;
  const int steps = (k + kDepth - 1) / kDepth;
  load(0, 0);
  for (int step = 0; step < steps; ++step) {
    const int stage = step & 1;
    if (step + 1 < steps) {
      load(stage ^ 1, (step + 1) * kDepth);
    } else {
      cp_async_commit();
    }
    cp_async_wait<bug == Bug::async_waits_for_too_few ? 2 : 1>();
    __syncthreads();
    for (int d = 0; d < kDepth; ++d)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j)
          sum[i][j] += a_stages[(stage * kTile + row * 4 + i) * kDepth + d] *
                       b_stages[(stage * kDepth + d) * kTile + column * 4 + j];
    if constexpr (bug != Bug::async_stage_overwritten) __syncthreads();
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const int r = first_row + row * 4 + i;
      const int s = first_column + column * 4 + j;
      if (r < m && s < n) c[r * n + s] = sum[i][j];
    }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
