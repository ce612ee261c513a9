#pragma once

#include <cstdint>

#include "kernels/loss_launch.h"

namespace atelier::cpu {

/// A run of consecutive elements of a loss. Null where there is none: target (then `constant` counts),
/// probability, gradient. Outputs may be the input or the target itself.
struct LossRun {
  const float* input;
  const float* target;
  float constant;
  float* probability;
  float* gradient;
  std::int64_t count;
  float scale;  // of the gradient: 1 / the number of all elements
  bool loss;    // whether the sum is wanted
};

/// Writes gradients and probabilities of a run and returns the sum of its losses (0 where not wanted), once
/// for every instruction set. Relative error of the sum, against its absolute terms: at most 8e-7.
using LossFunction = double (*)(const LossRun& run);
struct LossKernels {
  LossFunction function[kLossKindCount];  // by LossKind
};

namespace portable {
extern const LossKernels loss_kernels;
}
namespace avx2 {
extern const LossKernels loss_kernels;
}
namespace avx512 {
extern const LossKernels loss_kernels;
}

}  // namespace atelier::cpu
