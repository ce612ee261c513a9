#include "kernels/linear.h"
#include "kernels/linear_check.h"
#include "kernels/linear_launch.h"
#include "kernels/linear_split.h"

namespace atelier {

void linear_backward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                     ActivationFunction activation, MatrixView<const float> pre_activation,
                     MatrixView<const float> output, MatrixView<const float> output_gradient,
                     LinearGradients gradients, VectorView<float> scratch) {
  const LinearCheck check("linear_backward", stream);
  check.matrix("input", input);
  check.matrix("weight", weight);
  if (weight.columns != input.columns)
    check.fail("input {} and weight {} do not fit; weight must be [outputs, {}]", check.shape(input),
               check.shape(weight), input.columns);
  const std::int64_t batch = input.rows;
  const std::int64_t inputs = input.columns;
  const std::int64_t outputs = weight.rows;
  check.fits("output_gradient", output_gradient, batch, outputs, false);
  check.fits("pre_activation", pre_activation, batch, outputs, true);
  check.fits("output", output, batch, outputs, activation.kind == Activation::identity);
  check.fits("gradients.input", gradients.input, batch, inputs, true);
  check.fits("gradients.weight", gradients.weight, outputs, inputs, true);
  check.fits("gradients.bias", gradients.bias, outputs, true);
  const bool terms = batch > 0 && outputs > 0;
  if (terms && null_if_empty(pre_activation).data == nullptr && !derivative_from_output(activation))
    check.fail("the derivative of {} needs pre_activation, [{}, {}]", activation_name(activation.kind), batch,
               outputs);
  check.scratch(scratch, linear_backward_scratch(batch, inputs, outputs), false);

  const LinearBackwardCall call{input,
                                weight,
                                null_if_empty(pre_activation),
                                null_if_empty(output),
                                output_gradient,
                                null_if_empty(gradients.input),
                                null_if_empty(gradients.weight),
                                null_if_empty(gradients.bias),
                                activation,
                                gradients.accumulate,
                                null_if_empty(scratch)};
  if (call.input_gradient.data == nullptr && call.weight_gradient.data == nullptr &&
      call.bias_gradient.data == nullptr)
    return;
  ATELIER_DISPATCH(stream, linear_backward(stream, call));
}

std::int64_t linear_backward_scratch(std::int64_t batch, std::int64_t inputs, std::int64_t outputs) {
  return linear_backward_scratch_floats(batch, inputs, outputs);
}

}  // namespace atelier
