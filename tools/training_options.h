#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/learner.h"

namespace atelier::tools {

/// What the command line says about a training run: every field absent that was not given.
struct TrainingOptions {
  std::string preset;
  std::optional<std::string> data_set;
  std::string data_folder;
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> iterations;
  std::optional<std::int64_t> batch;
  std::optional<std::int64_t> limit;
  std::optional<double> learning_rate;
  bool shuffle = false;
  // GANs on pictures. The shorthands width, slope and latent change the preset's networks, or those given.
  std::optional<std::string> generator;
  std::optional<std::string> discriminator;
  std::optional<std::int64_t> width;   // of every hidden layer of both networks
  std::optional<double> slope;         // of every leaky_relu of both networks
  std::optional<std::int64_t> latent;  // inputs of the generator
  std::optional<std::string> loss;
  std::optional<std::string> optimizer;
  std::optional<double> generator_learning_rate;
  std::optional<double> beta1;
  std::optional<double> beta2;
  std::optional<std::int64_t> discriminator_steps;
  std::optional<double> gradient_penalty;
  std::optional<double> average;
  std::optional<std::string> loop;
  std::optional<std::string> split;  // "train", "test": the part of the data set that is learned from
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> torch_seed;
};

/// The run that the options ask for, resolved. Without --seed, --torch-seed is the seed of everything else
/// too, else `seed` is drawn. Throws UsageError: no preset or an unknown one, an option that the preset does
/// not have, a value outside its range.
[[nodiscard]] TrainingConfig planned_training(const TrainingOptions& options);

/// The run `begun`, gone on with: options may repeat what it was started with, and ask for more epochs or
/// iterations. Throws UsageError that names the first option that contradicts.
[[nodiscard]] TrainingConfig resumed_training(const TrainingOptions& options, const TrainingConfig& begun);

struct TrainingData {
  DataSet train;
  DataSet test;
};
/// The run's data; empty where its preset needs none. A GAN has only the part that it learns from: the one
/// that config.split names, `train` where the data set has no test part. Throws what load_data_set throws.
[[nodiscard]] TrainingData load_training_data(const TrainingConfig& config, const std::string& data_folder);

}  // namespace atelier::tools
