#include <algorithm>
#include <cstdint>

#include "kernels/cpu/layer_norm_vector.h"
#include "kernels/layer_norm_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

const LayerNormKernels& kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::layer_norm_kernels;
    case InstructionSet::avx2:
      return avx2::layer_norm_kernels;
#endif
    default:
      return portable::layer_norm_kernels;
  }
}

// The sums of one part begin at zero, or at what is there.
void clear(const LayerNormBackwardCall& call, float* gamma_sum, float* beta_sum) {
  if (gamma_sum != nullptr) std::fill_n(gamma_sum, call.input.columns, 0.0F);
  if (beta_sum != nullptr) std::fill_n(beta_sum, call.input.columns, 0.0F);
}

void backward(const LayerNormBackwardCall& call, const LayerNormKernels& set) {
  const std::int64_t rows = call.input.rows;
  const std::int64_t columns = call.input.columns;
  const std::int64_t part_rows = layer_norm_part_rows(rows, columns);
  const std::int64_t parts = (rows + part_rows - 1) / part_rows;
  float* const gamma_sum = call.gamma_gradient.data;
  float* const beta_sum = call.beta_gradient.data;
  if (parts <= 1) {
    if (!call.accumulate) clear(call, gamma_sum, beta_sum);
    set.backward(call, 0, rows, gamma_sum, beta_sum);
    return;
  }

  const auto room = [&](std::int64_t part, bool of_beta) {
    return call.scratch.data + (2 * part + (of_beta ? 1 : 0)) * columns;
  };
  parallel_for(rows, part_rows, [&](std::int64_t begin, std::int64_t end) {
    float* const gamma_part = gamma_sum != nullptr ? room(begin / part_rows, false) : nullptr;
    float* const beta_part = beta_sum != nullptr ? room(begin / part_rows, true) : nullptr;
    clear(call, gamma_part, beta_part);
    set.backward(call, begin, end, gamma_part, beta_part);
  });
  if (gamma_sum == nullptr && beta_sum == nullptr) return;
  constexpr std::int64_t kColumnsAtATime = 4096;
  parallel_for(columns, kColumnsAtATime, [&](std::int64_t begin, std::int64_t end) {
    for (float* const sum : {gamma_sum, beta_sum}) {
      if (sum == nullptr) continue;
      if (!call.accumulate) std::fill(sum + begin, sum + end, 0.0F);
      for (std::int64_t part = 0; part < parts; ++part)
        set.add(sum + begin, room(part, sum == beta_sum) + begin, end - begin);
    }
  });
}

}  // namespace

void layer_norm_forward(Stream& stream, const LayerNormCall& call) {
  stream.enqueue("layer_norm_forward", [call, &set = kernels()] {
    const std::int64_t grain = layer_norm_part_rows(call.input.rows, call.input.columns);
    parallel_for(call.input.rows, grain,
                 [&](std::int64_t begin, std::int64_t end) { set.forward(call, begin, end); });
  });
}

void layer_norm_backward(Stream& stream, const LayerNormBackwardCall& call) {
  stream.enqueue("layer_norm_backward", [call, &set = kernels()] { backward(call, set); });
}

}  // namespace atelier::cpu
