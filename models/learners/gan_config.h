#pragma once

#include <cstdint>
#include <optional>

#include "kernels/batch_one_gan.h"
#include "models/learner.h"
#include "models/network.h"

namespace atelier::detail {

/// What the options of a GAN on pictures come to for pictures of so many pixels.
struct GanPlan {
  NetworkDescription discriminator;  // pixels -> 1
  NetworkDescription generator;      // latent -> pixels
  Loss loss = Loss::bce;
  OptimizerDescription discriminator_optimizer;
  OptimizerDescription generator_optimizer;
  bool joint = false;           // D takes one step on real and forged pictures together
  double gradient_penalty = 0;  // 0: none
  double average = 0;           // decay of G's running average; 0: none
};

/// Throws InvalidArgument with one line that names the option: networks that do not fit each other, the
/// pictures or the loss (bce and mse go behind a sigmoid, bce-logits behind none), words and numbers out of
/// range. `config` is resolved but for what depends on the pictures.
[[nodiscard]] GanPlan gan_plan(const TrainingConfig& config, std::int64_t pixels);

/// The networks as kernels/batch_one_gan.h wants them; nothing where a network has other layers than
/// linear, activation, [LayerNorm], linear, [sigmoid].
[[nodiscard]] std::optional<TwoLayerNetwork> two_layer_network(const Network& network,
                                                               const Optimizer& optimizer);

}  // namespace atelier::detail
