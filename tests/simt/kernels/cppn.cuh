#pragma once

#include "runtime/kernel.cuh"
#include "tests/simt/planted_bugs.h"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
using simt_test::Bug;

inline constexpr int kCppnInputs = 4;
inline constexpr int kCppnWidth = 16;
inline constexpr int kCppnLayers = 3;
inline constexpr int kCppnWeights =
    (kCppnInputs + 1) * kCppnWidth + (kCppnLayers - 1) * (kCppnWidth + 1) * kCppnWidth + (kCppnWidth + 1) * 3;

/// (x, y, r, 1) through tanh layers to three sigmoids; a pixel a thread, the weights in shared memory.
template <Bug bug>
__global__ void __launch_bounds__(256)
    paint_cppn(const float* __restrict__ weights, float* __restrict__ picture, int width, int height) {
  ATELIER_SHARED(float, shared_weights, [kCppnWeights]);
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  constexpr int count = bug == Bug::cppn_last_bias_not_loaded ? kCppnWeights - 1 : kCppnWeights;
  for (int i = thread; i < count; i += static_cast<int>(blockDim.x * blockDim.y))
    shared_weights[i] = __ldg(&weights[i]);
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int row = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if constexpr (bug == Bug::cppn_return_before_barrier) {
    if (column >= width || row >= height) return;
  }
  if constexpr (bug != Bug::cppn_no_barrier) __syncthreads();
  if (column >= width || row >= height) return;
  const float x = 2.0F * static_cast<float>(column) / static_cast<float>(width) - 1.0F;
  const float y = 2.0F * static_cast<float>(row) / static_cast<float>(height) - 1.0F;
  float state[kCppnWidth] = {x, y, sqrtf(x * x + y * y), 1.0F};
  const float* layer = shared_weights;
  int inputs = kCppnInputs;
  for (int l = 0; l < kCppnLayers; ++l) {
    float next[kCppnWidth];
    for (int j = 0; j < kCppnWidth; ++j) {
      float sum = layer[inputs * kCppnWidth + j];
      for (int i = 0; i < inputs; ++i) sum += state[i] * layer[i * kCppnWidth + j];
      next[j] = tanhf(sum);
    }
    for (int j = 0; j < kCppnWidth; ++j) state[j] = next[j];
    layer += (inputs + 1) * kCppnWidth;
    inputs = kCppnWidth;
  }
  for (int channel = 0; channel < 3; ++channel) {
    float sum = layer[kCppnWidth * 3 + channel];
    for (int i = 0; i < kCppnWidth; ++i) sum += state[i] * layer[i * 3 + channel];
    picture[(row * width + column) * 3 + channel] = 1.0F / (1.0F + __expf(-sum));
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
