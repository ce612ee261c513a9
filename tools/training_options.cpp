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

TrainingConfig resolved(const TrainingConfig& config) {
  try {
    return resolve_training(config);
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());
  }
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
  config = resolved(config);
  // Last: a mistake in the options is reported before anything is drawn.
  config.seed = options.seed ? *options.seed : options.torch_seed ? *options.torch_seed : drawn_seed();
  return config;
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
  data.train = load_data_set(config.data_set, Split::train, data_folder, limits);
  data.test = load_data_set(config.data_set, Split::test, data_folder);
  return data;
}

}  // namespace atelier::tools
