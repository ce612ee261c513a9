#include "kernels/linear_step.h"

#include "kernels/linear_check.h"
#include "kernels/linear_launch.h"
#include "kernels/linear_split.h"

namespace atelier {
namespace {

// Everything that both optimisers ask for; returns whether there is anything to write.
bool check_layer(const LinearCheck& check, const LinearStep& layer, const float* learning_rate,
                 VectorView<float> scratch) {
  check.matrix("weight", layer.weight);
  const std::int64_t inputs = layer.weight.columns;
  const std::int64_t outputs = layer.weight.rows;
  if (layer.input.size != inputs)
    check.fail("input has {} elements and weight is {}; weight must be [outputs, {}]", layer.input.size,
               check.shape(layer.weight), layer.input.size);
  check.fits("bias", layer.bias, outputs, true);
  check.fits("output_gradient", layer.output_gradient, outputs, false);
  check.fits("pre_activation", layer.pre_activation, outputs, true);
  check.fits("output", layer.output, outputs, layer.activation.kind == Activation::identity);
  check.fits("input_gradient", layer.input_gradient, inputs, true);
  if (outputs > 0 && layer.pre_activation.empty() && !derivative_from_output(layer.activation))
    check.fail("the derivative of {} needs pre_activation, {} elements",
               activation_name(layer.activation.kind), outputs);
  if (learning_rate == nullptr) check.fail("learning_rate is null; it must point to device memory");
  check.scratch(scratch, linear_step_scratch(inputs, outputs), false);
  return !layer.input_gradient.empty() || (outputs > 0 && (inputs > 0 || !layer.bias.empty()));
}

LinearStep with_nulls(LinearStep layer) {
  layer.weight = null_if_empty(layer.weight);
  layer.bias = null_if_empty(layer.bias);
  layer.pre_activation = null_if_empty(layer.pre_activation);
  layer.output = null_if_empty(layer.output);
  layer.input_gradient = null_if_empty(layer.input_gradient);
  return layer;
}

}  // namespace

void linear_backward_sgd(Stream& stream, const LinearStep& layer, SgdSettings settings,
                         VectorView<float> scratch) {
  const LinearCheck check("linear_backward_sgd", stream);
  if (!check_layer(check, layer, settings.learning_rate, scratch)) return;
  AdamSettings rate;
  rate.learning_rate = settings.learning_rate;
  const LinearStepCall call{with_nulls(layer), {}, LinearOptimizer::sgd, rate, null_if_empty(scratch)};
  ATELIER_DISPATCH(stream, linear_step(stream, call));
}

void linear_backward_adam(Stream& stream, const LinearStep& layer, const LinearMoments& moments,
                          AdamSettings settings, VectorView<float> scratch) {
  const LinearCheck check("linear_backward_adam", stream);
  const std::int64_t inputs = layer.weight.columns;
  const std::int64_t outputs = layer.weight.rows;
  const bool wanted = check_layer(check, layer, settings.learning_rate, scratch);
  check.fits("moments.weight_first", moments.weight_first, outputs, inputs, false);
  check.fits("moments.weight_second", moments.weight_second, outputs, inputs, false);
  check.fits("moments.bias_first", moments.bias_first, layer.bias.size, false);
  check.fits("moments.bias_second", moments.bias_second, layer.bias.size, false);
  for (const double beta : {settings.beta1, settings.beta2})
    if (!(beta >= 0 && beta < 1))
      check.fail("beta1 is {} and beta2 {}; both must be at least 0 and below 1", settings.beta1,
                 settings.beta2);
  if (!(settings.epsilon >= 0)) check.fail("epsilon is {}; it must not be negative", settings.epsilon);
  if (!wanted) return;
  const LinearStepCall call{with_nulls(layer),
                            {null_if_empty(moments.weight_first), null_if_empty(moments.weight_second),
                             null_if_empty(moments.bias_first), null_if_empty(moments.bias_second)},
                            LinearOptimizer::adam,
                            settings,
                            null_if_empty(scratch)};
  ATELIER_DISPATCH(stream, linear_step(stream, call));
}

std::int64_t linear_step_scratch(std::int64_t inputs, std::int64_t outputs) {
  return linear_step_scratch_floats(inputs, outputs);
}

}  // namespace atelier
