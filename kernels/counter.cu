#include <cstdint>

#include "kernels/counter_launch.h"
#include "runtime/kernel.cuh"

namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 64;

// One block: everybody has read the counter before it changes.
__global__ void __launch_bounds__(kThreads)
    finish_kernel(std::uint64_t* counter, VectorView<const float> values, MatrixView<float> history) {
  const std::uint64_t iteration = *counter;
  __syncthreads();
  if (threadIdx.x == 0) *counter = iteration + 1;
  if (history.rows == 0) return;
  const auto row = static_cast<std::int64_t>(iteration % static_cast<std::uint64_t>(history.rows));
  for (std::int64_t i = threadIdx.x; i < history.columns; i += kThreads) history(row, i) = values[i];
}

}  // namespace

void finish_iteration(Stream& stream, std::uint64_t* counter, VectorView<const float> values,
                      MatrixView<float> history) {
  launch("finish_iteration", stream, finish_kernel, LaunchShape{dim3(1), dim3(kThreads)}, counter, values,
         history);
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
