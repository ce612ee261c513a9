#pragma once

#include "runtime/kernel.cuh"
#include "tests/simt/planted_bugs.h"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
using simt_test::Bug;

/// Sum over the warp, in every lane.
template <Bug bug = Bug::none>
__device__ __forceinline__ float warp_sum(float value) {
  constexpr unsigned mask = bug == Bug::norm_half_warp_mask ? 0x0000ffffU : 0xffffffffU;
  constexpr int first = bug == Bug::norm_shuffle_starts_late ? 8 : 16;
  for (int offset = first; offset > 0; offset >>= 1) value += __shfl_xor_sync(mask, value, offset);
  return value;
}

/// Sum over the block, in every thread.
template <Bug bug = Bug::none>
__device__ float block_sum(float value, float (&scratch)[32]) {
  const unsigned lane = threadIdx.x & 31U;
  const unsigned warps = (blockDim.x + 31U) >> 5;
  value = warp_sum<bug>(value);
  if constexpr (bug != Bug::norm_scratch_reused) __syncthreads();  // the former call may still read
  if (lane == 0) scratch[threadIdx.x >> 5] = value;
  if constexpr (bug != Bug::norm_scratch_read_early) __syncthreads();
  if constexpr (bug == Bug::norm_uninitialised_scratch) {
    value = scratch[lane];
  } else {
    value = lane < warps ? scratch[lane] : 0.0F;
  }
  return warp_sum<bug>(value);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
