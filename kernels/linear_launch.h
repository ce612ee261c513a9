#pragma once

#include <cstdint>

#include "kernels/activation.h"
#include "kernels/dispatch.h"
#include "kernels/linear_step.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// The arguments of linear_forward, checked: shapes fit, strides are no smaller than rows, batch and outputs
/// are at least 1 (inputs may be 0). Null where there is none: bias.data, pre_activation.data, scratch.data.
struct LinearCall {
  MatrixView<const float> input;
  MatrixView<const float> weight;
  VectorView<const float> bias;
  MatrixView<float> output;
  ActivationFunction activation;
  MatrixView<float> pre_activation;
  VectorView<float> scratch;
};

/// The arguments of linear_backward, checked in the same way. Any extent may be 0, but every gradient whose
/// data is not null has elements, and there is at least one. pre_activation.data is null where it was not
/// given: then the derivative follows from the output; output.data is null for identity alone, where neither
/// is read.
struct LinearBackwardCall {
  MatrixView<const float> input;
  MatrixView<const float> weight;
  MatrixView<const float> pre_activation;
  MatrixView<const float> output;
  MatrixView<const float> output_gradient;
  MatrixView<float> input_gradient;
  MatrixView<float> weight_gradient;
  VectorView<float> bias_gradient;
  ActivationFunction activation;
  bool accumulate;  // adds to weight_gradient and bias_gradient
  VectorView<float> scratch;
};

enum class LinearOptimizer : std::uint8_t { sgd, adam };

/// The arguments of linear_backward_sgd and linear_backward_adam, checked: there is something to write. Null
/// where there is none: bias.data (and its moments'), pre_activation.data, output.data (both as in
/// LinearBackwardCall), input_gradient.data. `moments` counts for adam only, as do the settings but for the
/// learning rate.
struct LinearStepCall {
  LinearStep layer;
  LinearMoments moments;
  LinearOptimizer optimizer;
  AdamSettings settings;
  VectorView<float> scratch;
};

}  // namespace atelier

ATELIER_DECLARE_BACKENDS(void linear_forward(Stream& stream, const LinearCall& call);
                         void linear_backward(Stream& stream, const LinearBackwardCall& call);
                         void linear_step(Stream& stream, const LinearStepCall& call))
