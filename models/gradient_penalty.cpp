#include "models/gradient_penalty.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/noise.h"
#include "runtime/error.h"

namespace atelier {
namespace {

bool piecewise_linear(Activation kind) {
  return kind == Activation::relu || kind == Activation::leaky_relu || kind == Activation::identity;
}

/// The layers that count: without a sigmoid at the end.
std::size_t layers_before_sigmoid(const NetworkDescription& network) {
  const Layer& last = network.layers.back();
  const bool sigmoid = last.kind == Layer::Kind::activation && last.activation.kind == Activation::sigmoid;
  return network.layers.size() - (sigmoid ? 1U : 0U);
}

}  // namespace

std::string GradientPenalty::obstacle(const NetworkDescription& network) {
  if (network.outputs() != 1)
    return fmt::format("a gradient penalty is for networks of one output, this one has {}",
                       network.outputs());
  const std::size_t count = layers_before_sigmoid(network);
  for (std::size_t l = 0; l < count; ++l) {
    const Layer& layer = network.layers[l];
    const bool linear = layer.kind == Layer::Kind::linear;
    const bool bend = layer.kind == Layer::Kind::activation && piecewise_linear(layer.activation.kind) &&
                      derivative_from_output(layer.activation) && l > 0 &&
                      network.layers[l - 1].kind == Layer::Kind::linear;
    if (!linear && !bend)
      return "a gradient penalty is for networks of linear layers with relu or leaky_relu behind them";
  }
  return count == 0 || network.layers[count - 1].kind != Layer::Kind::linear
             ? "a gradient penalty is for networks that end in a linear layer, or a sigmoid behind one"
             : std::string();
}

GradientPenalty::GradientPenalty(Stream& stream, const Network& network, std::int64_t largest_batch,
                                 double weight)
    : network_(&network), weight_(weight) {
  const NetworkDescription& description = network.description();
  if (const std::string why = obstacle(description); !why.empty()) throw InvalidArgument(why);
  if (!(weight > 0) || !std::isfinite(weight) || largest_batch < 1)
    throw InvalidArgument(
        fmt::format("gradient penalty: the weight is {}, the batch {}; both must be positive and finite",
                    weight, largest_batch));
  std::int64_t width = description.inputs;
  std::int64_t scratch = 0;
  ArenaPlan plan;
  const auto input_gradient = plan.reserve<float>(largest_batch * width, "input gradient");
  std::vector<std::array<ArenaSlot<float>, 3>> slots;
  const std::size_t count = layers_before_sigmoid(description);
  for (std::size_t l = 0; l < count; ++l) {
    if (description.layers[l].kind != Layer::Kind::linear) continue;
    const std::int64_t outputs = description.layers[l].outputs;
    Step& step = steps_.emplace_back();
    step.weight = matrix_view(network.weight(l).data, outputs, width);
    step.bias = network.bias(l);
    if (l + 1 < count && description.layers[l + 1].kind == Layer::Kind::activation)
      step.activation = description.layers[l + 1].activation;
    slots.push_back({plan.reserve<float>(largest_batch * outputs, "output"),
                     plan.reserve<float>(largest_batch * outputs, "gradient"),
                     plan.reserve<float>(largest_batch * outputs, "tangent")});
    for (std::int64_t rows = 1; rows <= largest_batch; ++rows)
      scratch = std::max({scratch, linear_forward_scratch(rows, width, outputs),
                          linear_backward_scratch(rows, width, outputs)});
    width = outputs;
  }
  const auto scratch_slot = plan.reserve<float>(scratch, "scratch");
  arena_.emplace(stream, plan, "gradient penalty");
  input_gradient_ = arena_->matrix(input_gradient, largest_batch, description.inputs);
  scratch_ = arena_->view(scratch_slot);
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    const std::int64_t outputs = steps_[s].weight.rows;
    steps_[s].output = arena_->matrix(slots[s][0], largest_batch, outputs);
    steps_[s].gradient = arena_->matrix(slots[s][1], largest_batch, outputs);
    steps_[s].tangent = arena_->matrix(slots[s][2], largest_batch, outputs);
  }
}

MatrixView<const float> GradientPenalty::input_gradient() const {
  return input_gradient_.rows_part(0, rows_);
}

void GradientPenalty::add(Stream& stream, MatrixView<const float> input, VectorView<float> gradients) {
  if (input.rows < 1 || input.rows > input_gradient_.rows || input.columns != input_gradient_.columns)
    throw InvalidArgument(fmt::format("gradient penalty: the input is [{}, {}]; it must be [1 to {}, {}]",
                                      input.rows, input.columns, input_gradient_.rows,
                                      input_gradient_.columns));
  rows_ = input.rows;
  MatrixView<const float> below = input;
  for (Step& step : steps_) {
    linear_forward(stream, below, step.weight, step.bias, step.activation, step.output.rows_part(0, rows_),
                   {}, scratch_);
    below = step.output.rows_part(0, rows_);
  }
  // P is quadratic in this factor, and both passes are linear in it: so t_0 needs no scaling of its own.
  const auto factor = static_cast<float>(std::sqrt(weight_ / static_cast<double>(rows_)));
  const MatrixView<float> top = steps_.back().gradient.rows_part(0, rows_);
  fill_uniform(stream, {top.data, rows_}, PhiloxStream{}, std::uint64_t{0}, factor, factor);
  for (std::size_t s = steps_.size(); s-- > 0;) {
    LinearGradients wanted;
    wanted.input = s > 0 ? steps_[s - 1].gradient.rows_part(0, rows_) : input_gradient_.rows_part(0, rows_);
    // Only the input's gradient is wanted, which does not depend on the input.
    linear_backward(stream, s > 0 ? MatrixView<const float>(steps_[s - 1].output.rows_part(0, rows_)) : input,
                    steps_[s].weight, steps_[s].activation, {}, steps_[s].output.rows_part(0, rows_),
                    steps_[s].gradient.rows_part(0, rows_), wanted, scratch_);
  }
  MatrixView<const float> tangent = input_gradient();
  for (Step& step : steps_) {
    LinearGradients wanted;
    wanted.weight = matrix_view(
        network_->in_block(gradients, {step.weight.data, step.weight.rows * step.weight.columns}).data,
        step.weight.rows, step.weight.columns);
    wanted.accumulate = true;
    linear_backward(stream, tangent, step.weight, step.activation, {}, step.output.rows_part(0, rows_),
                    step.gradient.rows_part(0, rows_), wanted, scratch_);
    if (&step == &steps_.back()) return;
    const MatrixView<float> next = step.tangent.rows_part(0, rows_);
    linear_forward(stream, tangent, step.weight, {}, {}, next, {}, scratch_);
    activation_backward(stream, step.output.rows_part(0, rows_), step.output.rows_part(0, rows_),
                        step.activation, next, next);
    tangent = next;
  }
}

}  // namespace atelier
