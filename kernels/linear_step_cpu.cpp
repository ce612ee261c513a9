#include <algorithm>

#include "kernels/cpu/linear_step_vector.h"
#include "kernels/cpu/linear_vector.h"
#include "kernels/linear_launch.h"
#include "kernels/matrix_product_cpu.h"
#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

const LinearStepKernels& kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::linear_step_kernels;
    case InstructionSet::avx2:
      return avx2::linear_step_kernels;
#endif
    default:
      return portable::linear_step_kernels;
  }
}

// linear_backward's delta for a batch of one.
const float* make_delta(const LinearStep& layer) {
  const std::int64_t outputs = layer.weight.rows;
  if (layer.activation.kind == Activation::identity || outputs == 0) return layer.output_gradient.data;
  const auto row = [outputs](const float* data) {
    return MatrixView<const float>{data, 1, outputs, outputs};
  };
  LinearBackwardCall call{};
  call.pre_activation = row(layer.pre_activation.data);
  call.output = row(layer.output.data);
  call.output_gradient = row(layer.output_gradient.data);
  call.activation = layer.activation;
  float* const delta = thread_room(Room::delta, outputs);
  linear_kernels().delta(call, delta, outputs, 0, outputs);
  return delta;
}

void step(const LinearStepCall& call) {
  const LinearStepKernels& set = kernels();
  const LinearStep& layer = call.layer;
  const bool adam = call.optimizer == LinearOptimizer::adam;
  const LinearStepFactors factors{*call.settings.learning_rate,
                                  adam ? adam_factors(call.settings) : AdamFactors{}};
  const float* const delta = make_delta(layer);
  // Every range walks all outputs, so that the input gradient's sums keep their order.
  constexpr std::int64_t kRun = 256;
  const std::int64_t inputs = layer.weight.columns;
  parallel_for((inputs + kRun - 1) / kRun, worthwhile_grain((adam ? 40 : 4) * kRun * layer.weight.rows),
               [&](std::int64_t begin, std::int64_t end) {
                 set.weights(call, delta, factors, begin * kRun, std::min(end * kRun, inputs));
               });
  if (layer.bias.data != nullptr) set.bias(call, delta, factors);
}

}  // namespace

void linear_step(Stream& stream, const LinearStepCall& call) {
  stream.enqueue("linear_step", [call] { step(call); });
}

}  // namespace atelier::cpu
