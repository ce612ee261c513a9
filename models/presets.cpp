#include "models/presets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace atelier {
namespace {

Initializer torch_default() {
  return {Distribution::torch_default, 1.0, {}};
}
Initializer uniform(double half_width) {
  return {Distribution::uniform, half_width, {}};
}
Initializer normal() {
  return {Distribution::normal, 1.0, {}};
}

/// The rows. `hidden`: neurons of each tanh layer; the article's "8 hidden layers" are eight square matrices
/// behind the input layer, hence nine tanh layers.
struct Row {
  std::string_view name;
  std::string_view summary;
  std::vector<int> hidden;
  Initializer initializer;
  CoordinateConvention convention = CoordinateConvention::seed;
  double scale = 1;
  std::uint64_t seed = 0;
};

std::vector<int> layers_of(int count, int width) {
  return std::vector<int>(static_cast<std::size_t>(count), width);
}

std::vector<Row> rows() {
  using enum CoordinateConvention;
  return {
      {"seed",
       "The notebook to the letter: nine tanh layers of 16, weights N(0,1), one bias, row first, truncated",
       layers_of(9, 16), normal(), seed, 1, 9},
      {"grey-goo",
       "PyTorch's default weights, U(±1/sqrt(fan-in)): whatever the input, the output is grey goo",
       layers_of(9, 16), torch_default(), seed, 1, 0},
      {"blobs",
       "Weights U(±100), raw pixel coordinates: blobs of primary colours, lines grow to the bottom right",
       layers_of(9, 16), uniform(100), pixels, 1, 9},
      {"normalised",
       "Weights U(±100), coordinates -0.5 to 0.5: lines grow outwards, more structure in the middle",
       layers_of(9, 16), uniform(100), seed, 1, 7},
      {"mondrian", "Weights U(±100), coordinates times 0.01: the middle zoomed in, the Neural-Mondrian",
       layers_of(9, 16), uniform(100), seed, 0.01, 9},
      {"uniform-3", "Weights U(±3): zoomed in by smaller weights instead, the one that blows the mind",
       layers_of(9, 16), uniform(3), seed, 1, 3},
      {"hidden-0", "0 hidden layers, the notebook's reading (one tanh layer of 16 stays): a soft gradient",
       layers_of(1, 16), normal(), seed, 1, 5},
      {"hidden-0-linear",
       "0 hidden layers, the literal reading (input to output, sigmoid only): a plain gradient",
       {},
       normal(),
       seed,
       1,
       2},
      {"hidden-1", "1 hidden layer of 16: a few soft areas of colour", layers_of(2, 16), normal(), seed, 1,
       5},
      {"hidden-8", "8 hidden layers of 16, the article's default: more complex with every layer",
       layers_of(9, 16), normal(), seed, 1, 8},
      {"hidden-16", "16 hidden layers of 16: twice the depth, sharp changes down to single pixels",
       layers_of(17, 16), normal(), seed, 1, 8},
      {"wide-32",
       "8 hidden layers of 32: twice the width instead, smoother and less pixellated than hidden-16",
       layers_of(9, 32), normal(), seed, 1, 6},
      {"pollock", "8 hidden layers of 128: dense spatters of every colour, the Neuro-Pollock",
       layers_of(9, 128), normal(), seed, 1, 2},
      {"taper",
       "128 neurons, halved in each next layer (64, 32, 16, 8, 4): looks more natural than the others",
       {128, 64, 32, 16, 8, 4},
       normal(),
       seed,
       1,
       0},
  };
}

CppnPreset preset_of(const Row& row) {
  CppnRecipe recipe;
  recipe.name = row.name;
  for (std::size_t l = 0; l < row.hidden.size(); ++l)
    recipe.topology.layers.push_back({row.hidden[l], {Activation::tanh}, l == 0});
  recipe.topology.layers.push_back({3, {Activation::sigmoid}, row.hidden.empty()});
  recipe.origin = RecipeOrigin{row.initializer, RandomSource::philox, row.seed};
  recipe.coordinates.convention = row.convention;
  recipe.coordinates.scale = row.scale;
  recipe.sample = CppnSample::u8_truncate;
  recipe.width = recipe.height = 128;
  return {row.name, row.summary, std::move(recipe)};
}

/// Another width or number of hidden layers; both need hidden layers that are all alike.
void reshape(CppnRecipe& recipe, const PresetOptions& options) {
  auto& layers = recipe.topology.layers;
  const int hidden = static_cast<int>(layers.size()) - 1;
  const int width = layers.front().width;
  bool alike = hidden > 0;
  for (int l = 1; l < hidden; ++l) alike = alike && layers[static_cast<std::size_t>(l)].width == width;
  if (!alike)
    throw InvalidArgument(fmt::format(
        "preset {}: width and layers cannot be changed, its layers are the experiment", recipe.name));
  const int new_width = options.width.value_or(width);
  const int new_hidden = options.layers.value_or(hidden);
  if (new_width < 1 || new_width > kCppnMaxWidth)
    throw InvalidArgument(fmt::format("preset {}: width {}; it must be between 1 and {}", recipe.name,
                                      new_width, kCppnMaxWidth));
  if (new_hidden < 1 || new_hidden >= kCppnMaxLayers)
    throw InvalidArgument(fmt::format("preset {}: {} layers; there must be between 1 and {}", recipe.name,
                                      new_hidden, kCppnMaxLayers - 1));
  const CppnTopology::Layer output = layers.back();
  layers.clear();
  for (int l = 0; l < new_hidden; ++l) layers.push_back({new_width, {Activation::tanh}, l == 0});
  layers.push_back(output);
}

}  // namespace

const std::vector<CppnPreset>& cppn_presets() {
  static const std::vector<CppnPreset> presets = [] {
    std::vector<CppnPreset> table;
    for (const Row& row : rows()) table.push_back(preset_of(row));
    return table;
  }();
  return presets;
}

const CppnPreset* find_cppn_preset(std::string_view name) {
  for (const CppnPreset& preset : cppn_presets())
    if (preset.name == name) return &preset;
  return nullptr;
}

CppnRecipe preset_recipe(std::string_view name, const PresetOptions& options) {
  const CppnPreset* preset = find_cppn_preset(name);
  if (preset == nullptr) {
    std::vector<std::string_view> names;
    for (const CppnPreset& known : cppn_presets()) names.push_back(known.name);
    throw InvalidArgument(fmt::format("no preset {}; there are: {}", name, fmt::join(names, ", ")));
  }
  CppnRecipe recipe = preset->recipe;
  recipe.origin->source = options.source;
  if (options.seed) recipe.origin->seed = *options.seed;
  if (options.width || options.layers) reshape(recipe, options);
  const std::int64_t count = recipe.topology.parameter_count();
  if (count > kRecipeMaxParameters)
    throw InvalidArgument(fmt::format("preset {}: that would be {} parameters; at most {} are allowed", name,
                                      count, kRecipeMaxParameters));
  recipe.parameters =
      initialize(recipe.topology, recipe.origin->initializer, recipe.origin->source, recipe.origin->seed);
  return recipe;
}

}  // namespace atelier
