#include "models/learners/gan_config.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "models/gradient_penalty.h"
#include "models/json_document.h"
#include "runtime/error.h"

namespace atelier::detail {
namespace {

/// `text` with the number of pixels in place of the word.
std::string with_pixels(std::string text, std::int64_t pixels) {
  constexpr std::string_view kWord = "pixels";
  const std::string number = std::to_string(pixels);
  for (std::size_t place = text.find(kWord); place != std::string::npos;
       place = text.find(kWord, place + number.size()))
    text.replace(place, kWord.size(), number);
  return text;
}

NetworkDescription network_of(const TrainingConfig& config, const char* option, const std::string& text,
                              std::int64_t pixels) {
  try {
    NetworkDescription network = network_from_text(with_pixels(text, pixels));
    network.validate();
    return network;
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(
        fmt::format("{}: the {} {}: {}", config.preset, option, excerpt(text), error.what()));
  }
}

bool ends_in_sigmoid(const NetworkDescription& network) {
  const Layer& last = network.layers.back();
  return last.kind == Layer::Kind::activation && last.activation.kind == Activation::sigmoid;
}

Loss loss_of(const TrainingConfig& config) {
  const std::string& word = config.loss.value();
  if (word == "bce") return Loss::bce;
  if (word == "bce-logits") return Loss::bce_with_logits;
  if (word == "mse") return Loss::mse;
  throw InvalidArgument(
      fmt::format("{}: the loss is {}; it must be bce, bce-logits or mse", config.preset, excerpt(word)));
}

double beta_of(const TrainingConfig& config, const char* option, double value) {
  if (!(value >= 0 && value < 1))
    throw InvalidArgument(
        fmt::format("{}: {} is {}; it must be at least 0 and below 1", config.preset, option, value));
  return value;
}

OptimizerDescription optimizer_of(const TrainingConfig& config, double learning_rate) {
  const std::string& word = config.optimizer.value();
  if (word != "sgd" && word != "adam")
    throw InvalidArgument(
        fmt::format("{}: the optimizer is {}; it must be sgd or adam", config.preset, excerpt(word)));
  if (!(learning_rate > 0) || !(learning_rate <= static_cast<double>(std::numeric_limits<float>::max())))
    throw InvalidArgument(
        fmt::format("{}: a learning rate is {}; it must be a positive number that fp32 holds", config.preset,
                    learning_rate));
  OptimizerDescription optimizer;
  optimizer.kind = word == "adam" ? OptimizerKind::adam : OptimizerKind::sgd;
  optimizer.learning_rate = learning_rate;
  optimizer.beta1 = beta_of(config, "beta1", config.beta1.value_or(optimizer.beta1));
  optimizer.beta2 = beta_of(config, "beta2", config.beta2.value_or(optimizer.beta2));
  return optimizer;
}

void check_fit(const TrainingConfig& config, const GanPlan& plan, std::int64_t pixels) {
  if (plan.discriminator.inputs != pixels || plan.discriminator.outputs() != 1)
    throw InvalidArgument(fmt::format(
        "{}: the discriminator has {} inputs and {} outputs; pictures of {} pixels and one output are due",
        config.preset, plan.discriminator.inputs, plan.discriminator.outputs(), pixels));
  if (plan.generator.outputs() != pixels)
    throw InvalidArgument(fmt::format("{}: the generator has {} outputs; pictures have {} pixels",
                                      config.preset, plan.generator.outputs(), pixels));
  const bool logits = plan.loss == Loss::bce_with_logits;
  if (plan.loss != Loss::mse && ends_in_sigmoid(plan.discriminator) == logits)
    throw InvalidArgument(fmt::format("{}: the loss {} wants a discriminator that {} a sigmoid",
                                      config.preset, *config.loss, logits ? "does not end in" : "ends in"));
}

void check_additions(const TrainingConfig& config, const GanPlan& plan) {
  if (!(plan.gradient_penalty >= 0) || !std::isfinite(plan.gradient_penalty))
    throw InvalidArgument(fmt::format("{}: the gradient penalty is {}; it must be 0 (none) or more",
                                      config.preset, plan.gradient_penalty));
  if (plan.gradient_penalty > 0) {
    if (!plan.joint)
      throw InvalidArgument(
          fmt::format("{}: a gradient penalty belongs to discriminator steps 1: one step on real "
                      "and forged pictures together",
                      config.preset));
    if (const std::string why = GradientPenalty::obstacle(plan.discriminator); !why.empty())
      throw InvalidArgument(fmt::format("{}: {}", config.preset, why));
  }
  (void)beta_of(config, "average", plan.average);
}

}  // namespace

GanPlan gan_plan(const TrainingConfig& config, std::int64_t pixels) {
  GanPlan plan;
  plan.discriminator = network_of(config, "discriminator", config.discriminator.value(), pixels);
  plan.generator = network_of(config, "generator", config.generator.value(), pixels);
  plan.loss = loss_of(config);
  const double rate = config.learning_rate.value();
  plan.discriminator_optimizer = optimizer_of(config, rate);
  plan.generator_optimizer = optimizer_of(config, config.generator_learning_rate.value_or(rate));
  plan.joint = config.discriminator_steps == 1;
  plan.gradient_penalty = config.gradient_penalty.value_or(0.0);
  plan.average = config.average.value_or(0.0);
  check_fit(config, plan, pixels);
  check_additions(config, plan);
  return plan;
}

std::optional<TwoLayerNetwork> two_layer_network(const Network& network, const Optimizer& optimizer) {
  const std::vector<Layer>& layers = network.description().layers;
  const auto kind_is = [&](std::size_t l, Layer::Kind kind) {
    return l < layers.size() && layers[l].kind == kind;
  };
  if (!kind_is(0, Layer::Kind::linear) || !layers[0].bias || !kind_is(1, Layer::Kind::activation)) return {};
  const bool normalized = kind_is(2, Layer::Kind::layer_norm);
  const std::size_t last = normalized ? 3 : 2;
  if (normalized && !layers[2].affine) return {};
  if (!kind_is(last, Layer::Kind::linear) || !layers[last].bias) return {};
  const bool sigmoid = ends_in_sigmoid(network.description());
  if (layers.size() != last + (sigmoid ? 2U : 1U)) return {};

  TwoLayerNetwork result;
  result.parameters = network.block();
  result.first_moment = optimizer.first_moment();
  result.second_moment = optimizer.second_moment();
  const std::int64_t hidden = layers[0].outputs;
  result.hidden_weight = matrix_view(network.weight(0).data, hidden, network.description().inputs);
  result.hidden_bias = network.bias(0);
  result.activation = layers[1].activation;
  if (normalized) {
    result.gamma = network.weight(2);
    result.beta = network.bias(2);
    result.normalization_epsilon = layers[2].epsilon;
  }
  result.output_weight = matrix_view(network.weight(last).data, layers[last].outputs, hidden);
  result.output_bias = network.bias(last);
  result.learning_rate = optimizer.learning_rate();
  result.beta1 = optimizer.description().beta1;
  result.beta2 = optimizer.description().beta2;
  result.epsilon = optimizer.description().epsilon;
  return result;
}

}  // namespace atelier::detail
