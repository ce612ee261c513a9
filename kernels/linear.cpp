#include "kernels/linear.h"

#include "kernels/linear_check.h"
#include "kernels/linear_launch.h"
#include "kernels/linear_split.h"

namespace atelier {

void linear_forward(Stream& stream, MatrixView<const float> input, MatrixView<const float> weight,
                    VectorView<const float> bias, ActivationFunction activation, MatrixView<float> output,
                    MatrixView<float> pre_activation, VectorView<float> scratch) {
  const LinearCheck check("linear_forward", stream);
  check.matrix("input", input);
  check.matrix("weight", weight);
  check.matrix("output", output);
  if (weight.columns != input.columns)
    check.fail("input {} and weight {} do not fit; weight must be [outputs, {}]", check.shape(input),
               check.shape(weight), input.columns);
  if (output.rows != input.rows || output.columns != weight.rows)
    check.fail("output is {}; input {} and weight {} make [{}, {}]", check.shape(output), check.shape(input),
               check.shape(weight), input.rows, weight.rows);
  check.fits("bias", bias, weight.rows, true);
  check.fits("pre_activation", pre_activation, output.rows, output.columns, true);
  check.scratch(scratch, linear_forward_scratch(input.rows, input.columns, weight.rows), true);
  if (output.rows == 0 || output.columns == 0) return;
  const LinearCall call{input,
                        weight,
                        null_if_empty(bias),
                        output,
                        activation,
                        null_if_empty(pre_activation),
                        null_if_empty(scratch)};
  ATELIER_DISPATCH(stream, linear_forward(stream, call));
}

std::int64_t linear_forward_scratch(std::int64_t batch, std::int64_t inputs, std::int64_t outputs) {
  return linear_forward_scratch_floats(batch, inputs, outputs);
}

}  // namespace atelier
