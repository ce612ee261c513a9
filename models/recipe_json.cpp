// A recipe as JSON. Only "atelier_recipe" must be there; what is missing takes the default that stands here.
//
//   {
//     "atelier_recipe": 1,                       version of this schema
//     "name": "",
//     "width": 1024, "height": 1024,             pixels
//     "network": {                               default: the seed article's, 2-16 (bias)-16x8-3
//       "inputs": ["x", "y"],                    of x, y, radius, one, latent, wave
//       "waves": [[4, 0.5, 0.25, 1]],            one for each "wave": cycles along x and y, phase (turns),
//       amplitude
//                                                (absent: 1); absent altogether: drawn as "fourier" says
//       "layers": [                              the output layer last, 1 or 3 wide
//         {"width": 16, "activation": "tanh", "slope": 0.01, "bias": false, "repeat": 1}
//       ]
//     },
//     "latent": [],                              one number for each "latent" among the inputs
//     "seed": 7,                                 short for "origin": {"seed": 7}
//     "origin": {                                how the weights were drawn; absent: they were not
//       "distribution": "normal",                normal, uniform, torch_default
//       "scale": 1, "layer_scale": [],           see Initializer
//       "source": "philox", "seed": 0,           philox, torch
//       "fourier": {"count": 0, "scale": 4}      frequencies drawn: the last 2 count waves, see draw_waves
//     },
//     "parameters": {                            absent: draw them as "origin" says
//       "count": 2144,
//       "checksum": "fnv1a64:0123456789abcdef",  of their bytes, then of the waves' four doubles each
//       "fp32": "…"                              base 64 of the bytes, little-endian; absent: draw and verify
//     },
//     "coordinates": {
//       "convention": "centered",                centered, seed, seed_rectangle, pixels, tile
//       "center": [0, 0], "span": 1, "rotation": 0, "scale": 1
//     },
//     "color": "rgb",                            rgb, hsv, oklch, palette
//     "palette": ["#0b132b", "#5bc0be"],         2 to 256 colours with color palette, else absent
//     "samples": 1, "dither": false,             points along a side of a pixel; noise against banding
//     "sample": "u8",                            u8_truncate, u8, u16, f32, f64
//     "precision": "fp32"                        fp32, double
//   }
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "models/base64.h"
#include "models/json_object.h"
#include "models/palette.h"
#include "models/recipe.h"

namespace atelier {
namespace {

using Json = nlohmann::json;
using Reader = detail::JsonObject;
using OrderedJson = nlohmann::ordered_json;  // written in the order of the schema
static_assert(std::endian::native == std::endian::little, "weights are stored little-endian");

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kEmbeddedParameters = 65536;

std::string checksum(const CppnRecipe& recipe) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto add = [&hash](std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3U;
  };
  add(std::as_bytes(std::span(recipe.parameters)));
  for (const CppnWave& wave : recipe.topology.waves) {
    const std::array<double, 4> numbers{wave.x_cycles, wave.y_cycles, wave.phase, wave.amplitude};
    add(std::as_bytes(std::span(numbers)));
  }
  return fmt::format("fnv1a64:{:016x}", hash);
}

/// A double that reads back as `value` and is written with as few digits as the float needs.
double shortest(float value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  double decimal = 0;
  std::from_chars(digits.data(), end, decimal);
  return static_cast<float>(decimal) == value ? decimal : static_cast<double>(value);
}

// ---------------------------------------------------------------------------------------------- writing

OrderedJson layers_to_json(const std::vector<CppnTopology::Layer>& layers) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t first = 0; first < layers.size();) {
    const CppnTopology::Layer& layer = layers[first];
    std::size_t last = first + 1;
    while (last < layers.size() && layers[last] == layer) ++last;
    OrderedJson entry;
    entry["width"] = layer.width;
    entry["activation"] = activation_name(layer.activation.kind);
    if (layer.activation.slope != ActivationFunction{}.slope)
      entry["slope"] = shortest(layer.activation.slope);
    entry["bias"] = layer.bias;
    if (last - first > 1) entry["repeat"] = last - first;
    list.push_back(std::move(entry));
    first = last;
  }
  return list;
}

OrderedJson network_to_json(const CppnTopology& topology) {
  OrderedJson json;
  OrderedJson& inputs = json["inputs"] = OrderedJson::array();
  for (const CppnInput input : topology.inputs) inputs.push_back(name_of(input));
  for (const CppnWave& wave : topology.waves) {
    OrderedJson& entry = json["waves"].emplace_back(OrderedJson{wave.x_cycles, wave.y_cycles, wave.phase});
    if (wave.amplitude != 1) entry.push_back(wave.amplitude);
  }
  json["layers"] = layers_to_json(topology.layers);
  return json;
}

OrderedJson origin_to_json(const RecipeOrigin& origin) {
  OrderedJson json;
  json["distribution"] = distribution_name(origin.initializer.distribution);
  json["scale"] = origin.initializer.scale;
  if (!origin.initializer.layer_scale.empty()) json["layer_scale"] = origin.initializer.layer_scale;
  json["source"] = name_of(origin.source);
  json["seed"] = origin.seed;
  if (origin.fourier > 0 || origin.fourier_scale != RecipeOrigin{}.fourier_scale)
    json["fourier"] = {{"count", origin.fourier}, {"scale", origin.fourier_scale}};
  return json;
}

OrderedJson coordinates_to_json(const RecipeCoordinates& coordinates) {
  OrderedJson json;
  json["convention"] = name_of(coordinates.convention);
  json["center"] = {coordinates.center_x, coordinates.center_y};
  json["span"] = coordinates.span;
  json["rotation"] = coordinates.rotation;
  json["scale"] = coordinates.scale;
  return json;
}

// ---------------------------------------------------------------------------------------------- reading

void append_layers(Reader& reader, std::vector<CppnTopology::Layer>& layers) {
  CppnTopology::Layer layer;
  layer.width = static_cast<int>(reader.between("width", layer.width, 1, kCppnMaxWidth));
  const std::string activation = reader.text("activation", activation_name(layer.activation.kind));
  const auto kind = activation_from_name(activation);
  if (!kind)
    reader.fail_at("activation", fmt::format("{} is none of: {}", detail::excerpt(activation),
                                             fmt::join(activation_names(), ", ")));
  layer.activation.kind = *kind;
  const double slope = reader.number("slope", shortest(layer.activation.slope));
  layer.activation.slope = static_cast<float>(slope);
  if (!std::isfinite(layer.activation.slope)) reader.fail_at("slope", "is out of the range of fp32");
  layer.bias = reader.boolean("bias", false);
  const std::int64_t repeat = reader.between("repeat", 1, 1, kCppnMaxLayers);
  reader.finish();
  if (static_cast<std::int64_t>(layers.size()) + repeat > kCppnMaxLayers)
    reader.fail(fmt::format("makes more than {} layers", kCppnMaxLayers));
  layers.insert(layers.end(), static_cast<std::size_t>(repeat), layer);
}

CppnWave read_wave(const Reader& reader, const Json& json) {
  if (!json.is_array() || json.size() < 3 || json.size() > 4)
    reader.fail_at("waves",
                   "must hold [x cycles, y cycles, phase] or [x cycles, y cycles, phase, amplitude]");
  std::array<double, 4> numbers{0, 0, 0, 1};
  for (std::size_t i = 0; i < json.size(); ++i) numbers[i] = reader.to_number(json[i], "waves");
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

CppnTopology read_network(const Json& json, const std::string& path) {
  CppnTopology topology = seed_topology();
  Reader reader(json, path);
  if (const Json* inputs = reader.find("inputs")) {
    if (!inputs->is_array() || inputs->empty() || inputs->size() > kCppnMaxInputs)
      reader.fail_at("inputs", fmt::format("must be a list of 1 to {} words", kCppnMaxInputs));
    topology.inputs.clear();
    for (const Json& input : *inputs) {
      if (!input.is_string()) reader.fail_at("inputs", "must hold words");
      topology.inputs.push_back(reader.to_word<CppnInput>(input.get_ref<const std::string&>(), "inputs", 6));
    }
  }
  if (const Json* waves = reader.find("waves")) {
    if (!waves->is_array() || waves->size() > kCppnMaxInputs)
      reader.fail_at("waves", fmt::format("must be a list of at most {} waves", kCppnMaxInputs));
    for (const Json& wave : *waves) topology.waves.push_back(read_wave(reader, wave));
  }
  if (const Json* layers = reader.find("layers")) {
    if (!layers->is_array() || layers->empty())
      reader.fail_at("layers", "must be a list of at least one layer");
    topology.layers.clear();
    for (std::size_t i = 0; i < layers->size(); ++i) {
      Reader layer((*layers)[i], fmt::format("{} \"layers\"[{}]", path, i));
      append_layers(layer, topology.layers);
    }
  }
  reader.finish();
  return topology;
}

RecipeOrigin read_origin(const Json& json, const std::string& path) {
  RecipeOrigin origin;
  Reader reader(json, path);
  const std::string distribution =
      reader.text("distribution", distribution_name(origin.initializer.distribution));
  const auto known = distribution_from_name(distribution);
  if (!known)
    reader.fail_at("distribution", fmt::format("{} is none of: torch_default, normal, uniform",
                                               detail::excerpt(distribution)));
  origin.initializer.distribution = *known;
  origin.initializer.scale = reader.number("scale", origin.initializer.scale);
  origin.initializer.layer_scale = reader.numbers("layer_scale", kCppnMaxLayers);
  origin.source = reader.word("source", origin.source, 2);
  origin.seed = reader.natural("seed", origin.seed);
  if (const Json* fourier = reader.find("fourier")) {
    Reader numbers(*fourier, reader.path_of("fourier"));
    origin.fourier = static_cast<int>(numbers.between("count", 0, 0, kCppnMaxInputs / 2));
    origin.fourier_scale = numbers.number("scale", origin.fourier_scale);
    if (!(origin.fourier_scale >= 0 && origin.fourier_scale <= kFourierMaxScale))
      numbers.fail_at("scale", fmt::format("must be a number from 0 to {:g}", kFourierMaxScale));
    numbers.finish();
  }
  reader.finish();
  return origin;
}

RecipeCoordinates read_coordinates(const Json& json, const std::string& path) {
  RecipeCoordinates coordinates;
  Reader reader(json, path);
  coordinates.convention = reader.word("convention", coordinates.convention, 5);
  if (reader.find("center") != nullptr) {
    const std::vector<double> center = reader.numbers("center", 2);
    if (center.size() != 2) reader.fail_at("center", "must be two numbers, [x, y]");
    coordinates.center_x = center[0];
    coordinates.center_y = center[1];
  }
  coordinates.span = reader.number("span", coordinates.span);
  coordinates.rotation = reader.number("rotation", coordinates.rotation);
  coordinates.scale = reader.number("scale", coordinates.scale);
  reader.finish();
  return coordinates;
}

std::vector<float> decode_parameters(const Reader& reader, std::string_view text, std::size_t count) {
  const auto bytes = base64_decode(text);
  if (!bytes) reader.fail_at("fp32", "is not base 64 (letters, digits, +, /, = padding, no breaks)");
  if (bytes->size() != count * sizeof(float))
    reader.fail_at("fp32", fmt::format("holds {} bytes; {} parameters take {}", bytes->size(), count,
                                       count * sizeof(float)));
  std::vector<float> parameters(count);
  if (count > 0) std::memcpy(parameters.data(), bytes->data(), bytes->size());
  for (const float parameter : parameters)
    if (!std::isfinite(parameter)) reader.fail_at("fp32", "holds a weight that is NaN or infinite");
  return parameters;
}

/// Torch's stream agrees between machines to the rounding of log, sin and cos only.
bool agree(const std::vector<float>& drawn, const std::vector<float>& stored) {
  for (std::size_t i = 0; i < drawn.size(); ++i)
    if (!(std::abs(drawn[i] - stored[i]) <= 1e-4F * (1.0F + std::abs(stored[i])))) return false;
  return true;
}

/// Runs what complains without knowing the file, and adds the file's name to its complaint.
template <class Call>
auto in_file(const std::string& source, const Call& call) {
  try {
    return call();
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(fmt::format("{}: {}", source, error.what()));
  }
}

void read_parameters(Reader& document, CppnRecipe& recipe, const std::string& source) {
  const auto count = static_cast<std::size_t>(recipe.topology.parameter_count());
  const auto draw = [&recipe, &source] {
    return in_file(source, [&recipe] {
      return initialize(recipe.topology, recipe.origin->initializer, recipe.origin->source,
                        recipe.origin->seed);
    });
  };
  const Json* json = document.find("parameters");
  if (json == nullptr) {
    if (!recipe.origin) recipe.origin = RecipeOrigin{};
    recipe.parameters = draw();
    return;
  }
  Reader reader(*json, document.path_of("parameters"));
  if (reader.natural("count", count) != count)
    reader.fail_at("count", fmt::format("is not {}, the number that the network has", count));
  const std::string expected = reader.text("checksum", "");
  const Json* embedded = reader.find("fp32");
  if (embedded != nullptr) {
    if (!embedded->is_string()) reader.fail_at("fp32", "must be a string");
    recipe.parameters = decode_parameters(reader, embedded->get_ref<const std::string&>(), count);
  } else if (recipe.origin) {
    recipe.parameters = draw();
  } else {
    reader.fail("has no \"fp32\", and there is neither \"origin\" nor \"seed\" to draw the weights from");
  }
  reader.finish();
  if (!expected.empty() && expected != checksum(recipe))
    reader.fail_at("checksum", fmt::format("is {}, but the weights give {}: they were changed, or drawn by a "
                                           "different version",
                                           detail::excerpt(expected), checksum(recipe)));
  if (embedded != nullptr && recipe.origin && !agree(draw(), recipe.parameters))
    throw InvalidArgument(fmt::format(
        "{}: \"origin\" does not draw the weights that stand in \"parameters\"; remove one of the two",
        source));
}

std::vector<PaletteColor> read_palette(Reader& reader) {
  std::vector<PaletteColor> palette;
  const Json* json = reader.find("palette");
  if (json == nullptr) return palette;
  if (!json->is_array() || json->size() > kPaletteMaxColors)
    reader.fail_at("palette", fmt::format("must be a list of 2 to {} colours", kPaletteMaxColors));
  for (const Json& entry : *json) {
    if (!entry.is_string()) reader.fail_at("palette", "must hold colours as text");
    const auto& text = entry.get_ref<const std::string&>();
    const std::optional<PaletteColor> color = color_from_text(text);
    if (!color)
      reader.fail_at("palette",
                     fmt::format("{} is no colour: #rrggbb or a name of CSS", detail::excerpt(text)));
    palette.push_back(*color);
  }
  return palette;
}

/// Draws the waves that are missing, or checks those that stand there.
void read_waves(CppnRecipe& recipe, const std::string& source) {
  if (!recipe.origin || recipe.origin->fourier == 0) return;
  const RecipeOrigin& origin = *recipe.origin;
  const std::vector<CppnWave> drawn = draw_waves(origin.seed, origin.fourier, origin.fourier_scale,
                                                 recipe.coordinates.convention == CoordinateConvention::tile);
  std::vector<CppnWave>& waves = recipe.topology.waves;
  if (waves.empty()) waves = drawn;
  if (waves.size() < drawn.size() || !std::equal(drawn.rbegin(), drawn.rend(), waves.rbegin()))
    throw InvalidArgument(fmt::format(
        "{}: \"fourier\" does not draw the waves that stand in \"network\"; remove one of the two", source));
}

CppnRecipe read_recipe(const Json& json, const std::string& source) {
  Reader reader(json, source + ": recipe");
  const Json* version = reader.find("atelier_recipe");
  if (version == nullptr) reader.fail("has no \"atelier_recipe\" key: this is not a recipe");
  if (!version->is_number_unsigned() || version->get<std::uint64_t>() != kVersion)
    reader.fail_at("atelier_recipe", fmt::format("must be {0}: this program reads version {0}", kVersion));
  CppnRecipe recipe;
  recipe.name = reader.text("name", "");
  recipe.width = reader.between("width", recipe.width, 1, kPictureMaxSide);
  recipe.height = reader.between("height", recipe.height, 1, kPictureMaxSide);
  const Json* network = reader.find("network");
  recipe.topology = network == nullptr ? seed_topology() : read_network(*network, reader.path_of("network"));
  recipe.latent = reader.numbers("latent", kCppnMaxInputs);
  const Json* origin = reader.find("origin");
  if (origin != nullptr) recipe.origin = read_origin(*origin, reader.path_of("origin"));
  if (reader.has("seed")) {
    if (origin != nullptr) reader.fail_at("seed", "stands beside \"origin\": write it inside");
    recipe.origin = RecipeOrigin{};
  }
  const std::uint64_t seed = reader.natural("seed", 0);
  if (reader.has("seed")) recipe.origin->seed = seed;
  if (const Json* coordinates = reader.find("coordinates"))
    recipe.coordinates = read_coordinates(*coordinates, reader.path_of("coordinates"));
  recipe.color = reader.word("color", recipe.color, 4);
  recipe.palette = read_palette(reader);
  recipe.samples = static_cast<int>(reader.between("samples", 1, 1, kMaxSamples));
  recipe.dither = reader.boolean("dither", false);
  recipe.sample = reader.word("sample", recipe.sample, 5);
  recipe.precision = reader.word("precision", recipe.precision, 2);
  read_waves(recipe, source);
  in_file(source, [&recipe] { recipe.topology.validate(); });
  if (recipe.topology.parameter_count() > kRecipeMaxParameters)
    reader.fail_at("network", fmt::format("has {} parameters; at most {} are allowed",
                                          recipe.topology.parameter_count(), kRecipeMaxParameters));
  read_parameters(reader, recipe, source);
  reader.finish();
  return recipe;
}

}  // namespace

std::string recipe_to_json(const CppnRecipe& recipe, int indent) {
  validate(recipe);
  OrderedJson json;
  json["atelier_recipe"] = kVersion;
  if (!recipe.name.empty()) json["name"] = recipe.name;
  json["width"] = recipe.width;
  json["height"] = recipe.height;
  json["network"] = network_to_json(recipe.topology);
  if (!recipe.latent.empty()) json["latent"] = recipe.latent;
  if (recipe.origin) json["origin"] = origin_to_json(*recipe.origin);
  OrderedJson& parameters = json["parameters"];
  parameters["count"] = recipe.parameters.size();
  parameters["checksum"] = checksum(recipe);
  if (!recipe.origin || recipe.parameters.size() <= kEmbeddedParameters)
    parameters["fp32"] = base64_encode(std::as_bytes(std::span(recipe.parameters)));
  json["coordinates"] = coordinates_to_json(recipe.coordinates);
  json["color"] = name_of(recipe.color);
  for (const PaletteColor color : recipe.palette) json["palette"].push_back(color_text(color));
  if (recipe.samples != 1) json["samples"] = recipe.samples;
  if (recipe.dither) json["dither"] = true;
  json["sample"] = name_of(recipe.sample);
  json["precision"] = name_of(recipe.precision);
  try {
    return json.dump(indent);
  } catch (const OrderedJson::exception&) {
    throw InvalidArgument(fmt::format("recipe: the name {} is not UTF-8 text", detail::excerpt(recipe.name)));
  }
}

CppnRecipe recipe_from_json(std::string_view text, std::string_view source) {
  const std::string file(source);
  const Json document = detail::parse_json(text, file, {});
  CppnRecipe recipe = read_recipe(document, file);
  in_file(file, [&recipe] { validate(recipe); });
  return recipe;
}

}  // namespace atelier
