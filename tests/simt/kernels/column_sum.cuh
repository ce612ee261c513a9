#pragma once

#include "runtime/kernel.cuh"
#include "tests/simt/planted_bugs.h"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
using simt_test::Bug;

/// sums[column] of a matrix in one cooperative launch: partial sums a block, a grid barrier, final sums.
/// `flag` is zero.
template <Bug bug>
__global__ void column_sum(const float* __restrict__ x, float* __restrict__ partial, float* __restrict__ sums,
                           volatile int* __restrict__ flag, int rows, int width) {
  const int block = static_cast<int>(blockIdx.x);
  const int blocks = static_cast<int>(gridDim.x);
  const int step = static_cast<int>(blockDim.x);
  const int thread = static_cast<int>(threadIdx.x);
  for (int column = thread; column < width; column += step) {
    float sum = 0.0F;
    for (int row = block; row < rows; row += blocks) sum += x[row * width + column];
    partial[block * width + column] = sum;
  }
  if constexpr (bug == Bug::columns_block_skips_grid_sync) {
    if (block == blocks - 1) return;
  }
  if constexpr (bug == Bug::columns_wait_on_a_flag) {
    if (block == blocks - 1 && thread == 0) *flag = 1;
    while (*flag == 0) {
    }
  } else if constexpr (bug != Bug::columns_no_grid_sync) {
    grid_sync();
  }
  for (int column = block * step + thread; column < width; column += blocks * step) {
    float sum = 0.0F;
    for (int b = 0; b < blocks; ++b) sum += partial[b * width + column];
    sums[column] = sum;
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
