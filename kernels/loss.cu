#include <algorithm>
#include <cstdint>

#include "kernels/loss_function.h"
#include "kernels/loss_launch.h"
#include "runtime/kernel.cuh"

// A block takes parts of kLossBlockElements elements: it writes their gradients and one sum, in double. Where
// one block suffices that sum is the loss; otherwise a second kernel of one block adds the sums.
namespace atelier::ATELIER_DEVICE_NAMESPACE {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kQuads = kLossBlockElements / 4 / kThreads;  // a thread and part

// The sum of all threads' values, for thread 0. Ends with everything read.
__device__ double block_sum(double value) {
  ATELIER_SHARED(double, warp_sum, [kThreads / kWarp]);
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xFFFFFFFFU, value, distance);
  if (threadIdx.x % kWarp == 0) warp_sum[threadIdx.x / kWarp] = value;
  __syncthreads();
  double total = 0.0;
  if (threadIdx.x == 0)
    for (int warp = 0; warp < kThreads / kWarp; ++warp) total += warp_sum[warp];
  return total;
}

struct Work {
  LossCall call;
  std::int64_t count;
  float scale;      // 1 / count
  float* partials;  // null: one block, which writes the loss itself
};

template <LossKind kind>
__device__ float four_elements(const Work& work, std::int64_t index, const float4& x, const float4& t) {
  const bool wanted = work.call.loss != nullptr;
  const LossElement a = loss_element<kind>(x.x, t.x, wanted);
  const LossElement b = loss_element<kind>(x.y, t.y, wanted);
  const LossElement c = loss_element<kind>(x.z, t.z, wanted);
  const LossElement d = loss_element<kind>(x.w, t.w, wanted);
  if (work.call.gradient.data != nullptr)
    *reinterpret_cast<float4*>(work.call.gradient.data + index) = make_float4(
        a.gradient * work.scale, b.gradient * work.scale, c.gradient * work.scale, d.gradient * work.scale);
  if (kind == LossKind::sigmoid_bce && work.call.probability.data != nullptr)
    *reinterpret_cast<float4*>(work.call.probability.data + index) =
        make_float4(a.probability, b.probability, c.probability, d.probability);
  return (a.loss + b.loss) + (c.loss + d.loss);
}

template <LossKind kind>
__device__ float one_element(const Work& work, std::int64_t index) {
  const LossCall& call = work.call;
  const std::int64_t width = call.input.columns;
  const std::int64_t row = call.input.rows == 1 ? 0 : index / width;
  const std::int64_t column = index - row * width;
  const float t = call.target.data != nullptr ? call.target(row, column) : call.constant;
  const LossElement element = loss_element<kind>(call.input(row, column), t, call.loss != nullptr);
  if (call.gradient.data != nullptr) call.gradient(row, column) = element.gradient * work.scale;
  if (kind == LossKind::sigmoid_bce && call.probability.data != nullptr)
    call.probability(row, column) = element.probability;
  return element.loss;
}

// The elements of part `part` that are the calling thread's. Their sum in float, four at a time, loses less
// than 3e-7 of it.
template <LossKind kind, bool quads>
__device__ double part_sum(const Work& work, std::int64_t part) {
  const std::int64_t first = part * kLossBlockElements;
  double sum = 0.0;
  if (quads && first + kLossBlockElements <= work.count) {
    // All loads first: what is stored may be what is loaded, so the compiler cannot do this by itself.
    float4 x[kQuads];
    float4 t[kQuads];
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      const std::int64_t index = first + 4 * (quad * kThreads + static_cast<int>(threadIdx.x));
      x[quad] = *reinterpret_cast<const float4*>(work.call.input.data + index);
      const float constant = work.call.constant;
      t[quad] = make_float4(constant, constant, constant, constant);
      if (work.call.target.data != nullptr)
        t[quad] = *reinterpret_cast<const float4*>(work.call.target.data + index);
    }
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      const std::int64_t index = first + 4 * (quad * kThreads + static_cast<int>(threadIdx.x));
      sum += static_cast<double>(four_elements<kind>(work, index, x[quad], t[quad]));
    }
    return sum;
  }
  const std::int64_t end = first + kLossBlockElements < work.count ? first + kLossBlockElements : work.count;
#pragma unroll 1
  for (std::int64_t index = first + threadIdx.x; index < end; index += kThreads)
    sum += static_cast<double>(one_element<kind>(work, index));
  return sum;
}

template <LossKind kind, bool quads>
__global__ void __launch_bounds__(kThreads) loss_kernel(Work work) {
  double sum = 0.0;
#pragma unroll 1
  for (std::int64_t part = blockIdx.x; part * kLossBlockElements < work.count; part += gridDim.x)
    sum += part_sum<kind, quads>(work, part);
  if (work.call.loss == nullptr) return;  // all threads
  const double total = block_sum(sum);
  if (threadIdx.x != 0) return;
  if (work.partials == nullptr) {
    *work.call.loss = static_cast<float>(total / static_cast<double>(work.count));
    return;
  }
  const float rounded = static_cast<float>(total);
  float* const to = work.partials + std::int64_t{blockIdx.x} * kFloatsPerPartialSum;
  to[0] = rounded;
  // Of an infinite sum there is no rest: infinity less infinity would be NaN.
  to[1] = rounded - rounded == 0.0F ? static_cast<float>(total - static_cast<double>(rounded)) : 0.0F;
}

__global__ void __launch_bounds__(kThreads)
    loss_total_kernel(const float* partials, int blocks, std::int64_t count, float* loss) {
  double sum = 0.0;
  for (int block = static_cast<int>(threadIdx.x); block < blocks; block += kThreads)
    sum += static_cast<double>(partials[kFloatsPerPartialSum * block]) +
           static_cast<double>(partials[kFloatsPerPartialSum * block + 1]);
  const double total = block_sum(sum);
  if (threadIdx.x == 0) *loss = static_cast<float>(total / static_cast<double>(count));
}

bool aligned(const float* data) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

template <LossKind kind>
void launch_loss(Stream& stream, const char* name, const LossCall& call) {
  const std::int64_t count = call.input.rows * call.input.columns;
  const std::int64_t parts = std::max<std::int64_t>((count + kLossBlockElements - 1) / kLossBlockElements, 1);
  const int blocks = static_cast<int>(std::min(parts, kLossMostBlocks));
  const Work work{call, count, static_cast<float>(1.0 / static_cast<double>(count)),
                  blocks > 1 ? call.scratch.data : nullptr};
  const bool quads = call.input.rows == 1 && aligned(call.input.data) && aligned(call.target.data) &&
                     aligned(call.gradient.data) && aligned(call.probability.data);
  const LaunchShape shape{dim3(static_cast<unsigned>(blocks)), dim3(kThreads)};
  launch(name, stream, quads ? loss_kernel<kind, true> : loss_kernel<kind, false>, shape, work);
  if (blocks > 1 && call.loss != nullptr)
    launch(name, stream, loss_total_kernel, {dim3(1), dim3(kThreads)}, work.partials, blocks, count,
           call.loss);
}

}  // namespace

void loss(Stream& stream, LossKind kind, const LossCall& call) {
  switch (kind) {
    case LossKind::bce:
      return launch_loss<LossKind::bce>(stream, "bce", call);
    case LossKind::bce_of_sigmoid:
      return launch_loss<LossKind::bce_of_sigmoid>(stream, "bce_of_sigmoid", call);
    case LossKind::sigmoid_bce:
      return launch_loss<LossKind::sigmoid_bce>(stream, "sigmoid_bce", call);
    case LossKind::bce_with_logits:
      return launch_loss<LossKind::bce_with_logits>(stream, "bce_with_logits", call);
    case LossKind::mse:
      return launch_loss<LossKind::mse>(stream, "mse", call);
  }
}

}  // namespace atelier::ATELIER_DEVICE_NAMESPACE
