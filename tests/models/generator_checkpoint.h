#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "models/network.h"
#include "models/safetensors.h"

namespace atelier::testing {

/// A checkpoint of a GAN on pictures, with random tensors of the generator under `prefix`.
inline TensorFile generator_checkpoint(const std::string& text, std::int64_t width, std::int64_t height,
                                       const std::string& prefix = "generator.", std::uint32_t seed = 1) {
  TensorFile file;
  file.metadata = {{"atelier_checkpoint", "1"},        {"generator", text},
                   {"generator_prefix", prefix},       {"width", std::to_string(width)},
                   {"height", std::to_string(height)}, {"data_set", "digits"}};
  const NetworkDescription network = network_from_text(text);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-0.8F, 0.8F);
  const auto add = [&](std::size_t layer, const char* name, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t side : shape) count *= side;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& element : values) element = value(random);
    file.tensors[prefix + std::to_string(layer) + name] = Tensor::from_float(std::move(shape), values);
  };
  std::int64_t inputs = network.inputs;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const Layer& layer = network.layers[l];
    if (layer.kind == Layer::Kind::linear) {
      add(l, ".weight", {layer.outputs, inputs});
      if (layer.bias) add(l, ".bias", {layer.outputs});
      inputs = layer.outputs;
    } else if (layer.kind == Layer::Kind::layer_norm) {
      add(l, ".weight", {inputs});
      add(l, ".bias", {inputs});
    }
  }
  return file;
}

}  // namespace atelier::testing
