#include "tests/models/reference_network.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace atelier::testing {
namespace {

using Row = std::vector<double>;

double activation_of(ActivationFunction function, double x) {
  const auto slope = static_cast<double>(function.slope);
  switch (function.kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::leaky_relu:
      return x > 0 ? x : slope * x;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sin:
      return std::sin(x);
    case Activation::cos:
      return std::cos(x);
    case Activation::gaussian:
      return std::exp(-x * x);
    case Activation::softplus:
      return std::log(1 + std::exp(x));
    case Activation::gelu:
      return x * 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::elu:
      return x > 0 ? x : slope * (std::exp(x) - 1);
    case Activation::abs:
      return std::fabs(x);
    case Activation::square:
      return x * x;
    case Activation::softsign:
      return x / (1 + std::fabs(x));
  }
  return x;
}

Row linear_of(const Row& input, std::size_t outputs, const Row& weight, const Row* bias) {
  Row output(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    double sum = bias == nullptr ? 0 : bias->at(o);
    for (std::size_t i = 0; i < input.size(); ++i) sum += weight.at(o * input.size() + i) * input[i];
    output[o] = sum;
  }
  return output;
}

Row layer_norm_of(const Row& input, double epsilon, const Row* gamma, const Row* beta) {
  double mean = 0;
  for (const double x : input) mean += x / static_cast<double>(input.size());
  double variance = 0;
  for (const double x : input) variance += (x - mean) * (x - mean) / static_cast<double>(input.size());
  Row output;
  for (std::size_t c = 0; c < input.size(); ++c) {
    const double normal = (input[c] - mean) / std::sqrt(variance + epsilon);
    output.push_back(gamma == nullptr ? normal : normal * gamma->at(c) + beta->at(c));
  }
  return output;
}

double loss_of(Loss kind, double y, double t) {
  switch (kind) {
    case Loss::mse:
      return (y - t) * (y - t);
    case Loss::bce:
      return -(t * std::log(y) + (1 - t) * std::log(1 - y));
    case Loss::bce_with_logits:
      return std::log(1 + std::exp(y)) - t * y;
  }
  return 0;
}

}  // namespace

ReferenceNetwork::ReferenceNetwork(NetworkDescription description) : description_(std::move(description)) {}

void ReferenceNetwork::set_input(std::int64_t batch, std::vector<double> values) {
  batch_ = batch;
  parameters_["input"] = std::move(values);
}

std::vector<double> ReferenceNetwork::forward() const {
  const auto find = [this](std::size_t module, const char* name) -> const Row* {
    const auto found = parameters_.find(std::to_string(module) + "." + name);
    return found == parameters_.end() ? nullptr : &found->second;
  };
  const Row& inputs = parameters_.at("input");
  const auto width = static_cast<std::ptrdiff_t>(description_.inputs);
  Row all;
  for (std::ptrdiff_t b = 0; b < batch_; ++b) {
    Row row(inputs.begin() + b * width, inputs.begin() + (b + 1) * width);
    for (std::size_t l = 0; l < description_.layers.size(); ++l) {
      const Layer& layer = description_.layers[l];
      if (layer.kind == Layer::Kind::linear)
        row = linear_of(row, static_cast<std::size_t>(layer.outputs), *find(l, "weight"), find(l, "bias"));
      else if (layer.kind == Layer::Kind::layer_norm)
        row = layer_norm_of(row, layer.epsilon, find(l, "weight"), find(l, "bias"));
      else
        for (double& x : row) x = activation_of(layer.activation, x);
    }
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

double ReferenceNetwork::loss(const std::vector<double>& target) const {
  const std::vector<double> output = forward();
  double sum = 0;
  for (std::size_t i = 0; i < output.size(); ++i) sum += loss_of(kind_, output[i], target.at(i));
  return sum / static_cast<double>(output.size());
}

ReferenceNetwork::Differences ReferenceNetwork::differences(const std::string& name,
                                                            const std::vector<double>& target, double share) {
  constexpr double kStep = 1e-5;
  Row& values = parameters_.at(name);
  const auto stride = static_cast<std::size_t>(std::max(1.0, std::floor(1 / share)));
  Differences result;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double value = values[i];
    values[i] = value + kStep;
    const double above = loss(target);
    values[i] = value - kStep;
    const double below = loss(target);
    values[i] = value;
    result.coordinates.push_back(i);
    result.values.push_back((above - below) / (2 * kStep));
  }
  return result;
}

}  // namespace atelier::testing
