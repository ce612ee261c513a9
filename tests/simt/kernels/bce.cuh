#pragma once

#include "tests/simt/kernels/reduce.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {

/// Binary cross-entropy on logits: gradient, mean loss and number of right predictions; loss and count start
/// at zero. The loss is summed by atomics, which a product kernel may not do.
template <Bug bug>
__global__ void bce(const float* __restrict__ logits, const float* __restrict__ targets,
                    float* __restrict__ gradient, float* __restrict__ loss, int* __restrict__ right,
                    int count) {
  ATELIER_SHARED(float, scratch, [32]);
  ATELIER_SHARED(int, hits, [1]);
  if (threadIdx.x == 0) hits[0] = 0;
  __syncthreads();
  float sum = 0.0F;
  int own = 0;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count;
       i += static_cast<int>(gridDim.x * blockDim.x)) {
    const float z = logits[i];
    const float target = targets[i];
    const float e = __expf(-fabsf(z));
    sum += fmaxf(z, 0.0F) - z * target + log1pf(e);
    const float p = z >= 0.0F ? 1.0F / (1.0F + e) : e / (1.0F + e);
    gradient[i] = (p - target) / static_cast<float>(count);
    own += (z > 0.0F) == (target > 0.5F) ? 1 : 0;
  }
  own = __reduce_add_sync(0xffffffffU, own);
  if (threadIdx.x % 32 == 0) {
    if constexpr (bug == Bug::bce_shared_counter_not_atomic) {
      hits[0] += own;
    } else {
      atomicAdd(&hits[0], own);
    }
  }
  sum = block_sum<bug>(sum, scratch);
  if (threadIdx.x == 0) {
    if constexpr (bug == Bug::bce_global_loss_not_atomic) {
      *loss += sum / static_cast<float>(count);
    } else {
      atomicAdd(loss, sum / static_cast<float>(count));
    }
    atomicAdd(right, hits[0]);
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
