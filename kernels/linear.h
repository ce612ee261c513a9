#pragma once

#include "kernels/activation.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// output[b, o] = activation(sum_i input[b, i] * weight[o, i] + bias[o])
///
///   input  [batch, inputs]   weight [outputs, inputs] (torch.nn.Linear's layout)
///   bias   [outputs] or empty for none        output [batch, outputs]
///   pre_activation  [batch, outputs] or empty: receives the argument of the activation, for linear_backward
///   scratch  at least linear_forward_scratch(batch, inputs, outputs) floats, or empty: then shapes that fill
///            few multiprocessors are not split along `inputs` (slower on cuda, as right)
///
/// fp32 storage and accumulation. Any batch >= 0, inputs >= 0 (an empty sum is 0), outputs >= 0, any stride
/// and alignment; outputs must not overlap the inputs. Deterministic: bitwise the same from run to run on
/// one device and, on cpu, for any number of threads. Error against exact arithmetic: at most (inputs + 2) *
/// 2^-24 * sum|terms| before the activation. Queues work and returns. Throws InvalidArgument when shapes do
/// not fit together.
void linear_forward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                    VectorView<const float> bias, ActivationFunction activation, MatrixView<float> output,
                    MatrixView<float> pre_activation = {}, VectorView<float> scratch = {});
[[nodiscard]] std::int64_t linear_forward_scratch(std::int64_t batch, std::int64_t inputs,
                                                  std::int64_t outputs);

/// Where linear_backward writes; an empty view is a gradient that nobody wants (a frozen network needs the
/// input's alone).
struct LinearGradients {
  MatrixView<float> input;   // [batch, inputs]
  MatrixView<float> weight;  // [outputs, inputs]
  VectorView<float> bias;    // [outputs]
  bool accumulate = false;   // weight and bias gradients are added to what is there; input's is overwritten
};

/// The gradients of linear_forward:
///   delta[b, o]           = output_gradient[b, o] * activation'(pre_activation[b, o])
///   gradients.input[b, i] = sum_o delta[b, o] * weight[o, i]
///   gradients.weight[o, i] = sum_b delta[b, o] * input[b, i]
///   gradients.bias[o]     = sum_b delta[b, o]
/// `output` is linear_forward's result. `pre_activation` may be empty where
/// derivative_from_output(activation) holds; for identity, `output` may be empty too. `scratch` holds at
/// least linear_backward_scratch(batch, inputs, outputs) floats; its contents are undefined before and after.
/// With batch 0 the weight and bias gradients are 0 (or stay, with accumulate). Any shape, stride and
/// alignment; views must not overlap. Deterministic: sums have a fixed order. Errors as for linear_forward,
/// with batch or outputs terms. Throws InvalidArgument.
void linear_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                     ActivationFunction activation, MatrixView<const float> pre_activation,
                     MatrixView<const float> output, MatrixView<const float> output_gradient,
                     LinearGradients gradients, VectorView<float> scratch);
[[nodiscard]] std::int64_t linear_backward_scratch(std::int64_t batch, std::int64_t inputs,
                                                   std::int64_t outputs);

}  // namespace atelier
