#pragma once

#include "kernels/activation.h"
#include "runtime/stream.h"
#include "runtime/view.h"

namespace atelier {

/// output[b, o] = activation(sum_i input[b, i] * weight[o, i] + bias[o])
///
///   input  [batch, inputs]   weight [outputs, inputs] (torch.nn.Linear's layout)
///   bias   [outputs] or empty for none        output [batch, outputs]
///
/// fp32 storage and accumulation. Any batch >= 0, inputs >= 0 (an empty sum is 0), outputs >= 0, any stride
/// and alignment; `output` must not overlap the inputs. Deterministic: bitwise the same from run to run on
/// one device and, on cpu, for any number of threads. Error against exact arithmetic: at most (inputs + 2) *
/// 2^-24 * sum|terms| before the activation. Queues work and returns. Throws InvalidArgument when shapes do
/// not fit together.
void linear_forward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                    VectorView<const float> bias, ActivationFunction activation, MatrixView<float> output);

}  // namespace atelier
