#pragma once

#include "tests/simt/kernels/reduce.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// y = (x - mean) rstd gamma + beta for each row; one block a row; mean and rstd are kept.
template <Bug bug>
__global__ void layer_norm(const float* __restrict__ x, const float* __restrict__ gamma,
                           const float* __restrict__ beta, float* __restrict__ y, float* __restrict__ mean,
                           float* __restrict__ rstd, int width, float epsilon) {
  ATELIER_SHARED(float, scratch, [32]);
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);
  const float* row = x + static_cast<int>(blockIdx.x) * width;
  const int end = bug == Bug::norm_tail_reads_past_end ? width + 1 : width;
  float sum = 0.0F;
  for (int i = first; i < end; i += step) sum += row[i];
  const float centre = block_sum<bug>(sum, scratch) / static_cast<float>(width);
  float squares = 0.0F;
  for (int i = first; i < width; i += step) squares += (row[i] - centre) * (row[i] - centre);
  const float scale = rsqrtf(block_sum<bug>(squares, scratch) / static_cast<float>(width) + epsilon);
  for (int i = first; i < width; i += step)
    y[static_cast<int>(blockIdx.x) * width + i] =
        (row[i] - centre) * scale * __ldg(&gamma[i]) + __ldg(&beta[i]);
  if (first == 0) {
    mean[blockIdx.x] = centre;
    rstd[blockIdx.x] = scale;
  }
}

/// dx; a warp a row, block (32, 4), shuffles only.
template <Bug bug>
__global__ void layer_norm_input_gradient(const float* __restrict__ dy, const float* __restrict__ x,
                                          const float* __restrict__ gamma, const float* __restrict__ mean,
                                          const float* __restrict__ rstd, float* __restrict__ dx, int rows,
                                          int width) {
  const int row = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
  if (row >= rows) return;  // whole warps, and no block barrier follows
  const int lane = static_cast<int>(threadIdx.x);
  const float centre = mean[row];
  const float scale = rstd[row];
  float sum = 0.0F;
  float product = 0.0F;
  for (int i = lane; i < width; i += 32) {
    const float g = dy[row * width + i] * gamma[i];
    sum += g;
    product += g * (x[row * width + i] - centre) * scale;
  }
  if constexpr (bug == Bug::norm_shuffle_in_branch) {
    if (lane < 16) sum = warp_sum(sum);
    product = warp_sum(product);
  } else {
    sum = warp_sum<bug>(sum);
    product = warp_sum<bug>(product);
  }
  for (int i = lane; i < width; i += 32) {
    const float g = dy[row * width + i] * gamma[i];
    const float normal = (x[row * width + i] - centre) * scale;
    dx[row * width + i] = scale * (g - (sum + normal * product) / static_cast<float>(width));
  }
}

/// Sums of dgamma and dbeta over strips of rows: partial[strip][2][width]. Block (32, 8) owns 32 columns.
template <Bug bug>
__global__ void layer_norm_partial_gradient(const float* __restrict__ dy, const float* __restrict__ x,
                                            const float* __restrict__ mean, const float* __restrict__ rstd,
                                            float* __restrict__ partial, int rows, int width,
                                            int strip_rows) {
  ATELIER_SHARED(float, gamma_sums, [8][33]);
  ATELIER_SHARED(float, beta_sums, [8][33]);
  const unsigned lane = threadIdx.x;
  const unsigned line = threadIdx.y;
  const int column = static_cast<int>(blockIdx.x * 32 + lane);
  const int first = static_cast<int>(blockIdx.y) * strip_rows;
  const int last = min(rows, first + strip_rows);
  float gamma_sum = 0.0F;
  float beta_sum = 0.0F;
  if (column < width)
    for (int row = first + static_cast<int>(line); row < last; row += 8) {
      const float g = dy[row * width + column];
      beta_sum += g;
      gamma_sum += g * (x[row * width + column] - mean[row]) * rstd[row];
    }
  gamma_sums[line][lane] = gamma_sum;
  beta_sums[line][lane] = beta_sum;
  for (unsigned half = 4; half > 0; half >>= 1) {
    if constexpr (bug != Bug::norm_tree_without_barriers) __syncthreads();
    if (line < half) {
      gamma_sums[line][lane] += gamma_sums[line + half][lane];
      beta_sums[line][lane] += beta_sums[line + half][lane];
    }
  }
  const int columns = bug == Bug::norm_partial_past_column ? width + 1 : width;
  if (line == 0 && column < columns) {
    partial[static_cast<int>(blockIdx.y * 2) * width + column] = gamma_sums[0][lane];
    partial[static_cast<int>(blockIdx.y * 2 + 1) * width + column] = beta_sums[0][lane];
  }
}

/// Sums the strips in order.
template <Bug bug>
__global__ void layer_norm_final_gradient(const float* __restrict__ partial, float* __restrict__ dgamma,
                                          float* __restrict__ dbeta, int strips, int width) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= width) return;
  float gamma_sum = 0.0F;
  float beta_sum = 0.0F;
  for (int strip = 0; strip < strips; ++strip) {
    gamma_sum += partial[strip * 2 * width + column];
    beta_sum += partial[(strip * 2 + 1) * width + column];
  }
  dgamma[column] = gamma_sum;
  dbeta[column] = beta_sum;
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
