#include "models/initialize.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>

#include "kernels/noise_function.h"
#include "models/torch_generator.h"

namespace atelier {
namespace {

constexpr std::array<std::string_view, 3> kDistributionNames{"torch_default", "normal", "uniform"};

/// Where one layer's parameters lie, and what they are drawn from.
struct LayerDraw {
  std::span<float> weights;
  std::span<float> bias;  // empty where the layer has none
  double bound = 1;       // 1 / sqrt(fan_in): torch.nn.Linear's half-width
  double scale = 1;       // the initializer's, the layer's factor included
};

void require_scale(const char* what, double scale) {
  if (scale >= 0 && scale <= kInitializerMaxScale) return;
  throw InvalidArgument(
      fmt::format("initialize: {} is {}; it must be between 0 and {:g}", what, scale, kInitializerMaxScale));
}

std::vector<LayerDraw> divide(const CppnTopology& topology, const Initializer& initializer,
                              std::span<float> parameters) {
  std::vector<LayerDraw> draws;
  std::size_t position = 0;
  for (std::size_t l = 0; l < topology.layers.size(); ++l) {
    const auto fan_in = static_cast<std::size_t>(topology.fan_in(l));
    const auto width = static_cast<std::size_t>(topology.layers[l].width);
    LayerDraw draw;
    draw.weights = parameters.subspan(position, width * fan_in);
    position += width * fan_in;
    draw.bias = parameters.subspan(position, topology.layers[l].bias ? width : 0);
    position += draw.bias.size();
    draw.bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
    draw.scale = initializer.scale * (initializer.layer_scale.empty() ? 1.0 : initializer.layer_scale[l]);
    require_scale("scale times layer_scale", draw.scale);
    draws.push_back(draw);
  }
  return draws;
}

void fill_uniform(std::span<float> values, PhiloxStream random, double half_width) {
  const auto high = static_cast<float>(half_width);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = uniform_element(random, i, -high, high);
}

void draw_philox(std::span<const LayerDraw> draws, Distribution distribution, std::uint64_t seed) {
  for (std::size_t l = 0; l < draws.size(); ++l) {
    const LayerDraw& draw = draws[l];
    const PhiloxStream weights{seed, 2 * l};
    if (distribution == Distribution::normal) {
      const auto deviation = static_cast<float>(draw.scale);
      for (std::size_t i = 0; i < draw.weights.size(); ++i)
        draw.weights[i] = normal_element(weights, i, 0.0F, deviation);
    } else {
      const double half_width = distribution == Distribution::uniform ? draw.scale : draw.scale * draw.bound;
      fill_uniform(draw.weights, weights, half_width);
    }
    fill_uniform(draw.bias, {seed, 2 * l + 1}, draw.bound);
  }
}

void draw_torch(std::span<const LayerDraw> draws, Distribution distribution, std::uint64_t seed) {
  TorchGenerator generator(seed);
  for (const LayerDraw& draw : draws) {
    const auto bound = static_cast<float>(draw.bound);
    generator.fill_uniform(draw.weights, -bound, bound);
    generator.fill_uniform(draw.bias, -bound, bound);
  }
  for (const LayerDraw& draw : draws) {
    const auto scale = static_cast<float>(draw.scale);
    switch (distribution) {
      case Distribution::torch_default:
        for (float& weight : draw.weights) weight *= scale;
        break;
      case Distribution::normal:
        generator.fill_normal(draw.weights, 0.0, draw.scale);
        break;
      case Distribution::uniform:
        generator.fill_uniform(draw.weights, -scale, scale);
        break;
    }
  }
}

}  // namespace

std::string_view distribution_name(Distribution distribution) {
  return kDistributionNames.at(static_cast<std::size_t>(distribution));
}

std::optional<Distribution> distribution_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kDistributionNames.size(); ++i)
    if (kDistributionNames[i] == name) return static_cast<Distribution>(i);
  return std::nullopt;
}

std::vector<float> initialize(const CppnTopology& topology, const Initializer& initializer,
                              RandomSource source, std::uint64_t seed) {
  topology.validate();
  require_scale("scale", initializer.scale);
  for (const double factor : initializer.layer_scale) require_scale("layer_scale", factor);
  if (!initializer.layer_scale.empty() && initializer.layer_scale.size() != topology.layers.size())
    throw InvalidArgument(fmt::format("initialize: layer_scale has {} numbers for {} layers",
                                      initializer.layer_scale.size(), topology.layers.size()));
  std::vector<float> parameters(static_cast<std::size_t>(topology.parameter_count()));
  const std::vector<LayerDraw> draws = divide(topology, initializer, parameters);
  if (source == RandomSource::philox)
    draw_philox(draws, initializer.distribution, seed);
  else
    draw_torch(draws, initializer.distribution, seed);
  return parameters;
}

std::vector<CppnWave> draw_waves(std::uint64_t seed, int count, double deviation, bool whole) {
  constexpr double kLargestDeviation = 1e9;
  if (count < 0 || !(deviation >= 0 && deviation <= kLargestDeviation))
    throw InvalidArgument(
        fmt::format("draw_waves: {} frequencies of deviation {}; the deviation is 0 to {:g}", count,
                    deviation, kLargestDeviation));
  std::vector<CppnWave> waves;
  for (int k = 0; k < count; ++k) {
    const PhiloxStream random{seed, kFourierStream};
    const auto cycles = [&](std::uint64_t element) {
      return deviation *
             static_cast<double>(normal_element(random, 2 * static_cast<std::uint64_t>(k) + element));
    };
    CppnWave wave{cycles(0), cycles(1)};
    if (whole) {
      const bool along_x = std::abs(wave.x_cycles) >= std::abs(wave.y_cycles);
      wave = {std::rint(wave.x_cycles), std::rint(wave.y_cycles)};
      if (wave.x_cycles == 0 && wave.y_cycles == 0) (along_x ? wave.x_cycles : wave.y_cycles) = 1;
    }
    waves.push_back(wave);
    wave.phase = 0.25;
    waves.push_back(wave);
  }
  return waves;
}

}  // namespace atelier
