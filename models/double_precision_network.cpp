#include "models/double_precision_network.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "kernels/activation_function.h"
#include "runtime/error.h"

namespace atelier {
namespace {

struct Moments {
  double mean = 0;
  double reciprocal_deviation = 0;
};

Moments moments(const std::vector<double>& values, double epsilon) {
  Moments result;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) result.mean += value / count;
  double variance = 0;
  for (const double value : values) variance += (value - result.mean) * (value - result.mean) / count;
  result.reciprocal_deviation = 1.0 / std::sqrt(variance + epsilon);
  return result;
}

}  // namespace

DoublePrecisionNetwork::DoublePrecisionNetwork(NetworkDescription description) {
  description.validate();
  inputs_ = static_cast<std::size_t>(description.inputs);
  std::size_t width = inputs_;
  std::size_t place = 0;
  for (Layer& layer : description.layers) {
    Module module{layer, width, width, place, place};
    if (layer.kind == Layer::Kind::linear) {
      module.outputs = static_cast<std::size_t>(layer.outputs);
      module.bias = place + module.inputs * module.outputs;
      place = module.bias + (layer.bias ? module.outputs : 0);
    } else if (layer.kind == Layer::Kind::layer_norm && layer.affine) {
      module.bias = place + width;
      place += 2 * width;
    }
    width = module.outputs;
    modules_.push_back(module);
  }
  parameter_count_ = static_cast<std::int64_t>(place);
}

std::size_t DoublePrecisionNetwork::row_count(const std::vector<double>& parameters,
                                              const std::vector<double>& inputs) const {
  if (static_cast<std::int64_t>(parameters.size()) != parameter_count_)
    throw InvalidArgument(fmt::format("double-precision network: {} parameters; it has {}", parameters.size(),
                                      parameter_count_));
  if (inputs.empty() || inputs.size() % inputs_ != 0)
    throw InvalidArgument(fmt::format(
        "double-precision network: {} inputs; rows of {} are needed, one at least", inputs.size(), inputs_));
  return inputs.size() / inputs_;
}

// values[0] is the input, values[m + 1] what module m makes of values[m].
void DoublePrecisionNetwork::run(const std::vector<double>& parameters, const double* input,
                                 std::vector<std::vector<double>>& values) const {
  values.resize(modules_.size() + 1);
  values[0].assign(input, input + inputs_);
  for (std::size_t m = 0; m < modules_.size(); ++m) {
    const Module& module = modules_[m];
    const std::vector<double>& x = values[m];
    std::vector<double>& y = values[m + 1];
    y.resize(module.outputs);
    switch (module.layer.kind) {
      case Layer::Kind::linear:
        for (std::size_t o = 0; o < module.outputs; ++o) {
          double sum = module.layer.bias ? parameters[module.bias + o] : 0.0;
          for (std::size_t i = 0; i < module.inputs; ++i)
            sum += parameters[module.weight + o * module.inputs + i] * x[i];
          y[o] = sum;
        }
        break;
      case Layer::Kind::activation:
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = activate(module.layer.activation, x[i]);
        break;
      case Layer::Kind::layer_norm: {
        const Moments m2 = moments(x, module.layer.epsilon);
        for (std::size_t i = 0; i < x.size(); ++i) {
          y[i] = (x[i] - m2.mean) * m2.reciprocal_deviation;
          if (module.layer.affine) y[i] = y[i] * parameters[module.weight + i] + parameters[module.bias + i];
        }
        break;
      }
    }
  }
}

// `delta` is the gradient with respect to the outputs; parameters' gradients are added.
void DoublePrecisionNetwork::run_back(const std::vector<double>& parameters,
                                      const std::vector<std::vector<double>>& values,
                                      std::vector<double> delta, std::vector<double>& gradient) const {
  for (std::size_t m = modules_.size(); m-- > 0;) {
    const Module& module = modules_[m];
    const std::vector<double>& x = values[m];
    std::vector<double> before(module.inputs, 0.0);
    switch (module.layer.kind) {
      case Layer::Kind::linear:
        for (std::size_t o = 0; o < module.outputs; ++o) {
          if (module.layer.bias) gradient[module.bias + o] += delta[o];
          for (std::size_t i = 0; i < module.inputs; ++i) {
            gradient[module.weight + o * module.inputs + i] += delta[o] * x[i];
            before[i] += delta[o] * parameters[module.weight + o * module.inputs + i];
          }
        }
        break;
      case Layer::Kind::activation:
        for (std::size_t i = 0; i < x.size(); ++i)
          before[i] = delta[i] * activation_derivative(module.layer.activation, x[i], values[m + 1][i]);
        break;
      case Layer::Kind::layer_norm: {
        const Moments m2 = moments(x, module.layer.epsilon);
        const auto count = static_cast<double>(x.size());
        double sum = 0;
        double weighted = 0;
        std::vector<double> normal(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
          normal[i] = (x[i] - m2.mean) * m2.reciprocal_deviation;
          if (module.layer.affine) {
            gradient[module.weight + i] += delta[i] * normal[i];
            gradient[module.bias + i] += delta[i];
            delta[i] *= parameters[module.weight + i];
          }
          sum += delta[i] / count;
          weighted += delta[i] * normal[i] / count;
        }
        for (std::size_t i = 0; i < x.size(); ++i)
          before[i] = m2.reciprocal_deviation * (delta[i] - sum - normal[i] * weighted);
        break;
      }
    }
    delta = std::move(before);
  }
}

std::vector<double> DoublePrecisionNetwork::forward(const std::vector<double>& parameters,
                                                    const std::vector<double>& inputs) const {
  const std::size_t rows = row_count(parameters, inputs);
  std::vector<std::vector<double>> values;
  std::vector<double> outputs;
  for (std::size_t row = 0; row < rows; ++row) {
    run(parameters, inputs.data() + row * inputs_, values);
    outputs.insert(outputs.end(), values.back().begin(), values.back().end());
  }
  return outputs;
}

double DoublePrecisionNetwork::mean_square_error(const std::vector<double>& parameters,
                                                 const std::vector<double>& inputs,
                                                 const std::vector<double>& targets) const {
  const std::vector<double> outputs = forward(parameters, inputs);
  if (outputs.size() != targets.size())
    throw InvalidArgument(
        fmt::format("double-precision network: {} targets for {} outputs", targets.size(), outputs.size()));
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    sum += (outputs[i] - targets[i]) * (outputs[i] - targets[i]);
  return sum / static_cast<double>(outputs.size());
}

std::vector<double> DoublePrecisionNetwork::gradient(const std::vector<double>& parameters,
                                                     const std::vector<double>& inputs,
                                                     const std::vector<double>& targets) const {
  const std::size_t rows = row_count(parameters, inputs);
  const std::size_t width = modules_.back().outputs;
  if (targets.size() != rows * width)
    throw InvalidArgument(
        fmt::format("double-precision network: {} targets for {} outputs", targets.size(), rows * width));
  std::vector<double> result(parameters.size(), 0.0);
  std::vector<std::vector<double>> values;
  for (std::size_t row = 0; row < rows; ++row) {
    run(parameters, inputs.data() + row * inputs_, values);
    std::vector<double> delta(width);
    for (std::size_t o = 0; o < width; ++o)
      delta[o] = 2.0 * (values.back()[o] - targets[row * width + o]) / static_cast<double>(targets.size());
    run_back(parameters, values, std::move(delta), result);
  }
  return result;
}

std::vector<double> DoublePrecisionNetwork::central_differences(std::vector<double> parameters,
                                                                const std::vector<double>& inputs,
                                                                const std::vector<double>& targets,
                                                                double h) const {
  std::vector<double> result(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double here = parameters[i];
    parameters[i] = here + h;
    const double above = parameters[i];
    const double error_above = mean_square_error(parameters, inputs, targets);
    parameters[i] = here - h;
    const double error_below = mean_square_error(parameters, inputs, targets);
    result[i] = (error_above - error_below) / (above - parameters[i]);  // by the step as it was rounded
    parameters[i] = here;
  }
  return result;
}

}  // namespace atelier
