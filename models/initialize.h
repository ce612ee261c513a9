#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"

namespace atelier {

/// What weights are drawn from.
///   torch_default  U(-1/sqrt(fan_in), 1/sqrt(fan_in)), what torch.nn.Linear does
///   normal         N(0, scale^2)
///   uniform        U(-scale, scale)
enum class Distribution : std::uint8_t { torch_default, normal, uniform };
[[nodiscard]] std::string_view distribution_name(Distribution distribution);
[[nodiscard]] std::optional<Distribution> distribution_from_name(std::string_view name);

/// How a network's parameters come about. Biases are always U(-1/sqrt(fan_in), 1/sqrt(fan_in)): the seed's
/// notebook overwrites weights only.
struct Initializer {
  Distribution distribution = Distribution::normal;
  double scale = 1.0;               // deviation or half-width; for torch_default a factor
  std::vector<double> layer_scale;  // empty, or one extra factor for each layer
  friend bool operator==(const Initializer&, const Initializer&) = default;
};
/// Bound of scale, and of scale times a layer's factor: every drawn number, up to 6.7 deviations, stays
/// finite in fp32.
inline constexpr double kInitializerMaxScale = 1e30;

/// Where the random numbers come from: our counter-based streams (one stream a layer: layer l's weights are
/// stream 2 l, its bias stream 2 l + 1), or PyTorch's CPU generator, drawn in the order in which the notebook
/// builds and then re-initialises its modules (reference: ATen's MT19937 engine and distributions).
enum class RandomSource : std::uint8_t { philox, torch };

/// Parameters in the order of CppnProgram. The same on every machine for philox; for torch equal to PyTorch's
/// scalar CPU code up to the rounding of log, sin and cos (1e-5).
/// Throws InvalidArgument for a topology that does not validate, a scale (with its layer's factor) outside
/// 0..kInitializerMaxScale, or layer_scale of another length.
[[nodiscard]] std::vector<float> initialize(const CppnTopology& topology, const Initializer& initializer,
                                            RandomSource source, std::uint64_t seed);

/// Fourier features (Tancik et al., 2020): `count` frequencies, each with a sine and then a cosine (phase
/// 0.25), so 2 count waves. Frequency k is (N(0, deviation^2), N(0, deviation^2)) cycles a unit: elements 2 k
/// and 2 k + 1 of the Philox stream kFourierStream of the seed, whatever the weights are drawn from. `whole`:
/// rounded to whole numbers, halves to the even one; a frequency that would vanish becomes one cycle along
/// its longer part. Throws InvalidArgument for a negative count or a deviation outside 0..1e9.
[[nodiscard]] std::vector<CppnWave> draw_waves(std::uint64_t seed, int count, double deviation, bool whole);
inline constexpr std::uint64_t kFourierStream = 1024;  // layers take those below

}  // namespace atelier
