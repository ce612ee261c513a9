#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/learner.h"
#include "models/learners/epoch_loop.h"
#include "models/learners/gan_config.h"
#include "models/network.h"
#include "models/safetensors.h"

namespace atelier::detail {

/// Where a checkpoint has the running average of G's parameters.
inline constexpr const char* kAveragePrefix = "generator_average.";

/// The two networks of a GAN with their optimisers.
struct GanPair {
  /// D's parameters are drawn first, as the notebooks build it first (config.torch_seed).
  GanPair(Stream& stream, const TrainingConfig& config, const GanPlan& plan);
  /// Tensors under discriminator., generator., discriminator_optimizer. and generator_optimizer.
  void save(Stream& stream, TensorFile& file) const;
  /// Throws InvalidArgument for the first that is missing or has another shape.
  void load(Stream& stream, const TensorFile& file);

  /// What the samples are drawn by.
  [[nodiscard]] Network& shown() { return average ? *average : generator; }

  Network discriminator;
  Network generator;
  std::optional<Network> average;  // of the generator's parameters
  Optimizer discriminator_optimizer;
  Optimizer generator_optimizer;
};

// Philox streams of training, of the run's seed. The networks' parameters take those below 2^20.
inline constexpr std::uint64_t kFakeNoise = std::uint64_t{1} << 33;  // z of D's step on forged pictures
inline constexpr std::uint64_t kGeneratorNoise = kFakeNoise + 2;     // z of G's step

/// How the iterations of a run are made. All ways count Adam's steps, rows of the data and noise alike.
class GanIterations {
 public:
  GanIterations() = default;
  virtual ~GanIterations() = default;
  GanIterations(const GanIterations&) = delete;
  GanIterations& operator=(const GanIterations&) = delete;
  /// Runs at most `count` iterations, with the bounds of EpochLoop::run, and returns the three losses of
  /// each: D's on real pictures, D's on forged ones, G's.
  [[nodiscard]] virtual std::vector<float> run(std::int64_t count) = 0;
};

/// Captured steps: any networks, any batch. A second stream draws the noise and runs G's forward passes while
/// D learns from the real pictures. Everything given must outlive the result.
[[nodiscard]] std::unique_ptr<GanIterations> make_streamed_iterations(Stream& stream,
                                                                      const TrainingConfig& config,
                                                                      const GanPlan& plan, GanPair& pair,
                                                                      const DeviceData& data,
                                                                      EpochLoop& loop);

/// Many iterations of batch 1 a call, the networks resident (kernels/batch_one_gan.h).
[[nodiscard]] std::unique_ptr<GanIterations> make_resident_iterations(Stream& stream,
                                                                      const TrainingConfig& config,
                                                                      const GanPlan& plan, GanPair& pair,
                                                                      const DeviceData& data,
                                                                      EpochLoop& loop);
/// Why the run is not for the resident loop, as one line; empty where it is.
[[nodiscard]] std::string resident_obstacle(Device device, const TrainingConfig& config, const GanPlan& plan,
                                            const GanPair& pair);

}  // namespace atelier::detail
