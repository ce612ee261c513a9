#include <fmt/format.h>

#include "tools/option_text.h"
#include "tools/picture_options.h"

namespace atelier::tools {

std::string topology_text(const CppnTopology& topology) {
  std::string text = inputs_text(topology.inputs);
  const auto& layers = topology.layers;
  for (std::size_t l = 0; l + 1 < layers.size();) {
    std::size_t same = l;
    while (same + 1 < layers.size() && layers[same].width == layers[l].width &&
           layers[same].activation == layers[l].activation)
      ++same;
    text += fmt::format(" -> {} {} layer{} of {}", same - l, activation_text(layers[l].activation),
                        same - l == 1 ? "" : "s", layers[l].width);
    l = same;
  }
  text += fmt::format(" -> {} {}", layers.back().width, activation_text(layers.back().activation));
  std::size_t biases = 0;
  for (const CppnTopology::Layer& layer : layers) biases += layer.bias ? 1 : 0;
  const char* bias = biases == 0               ? "no bias"
                     : biases == layers.size() ? "bias in every layer"
                                               : "bias in some layers";
  if (biases == 1 && layers.front().bias) bias = "bias in the first layer";
  return fmt::format("{}; {}", text, bias);
}

std::string origin_text(const CppnRecipe& recipe) {
  if (!recipe.origin) return "imported weights";
  return fmt::format("seed {}{}", recipe.origin->seed,
                     recipe.origin->source == RandomSource::torch ? " (torch)" : "");
}

}  // namespace atelier::tools
