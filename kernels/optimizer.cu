#include <cstdint>

#include "kernels/optimizer_function.h"
#include "kernels/optimizer_launch.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 256;

// How runs of equal size are cut: four elements a thread, at addresses that are multiples of 16 bytes where
// all runs are equally far from one.
struct Cut {
  int lead;   // elements that the first thread's four lack at the front
  bool even;  // whole fours are aligned in every run
};

int misalignment(const float* data) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(data) / sizeof(float) % 4);
}

LaunchShape shape_for(std::int64_t size, Cut cut) {
  const std::int64_t fours = (cut.lead + size + 3) / 4;
  return {dim3(static_cast<unsigned>((fours + kThreads - 1) / kThreads)), dim3(kThreads)};
}

__device__ std::int64_t first_element(Cut cut) {
  return 4 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) - cut.lead;
}

__device__ bool is_whole(Cut cut, std::int64_t start, std::int64_t size) {
  return cut.even && start >= 0 && start + 4 <= size;
}

struct Four {
  float element[4];
};

// Elements outside of the run are zero.
__device__ Four load_four(const float* data, std::int64_t start, std::int64_t size, bool whole) {
  if (whole) {
    const float4 four = *reinterpret_cast<const float4*>(data + start);
    return {{four.x, four.y, four.z, four.w}};
  }
  Four four{};
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (start + i >= 0 && start + i < size) four.element[i] = data[start + i];
  return four;
}

__device__ void store_four(float* data, std::int64_t start, std::int64_t size, bool whole, const Four& four) {
  if (whole) {
    *reinterpret_cast<float4*>(data + start) =
        make_float4(four.element[0], four.element[1], four.element[2], four.element[3]);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i)
    if (start + i >= 0 && start + i < size) data[start + i] = four.element[i];
}

__global__ void __launch_bounds__(kThreads) sgd_kernel(SgdCall call, Cut cut) {
  const std::int64_t size = call.parameters.size;
  const std::int64_t start = first_element(cut);
  const bool whole = is_whole(cut, start, size);
  Four parameter = load_four(call.parameters.data, start, size, whole);
  const Four gradient = load_four(call.gradients.data, start, size, whole);
  const float learning_rate = *call.settings.learning_rate;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    parameter.element[i] = sgd_update(parameter.element[i], gradient.element[i], learning_rate);
  store_four(call.parameters.data, start, size, whole, parameter);
}

__global__ void __launch_bounds__(kThreads) adam_kernel(AdamCall call, Cut cut) {
  ATELIER_SHARED(AdamFactors, factors);
  const std::int64_t size = call.parameters.size;
  const std::int64_t start = first_element(cut);
  const bool whole = is_whole(cut, start, size);
  // The loads are under way while one thread computes the factors.
  Four parameter = load_four(call.parameters.data, start, size, whole);
  const Four gradient = load_four(call.gradients.data, start, size, whole);
  Four first = load_four(call.first_moment.data, start, size, whole);
  Four second = load_four(call.second_moment.data, start, size, whole);
  if (threadIdx.x == 0) factors = adam_factors(call.settings);
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 4; ++i)
    adam_update(factors, gradient.element[i], parameter.element[i], first.element[i], second.element[i]);
  store_four(call.parameters.data, start, size, whole, parameter);
  store_four(call.first_moment.data, start, size, whole, first);
  store_four(call.second_moment.data, start, size, whole, second);
}

__global__ void __launch_bounds__(kThreads) average_kernel(AverageCall call, Cut cut) {
  const std::int64_t size = call.average.size;
  const std::int64_t start = first_element(cut);
  const bool whole = is_whole(cut, start, size);
  Four average = load_four(call.average.data, start, size, whole);
  const Four value = load_four(call.values.data, start, size, whole);
  const float weight = average_weight(call.decay, read_counter(call.step));
#pragma unroll
  for (int i = 0; i < 4; ++i)
    average.element[i] = average_update(average.element[i], value.element[i], weight);
  store_four(call.average.data, start, size, whole, average);
}

}  // namespace

void moving_average(Stream& stream, const AverageCall& call) {
  const int lead = misalignment(call.average.data);
  const Cut cut{lead, misalignment(call.values.data) == lead};
  launch("moving_average", stream, average_kernel, shape_for(call.average.size, cut), call, cut);
}

void sgd_step(Stream& stream, const SgdCall& call) {
  const int lead = misalignment(call.parameters.data);
  const Cut cut{lead, misalignment(call.gradients.data) == lead};
  launch("sgd_step", stream, sgd_kernel, shape_for(call.parameters.size, cut), call, cut);
}

void adam_step(Stream& stream, const AdamCall& call) {
  const int lead = misalignment(call.parameters.data);
  const Cut cut{lead, misalignment(call.gradients.data) == lead &&
                          misalignment(call.first_moment.data) == lead &&
                          misalignment(call.second_moment.data) == lead};
  launch("adam_step", stream, adam_kernel, shape_for(call.parameters.size, cut), call, cut);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
