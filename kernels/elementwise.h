#pragma once

#include "kernels/activation.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// output[r, c] = activation(input[r, c]): an activation that no linear layer stands before (behind one, it
/// is fused: linear.h). Shapes are equal; any extent >= 0, any stride and alignment; output may be input.
/// Deterministic. Queues work and returns. Throws InvalidArgument when shapes differ.
void activation_forward(Stream& stream, MatrixView<const float> input, ActivationFunction activation,
                        MatrixView<float> output);

/// input_gradient[r, c] = output_gradient[r, c] * activation'(input[r, c]), where `output` is
/// activation_forward's result for `input`. input_gradient may be output_gradient. Otherwise as
/// activation_forward.
void activation_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> output,
                         ActivationFunction activation, MatrixView<const float> output_gradient,
                         MatrixView<float> input_gradient);

}  // namespace atelier
