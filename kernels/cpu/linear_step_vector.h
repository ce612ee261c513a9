#pragma once

#include <cstdint>

#include "kernels/linear_launch.h"
#include "kernels/optimizer_function.h"

namespace atelier::cpu {

/// What a step multiplies by: adam_factors for Adam; for SGD the learning rate alone counts.
struct LinearStepFactors {
  float learning_rate;
  AdamFactors adam;
};

/// linear_backward_sgd and linear_backward_adam on the cpu device, once for every instruction set.
struct LinearStepKernels {
  /// Inputs [begin, end) of all outputs: the input gradient and the step of their weights.
  void (*weights)(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors,
                  std::int64_t begin, std::int64_t end);
  /// The step of all biases.
  void (*bias)(const LinearStepCall& call, const float* delta, const LinearStepFactors& factors);
};

namespace portable {
extern const LinearStepKernels linear_step_kernels;
}
namespace avx2 {
extern const LinearStepKernels linear_step_kernels;
}
namespace avx512 {
extern const LinearStepKernels linear_step_kernels;
}

}  // namespace atelier::cpu
