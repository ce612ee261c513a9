#include <cstdint>

#include "kernels/noise_function.h"
#include "kernels/noise_launch.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 256;

// Index in the destination of the first element of the calling thread's block of four words; down to -3.
__device__ std::int64_t block_start(std::uint64_t first) {
  return 4 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) - static_cast<std::int64_t>(first % 4);
}

__device__ PhiloxBlock draw_block(PhiloxStream random, std::uint64_t first) {
  constexpr std::uint64_t kLastBlock = ~std::uint64_t{0} / 4;
  return philox_block(random, (first / 4 + std::uint64_t{blockIdx.x} * kThreads + threadIdx.x) & kLastBlock);
}

__device__ void store_block(VectorView<float> destination, std::int64_t start, float4 value) {
  float* const to = destination.data + start;
  if (start >= 0 && start + 4 <= destination.size && reinterpret_cast<std::uintptr_t>(to) % 16 == 0) {
    *reinterpret_cast<float4*>(to) = value;
    return;
  }
  const float element[4] = {value.x, value.y, value.z, value.w};
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (start + i >= 0 && start + i < destination.size) to[i] = element[i];
}

// One thread a block of four words.
__global__ void __launch_bounds__(kThreads) uniform_kernel(VectorView<float> destination, PhiloxStream random,
                                                           DeviceCounter counter, float low, float span) {
  const std::uint64_t first = read_counter(counter);
  const PhiloxBlock block = draw_block(random, first);
  store_block(
      destination, block_start(first),
      make_float4(uniform_from_word(block.word[0], low, span), uniform_from_word(block.word[1], low, span),
                  uniform_from_word(block.word[2], low, span), uniform_from_word(block.word[3], low, span)));
}

__global__ void __launch_bounds__(kThreads)
    normal_kernel(VectorView<float> destination, PhiloxStream random, DeviceCounter counter, float mean,
                  float deviation) {
  const std::uint64_t first = read_counter(counter);
  const PhiloxBlock block = draw_block(random, first);
  const NormalPair a = normal_from_words(block.word[0], block.word[1]);
  const NormalPair b = normal_from_words(block.word[2], block.word[3]);
  store_block(
      destination, block_start(first),
      make_float4(fused_product_sum(deviation, a.first, mean), fused_product_sum(deviation, a.second, mean),
                  fused_product_sum(deviation, b.first, mean), fused_product_sum(deviation, b.second, mean)));
}

// Enough threads wherever in its block of words the first element turns out to lie.
LaunchShape shape_for(VectorView<float> destination) {
  const std::int64_t blocks = (3 + destination.size + 3) / 4;
  return {dim3(static_cast<unsigned>((blocks + kThreads - 1) / kThreads)), dim3(kThreads)};
}

}  // namespace

void fill_uniform(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                  float low, float span) {
  launch("fill_uniform", stream, uniform_kernel, shape_for(destination), destination, random, first, low,
         span);
}

void fill_normal(Stream& stream, VectorView<float> destination, PhiloxStream random, DeviceCounter first,
                 float mean, float deviation) {
  launch("fill_normal", stream, normal_kernel, shape_for(destination), destination, random, first, mean,
         deviation);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
