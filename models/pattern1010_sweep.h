#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/stream.h"

namespace atelier {

/// How one seed's 1010 GAN ended.
struct Pattern1010Result {
  std::uint64_t seed = 0;
  std::int64_t iterations = 0;
  std::array<float, 4> mean_output{};  // of G, over kPattern1010Draws rows of fresh noise
  bool converged = false;              // mean_output lies inside the ranges of the real patterns, all four
  // The means of the last kPattern1010LossWindow iterations (or of all, if fewer): D's on real and on fake
  // patterns, G's (D(G(z)) against 1), and the article's plot of G's distance from (0.9, 0, 0.9, 0).
  float discriminator_loss_real = 0;
  float discriminator_loss_fake = 0;
  float generator_loss = 0;
  float pattern_error = 0;
};
inline constexpr std::int64_t kPattern1010Draws = 100;
inline constexpr std::int64_t kPattern1010LossWindow = 100;

/// Whether a mean output lies inside the ranges of the real patterns: (0.8 to 1, 0 to 0.2, 0.8 to 1,
/// 0 to 0.2). NaN does not.
[[nodiscard]] bool inside_pattern1010(const std::array<float, 4>& mean_output);

struct Pattern1010Sweep {
  std::vector<std::uint64_t> seeds;
  std::int64_t iterations = 10'000;
  double learning_rate = 0.01;
  bool torch_weights = false;  // initial weights as PyTorch draws them after manual_seed(seed), D before G
};

/// Trains the pattern1010-gan of every seed at once (kernels/small_gan.h) and judges each: seed k's numbers
/// are those of `atelier train pattern1010-gan --seed k` up to the rounding of other kernels. Results stand
/// in the order of the seeds. `progress` is called from time to time with the fraction done, in (0, 1]; where
/// it returns false the sweep stops and returns what it has: seeds that were begun, with the iterations they
/// got. Throws InvalidArgument: no seeds, iterations outside 1 to 10^9, a learning rate that is not finite
/// and above 0; OutOfMemory.
[[nodiscard]] std::vector<Pattern1010Result> sweep_pattern1010(
    Stream& stream, const Pattern1010Sweep& sweep, const std::function<bool(double fraction)>& progress = {});

}  // namespace atelier
