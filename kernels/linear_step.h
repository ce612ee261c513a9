#pragma once

#include "kernels/activation.h"
#include "kernels/optimizer.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// Backward of a linear layer for one sample and the optimiser's step, in one pass over the weights; no
/// gradient is stored. With delta[o] = output_gradient[o] * activation'(pre_activation[o]):
///   input_gradient[i] = sum_o delta[o] * weight[o, i]   with the weights before the step; empty: not wanted
///   weight, bias: as sgd_step or adam_step (optimizer.h) would leave them, to the last bit, after the
///                 gradients delta[o] * input[i] of weight[o, i] and delta[o] of bias[o]
///
///   input [inputs]   weight [outputs, inputs]   bias [outputs] or empty
///   pre_activation, output, output_gradient [outputs]: see linear_backward for which may be empty
///   moments: views shaped like weight and bias; bias's empty where there is no bias
///   scratch: at least linear_step_scratch(inputs, outputs) floats
/// Any width >= 0, any alignment. Deterministic, on cpu for any number of threads. Queues work and returns.
/// Throws InvalidArgument when shapes do not fit.
struct LinearStep {
  VectorView<const float> input;
  MatrixView<float> weight;
  VectorView<float> bias;
  ActivationFunction activation;
  VectorView<const float> pre_activation;
  VectorView<const float> output;
  VectorView<const float> output_gradient;
  VectorView<float> input_gradient;
};
struct LinearMoments {
  MatrixView<float> weight_first;
  MatrixView<float> weight_second;
  VectorView<float> bias_first;
  VectorView<float> bias_second;
};
void linear_backward_sgd(Stream& stream, const LinearStep& layer, SgdSettings settings,
                         VectorView<float> scratch);
void linear_backward_adam(Stream& stream, const LinearStep& layer, const LinearMoments& moments,
                          AdamSettings settings, VectorView<float> scratch);
[[nodiscard]] std::int64_t linear_step_scratch(std::int64_t inputs, std::int64_t outputs);

}  // namespace atelier
