#include "tools/training_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "tools/picture_options.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

/// A data set's name, or its path from the root: a run is gone on with from any folder.
std::string data_set_name(const std::string& typed) {
  static constexpr std::array<std::string_view, 3> kNames{"mnist", "fashion", "digits"};
  if (std::find(kNames.begin(), kNames.end(), typed) != kNames.end()) return typed;
  std::error_code ignored;
  if (!std::filesystem::exists(typed, ignored)) return typed;
  return std::filesystem::absolute(typed).lexically_normal().string();
}

template <class Value>
void expect_same(const char* option, const std::optional<Value>& typed, const std::optional<Value>& begun) {
  if (!typed || typed == begun) return;
  throw UsageError(
      begun ? fmt::format("{} {}: the run was begun with {}; leave it out, or begin another run with --run",
                          option, *typed, *begun)
            : fmt::format("{} {}: the run was begun without; leave it out, or begin another run with --run",
                          option, *typed));
}

/// More than before, as much, or not given.
void extend(const char* option, const std::optional<std::int64_t>& typed,
            std::optional<std::int64_t>& length) {
  if (!typed) return;
  if (length && *typed < *length)
    throw UsageError(fmt::format("{} {}: the run was begun with {}; it can go on for more, not for less",
                                 option, *typed, *length));
  length = typed;
}

/// `text` with every hidden linear layer of `width` outputs: all but the last, whose outputs are given.
std::string with_hidden_width(const std::string& text, std::int64_t width) {
  constexpr std::string_view kLinear = "linear(";
  const std::size_t last = text.rfind(kLinear);
  std::string result;
  std::size_t copied = 0;
  for (std::size_t place = text.find(kLinear); place < last; place = text.find(kLinear, place + 1)) {
    const std::size_t number = place + kLinear.size();
    result += text.substr(copied, number - copied) + fmt::format("{}", width);
    copied = std::min(text.find_first_of(",)", number), text.size());
  }
  return result + text.substr(copied);
}

/// `text` with this slope for every leaky_relu.
std::string with_slope(const std::string& text, double slope) {
  constexpr std::string_view kLeaky = "leaky_relu";
  std::string result;
  std::size_t copied = 0;
  for (std::size_t place = text.find(kLeaky); place != std::string::npos; place = text.find(kLeaky, copied)) {
    const std::size_t end = place + kLeaky.size();
    result += text.substr(copied, end - copied) + fmt::format("({})", slope);
    const bool had_slope = end < text.size() && text[end] == '(';
    copied = had_slope ? std::min(text.find(')', end), text.size() - 1) + 1 : end;
  }
  return result + text.substr(copied);
}

/// `text` with this number of inputs.
std::string with_inputs(const std::string& text, std::int64_t inputs) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return fmt::format("{}{}", inputs, text.substr(std::min(text.find(' ', begin), text.size())));
}

bool has_shorthands(const TrainingOptions& options) {
  return options.width || options.slope || options.latent;
}

/// The networks of a resolved run with the shorthands worked in.
void apply_shorthands(const TrainingOptions& options, TrainingConfig& config) {
  if (!config.generator || !config.discriminator)
    throw UsageError(fmt::format("{}: {} is no GAN on pictures; its network is the preset's",
                                 options.width   ? "--width"
                                 : options.slope ? "--slope"
                                                 : "--latent",
                                 config.preset));
  for (std::string* const text : {&*config.generator, &*config.discriminator}) {
    if (options.width) *text = with_hidden_width(*text, *options.width);
    if (options.slope) *text = with_slope(*text, *options.slope);
  }
  if (options.latent) *config.generator = with_inputs(*config.generator, *options.latent);
}

TrainingConfig resolved(const TrainingConfig& config) {
  try {
    return resolve_training(config);
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
}

/// The options of GANs, which the run was begun with or which were not given.
void expect_same_gan(const TrainingOptions& options, const TrainingConfig& begun) {
  // As resolve_training writes them, not as they were typed.
  TrainingConfig typed = begun;
  if (options.generator) typed.generator = options.generator;
  if (options.discriminator) typed.discriminator = options.discriminator;
  if (options.generator || options.discriminator) typed = resolved(typed);
  if (has_shorthands(options)) apply_shorthands(options, typed);
  expect_same("--loss", options.loss, begun.loss);
  expect_same("--optimizer", options.optimizer, begun.optimizer);
  expect_same("--generator-learning-rate", options.generator_learning_rate, begun.generator_learning_rate);
  expect_same("--beta1", options.beta1, begun.beta1);
  expect_same("--beta2", options.beta2, begun.beta2);
  expect_same("--discriminator-steps", options.discriminator_steps, begun.discriminator_steps);
  expect_same("--gradient-penalty", options.gradient_penalty, begun.gradient_penalty);
  expect_same("--average", options.average, begun.average);
  expect_same("--split", options.split, begun.split);
  if (options.loop != "auto") expect_same("--loop", options.loop, begun.loop);
  expect_same("the generator", typed.generator, begun.generator);
  expect_same("the discriminator", typed.discriminator, begun.discriminator);
}

}  // namespace

TrainingConfig planned_training(const TrainingOptions& options) {
  if (options.preset.empty())
    throw UsageError("train needs the name of a preset; 'atelier experiments' lists them");
  TrainingConfig config;
  config.preset = options.preset;
  config.torch_seed = options.torch_seed;
  config.data_set = options.data_set ? data_set_name(*options.data_set) : std::string();
  config.epochs = options.epochs;
  config.iterations = options.iterations;
  config.batch = options.batch;
  config.limit = options.limit;
  config.learning_rate = options.learning_rate;
  config.shuffle = options.shuffle;
  config.generator = options.generator;
  config.discriminator = options.discriminator;
  config.loss = options.loss;
  config.optimizer = options.optimizer;
  config.generator_learning_rate = options.generator_learning_rate;
  config.beta1 = options.beta1;
  config.beta2 = options.beta2;
  config.discriminator_steps = options.discriminator_steps;
  config.gradient_penalty = options.gradient_penalty;
  config.average = options.average;
  config.loop = options.loop;
  config.split = options.split;
  TrainingConfig plan = resolved(config);
  if (has_shorthands(options)) {
    apply_shorthands(options, plan);
    config.generator = plan.generator;
    config.discriminator = plan.discriminator;
    plan = resolved(config);
  }
  // Last: a mistake in the options is reported before anything is drawn.
  plan.seed = options.seed ? *options.seed : options.torch_seed ? *options.torch_seed : drawn_seed();
  return plan;
}

TrainingConfig resumed_training(const TrainingOptions& options, const TrainingConfig& begun) {
  if (!options.preset.empty() && options.preset != begun.preset)
    throw UsageError(
        fmt::format("the run to go on with is one of {}, not of {}", begun.preset, options.preset));
  if (options.seed && *options.seed != begun.seed)
    throw UsageError(
        fmt::format("--seed {}: the run was begun with {}; leave it out", *options.seed, begun.seed));
  expect_same("--torch-seed", options.torch_seed, begun.torch_seed);
  if (options.data_set && data_set_name(*options.data_set) != begun.data_set)
    throw UsageError(fmt::format("--dataset {}: the run was begun with {}; leave it out", *options.data_set,
                                 begun.data_set.empty() ? "none" : begun.data_set));
  expect_same("--batch", options.batch, begun.batch);
  expect_same("--limit", options.limit, begun.limit);
  expect_same("--learning-rate", options.learning_rate, begun.learning_rate);
  if (options.shuffle && !begun.shuffle)
    throw UsageError("--shuffle: the run was begun without; leave it out, or begin another run with --run");
  expect_same_gan(options, begun);
  TrainingConfig config = begun;
  extend("--epochs", options.epochs, config.epochs);
  extend("--iterations", options.iterations, config.iterations);
  return resolved(config);
}

TrainingData load_training_data(const TrainingConfig& config, const std::string& data_folder) {
  if (config.data_set.empty()) return {};
  ReadLimits limits;
  if (config.limit) limits.first_count = *config.limit;
  TrainingData data;
  if (config.split == "test") data.test = load_data_set(config.data_set, Split::test, data_folder, limits);
  if (data.test.count > 0) return data;
  data.train = load_data_set(config.data_set, Split::train, data_folder, limits);
  if (!config.split) data.test = load_data_set(config.data_set, Split::test, data_folder);
  return data;
}

}  // namespace atelier::tools
