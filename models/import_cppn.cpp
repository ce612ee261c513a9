#include "models/import_cppn.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "models/json_document.h"

namespace atelier {
namespace {

/// "<prefix>N.weight" or "<prefix>N.bias", taken apart.
struct Key {
  std::string prefix;
  std::uint64_t number = 0;
  bool bias = false;
};

struct Linear {
  const Tensor* weight = nullptr;
  const Tensor* bias = nullptr;
};

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kBias = ".bias";

std::optional<Key> take_apart(std::string_view name, const std::string& source) {
  Key key;
  key.bias = name.ends_with(kBias);
  if (!key.bias && !name.ends_with(kWeight)) return std::nullopt;
  const std::string_view stem = name.substr(0, name.size() - (key.bias ? kBias : kWeight).size());
  std::size_t digits = 0;
  while (digits < stem.size() && stem[stem.size() - 1 - digits] >= '0' &&
         stem[stem.size() - 1 - digits] <= '9')
    ++digits;
  const std::string_view number = stem.substr(stem.size() - digits);
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), key.number);
  if (digits == 0 || parsed.ec != std::errc())
    throw InvalidArgument(
        fmt::format("{}: tensor {} has no layer number before .{}: expected names like "
                    "layers.0.weight",
                    source, detail::excerpt(name), key.bias ? "bias" : "weight"));
  key.prefix = stem.substr(0, stem.size() - digits);
  return key;
}

std::map<std::uint64_t, Linear> find_layers(const TensorFile& file, const std::string& source) {
  std::map<std::uint64_t, Linear> layers;
  std::optional<std::string> prefix;
  for (const auto& [name, tensor] : file.tensors) {
    const std::optional<Key> key = take_apart(name, source);
    if (!key) continue;
    if (prefix && *prefix != key->prefix)
      throw InvalidArgument(
          fmt::format("{}: layers of two networks, {} and {}: a CPPN is one stack of layers", source,
                      detail::excerpt(*prefix), detail::excerpt(key->prefix)));
    prefix = key->prefix;
    Linear& layer = layers[key->number];
    const Tensor*& place = key->bias ? layer.bias : layer.weight;
    if (place != nullptr)
      throw InvalidArgument(fmt::format("{}: layer {} stands there twice", source, key->number));
    place = &tensor;
  }
  if (layers.empty())
    throw InvalidArgument(fmt::format("{}: no layers: expected tensors named like layers.0.weight", source));
  return layers;
}

/// A weight matrix's sides, [out, in].
std::pair<std::int64_t, std::int64_t> sides(const Linear& layer, std::uint64_t number,
                                            const std::string& source) {
  if (layer.weight == nullptr)
    throw InvalidArgument(fmt::format("{}: layer {} has a bias but no weight", source, number));
  const std::vector<std::int64_t>& shape = layer.weight->shape;
  if (shape.size() != 2)
    throw InvalidArgument(fmt::format("{}: layer {}: a weight of shape [{}]; a linear layer's is [out, in]",
                                      source, number, fmt::join(shape, ", ")));
  if (shape[0] < 1 || shape[0] > kCppnMaxWidth || shape[1] < 1 || shape[1] > kCppnMaxWidth)
    throw InvalidArgument(fmt::format("{}: layer {}: a weight of shape [{}]; sides must be between 1 and {}",
                                      source, number, fmt::join(shape, ", "), kCppnMaxWidth));
  if (layer.bias != nullptr && layer.bias->shape != std::vector<std::int64_t>{shape[0]})
    throw InvalidArgument(fmt::format("{}: layer {}: a bias of shape [{}] for {} neurons", source, number,
                                      fmt::join(layer.bias->shape, ", "), shape[0]));
  return {shape[0], shape[1]};
}

std::vector<CppnInput> inputs_for(std::int64_t fan_in, const ImportOptions& options,
                                  const std::string& source) {
  if (fan_in > kCppnMaxInputs)
    throw InvalidArgument(fmt::format("{}: the first layer takes {} inputs; at most {} are allowed", source,
                                      fan_in, kCppnMaxInputs));
  const auto count = static_cast<std::size_t>(fan_in);
  if (options.inputs.empty()) {
    std::vector<CppnInput> inputs{CppnInput::x, CppnInput::y, CppnInput::radius, CppnInput::one};
    inputs.resize(count, CppnInput::latent);
    return inputs;
  }
  if (options.inputs.size() != count)
    throw InvalidArgument(fmt::format("{}: the first layer takes {} inputs, but {} were named", source,
                                      fan_in, options.inputs.size()));
  return options.inputs;
}

void append(std::vector<float>& parameters, const Tensor& tensor, std::uint64_t number,
            const std::string& source) {
  if (tensor.type == TensorType::i64 || tensor.type == TensorType::boolean)
    throw InvalidArgument(
        fmt::format("{}: layer {}: weights must be floating-point numbers", source, number));
  for (const float value : tensor.to_float()) {
    if (!std::isfinite(value))
      throw InvalidArgument(fmt::format("{}: layer {} holds a NaN or infinite number", source, number));
    parameters.push_back(value);
  }
}

/// The notebook's picture where the file says that it is the notebook's network.
void apply_metadata(CppnRecipe& recipe, const std::map<std::string, std::string>& metadata) {
  if (!metadata.contains("torch_seed")) return;
  recipe.coordinates.convention = CoordinateConvention::seed;
  recipe.sample = CppnSample::u8_truncate;
  recipe.width = recipe.height = 128;
  const auto size = metadata.find("size");
  if (size == metadata.end()) return;
  std::int64_t side = 0;
  const std::string& text = size->second;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), side);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && side >= 1 &&
      side <= kPictureMaxSide)
    recipe.width = recipe.height = side;
}

}  // namespace

CppnRecipe import_cppn(const TensorFile& file, const ImportOptions& options, const std::string& source) {
  const std::map<std::uint64_t, Linear> layers = find_layers(file, source);
  CppnRecipe recipe;
  recipe.name = std::filesystem::path(source).stem().string();
  std::int64_t previous = 0;
  std::int64_t count = 0;
  for (const auto& [number, layer] : layers) {
    const auto [out, in] = sides(layer, number, source);
    if (recipe.topology.layers.empty())
      recipe.topology.inputs = inputs_for(in, options, source);
    else if (in != previous)
      throw InvalidArgument(fmt::format("{}: layer {} takes {} inputs, but the layer before gives {}", source,
                                        number, in, previous));
    previous = out;
    count += out * in + (layer.bias != nullptr ? out : 0);
    if (count > kRecipeMaxParameters)
      throw InvalidArgument(fmt::format("{}: more than {} parameters", source, kRecipeMaxParameters));
    recipe.topology.layers.push_back({static_cast<int>(out), options.hidden, layer.bias != nullptr});
  }
  recipe.topology.layers.back().activation = options.output;
  for (const auto& [number, layer] : layers) {
    append(recipe.parameters, *layer.weight, number, source);
    if (layer.bias != nullptr) append(recipe.parameters, *layer.bias, number, source);
  }
  recipe.latent.assign(static_cast<std::size_t>(recipe.topology.latent_size()), 0.0);
  apply_metadata(recipe, file.metadata);
  try {
    validate(recipe);
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: {}", source, error.what()));
  }
  return recipe;
}

}  // namespace atelier
