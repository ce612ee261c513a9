#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/cpu/loss_vector.h"
#include "kernels/loss_launch.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

const LossKernels& kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::loss_kernels;
    case InstructionSet::avx2:
      return avx2::loss_kernels;
#endif
    default:
      return portable::loss_kernels;
  }
}

constexpr const char* kNames[kLossKindCount] = {"bce", "bce_of_sigmoid", "sigmoid_bce", "bce_with_logits",
                                                "mse"};

struct Task {
  LossFunction function;
  LossCall call;

  // Columns [first, first + count) of a row.
  [[nodiscard]] double run(std::int64_t row, std::int64_t first, std::int64_t count) const {
    const auto at = [&](auto view) { return view.data == nullptr ? nullptr : &view(row, first); };
    const auto elements = static_cast<double>(call.input.rows * call.input.columns);
    return function({at(call.input), at(call.target), call.constant, at(call.probability), at(call.gradient),
                     count, static_cast<float>(1.0 / elements), call.loss != nullptr});
  }

  // Items [begin, end): elements of the only row, or whole rows.
  [[nodiscard]] double items(std::int64_t begin, std::int64_t end) const {
    if (call.input.rows == 1) return run(0, begin, end - begin);
    double sum = 0;
    for (std::int64_t row = begin; row < end; ++row) sum += run(row, 0, call.input.columns);
    return sum;
  }

  void operator()() const {
    const bool one_row = call.input.rows == 1;
    const std::int64_t count = one_row ? call.input.columns : call.input.rows;
    const std::int64_t grain =
        one_row ? kLossPartElements : std::max<std::int64_t>(kLossPartElements / call.input.columns, 1);
    double sum = 0;
    if (count <= grain) {
      sum = items(0, count);
    } else {
      parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
        const double part = items(begin, end);
        if (call.loss == nullptr) return;
        float* const to = call.scratch.data + begin / grain * kFloatsPerPartialSum;
        to[0] = static_cast<float>(part);
        // Of an infinite sum there is no rest, and infinity less infinity would be NaN.
        to[1] = std::isinf(to[0]) ? 0.0F : static_cast<float>(part - static_cast<double>(to[0]));
      });
      if (call.loss == nullptr) return;
      for (std::int64_t part = 0; part * grain < count; ++part) {
        const float* const from = call.scratch.data + part * kFloatsPerPartialSum;
        sum += static_cast<double>(from[0]) + static_cast<double>(from[1]);
      }
    }
    if (call.loss != nullptr)
      *call.loss = static_cast<float>(sum / static_cast<double>(call.input.rows * call.input.columns));
  }
};

}  // namespace

void loss(Stream& stream, LossKind kind, const LossCall& call) {
  const auto index = static_cast<std::size_t>(kind);
  stream.enqueue(kNames[index], Task{kernels().function[index], call});
}

}  // namespace atelier::cpu
