// A recipe as JSON. Only "atelier_recipe" must be there; what is missing takes the default that stands here.
//
//   {
//     "atelier_recipe": 1,                       version of this schema
//     "name": "",
//     "width": 1024, "height": 1024,             pixels
//     "network": {                               default: the seed article's, 2-16 (bias)-16x8-3
//       "inputs": ["x", "y"],                    of x, y, radius, one, latent
//       "layers": [                              the output layer last, 1 or 3 wide
//         {"width": 16, "activation": "tanh", "slope": 0.01, "bias": false, "repeat": 1}
//       ]
//     },
//     "latent": [],                              one number for each "latent" among the inputs
//     "seed": 7,                                 short for "origin": {"seed": 7}
//     "origin": {                                how the weights were drawn; absent: they were not
//       "distribution": "normal",                normal, uniform, torch_default
//       "scale": 1, "layer_scale": [],           see Initializer
//       "source": "philox", "seed": 0            philox, torch
//     },
//     "parameters": {                            absent: draw them as "origin" says
//       "count": 2144,
//       "checksum": "fnv1a64:0123456789abcdef",  of their bytes
//       "fp32": "…"                              base 64 of the bytes, little-endian; absent: draw and verify
//     },
//     "coordinates": {
//       "convention": "centered",                centered, seed, seed_rectangle, pixels
//       "center": [0, 0], "span": 1, "rotation": 0, "scale": 1
//     },
//     "color": "rgb",                            rgb, hsv
//     "sample": "u8",                            u8_truncate, u8, u16, f32, f64
//     "precision": "fp32"                        fp32, double
//   }
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "models/base64.h"
#include "models/json_document.h"
#include "models/recipe.h"

namespace atelier {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // written in the order of the schema
static_assert(std::endian::native == std::endian::little, "weights are stored little-endian");

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kEmbeddedParameters = 65536;

std::string checksum(const std::vector<float>& parameters) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const std::byte byte : std::as_bytes(std::span(parameters)))
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3U;
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

OrderedJson origin_to_json(const RecipeOrigin& origin) {
  OrderedJson json;
  json["distribution"] = distribution_name(origin.initializer.distribution);
  json["scale"] = origin.initializer.scale;
  if (!origin.initializer.layer_scale.empty()) json["layer_scale"] = origin.initializer.layer_scale;
  json["source"] = name_of(origin.source);
  json["seed"] = origin.seed;
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

/// One object of the document. Every key that is asked for is checked off; finish() refuses the others.
class Reader {
 public:
  Reader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) fail("must be an object {…}");
  }

  [[nodiscard]] const Json* find(const char* key) {
    asked_.emplace_back(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  [[nodiscard]] bool has(const char* key) const { return json_.contains(key); }

  [[nodiscard]] std::string path_of(const char* key) const { return fmt::format("{} \"{}\"", path_, key); }

  [[nodiscard]] double number(const char* key, double missing) {
    const Json* json = find(key);
    return json == nullptr ? missing : to_number(*json, key);
  }

  [[nodiscard]] double to_number(const Json& json, const char* key) const {
    if (!json.is_number()) fail_at(key, "must be a number");
    return json.get<double>();
  }

  [[nodiscard]] std::uint64_t natural(const char* key, std::uint64_t missing) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_number_unsigned()) fail_at(key, "must be a whole number, 0 to 18446744073709551615");
    return json->get<std::uint64_t>();
  }

  [[nodiscard]] std::int64_t between(const char* key, std::int64_t missing, std::int64_t low,
                                     std::int64_t high) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_number_unsigned() || json->get<std::uint64_t>() > static_cast<std::uint64_t>(high) ||
        json->get<std::int64_t>() < low)
      fail_at(key, fmt::format("must be a whole number, {} to {}", low, high));
    return json->get<std::int64_t>();
  }

  [[nodiscard]] bool boolean(const char* key, bool missing) {
    const Json* json = find(key);
    if (json == nullptr) return missing;
    if (!json->is_boolean()) fail_at(key, "must be true or false");
    return json->get<bool>();
  }

  [[nodiscard]] std::string text(const char* key, std::string_view missing) {
    const Json* json = find(key);
    if (json == nullptr) return std::string(missing);
    if (!json->is_string()) fail_at(key, "must be a string");
    return json->get<std::string>();
  }

  [[nodiscard]] std::vector<double> numbers(const char* key, std::size_t longest) {
    const Json* json = find(key);
    std::vector<double> result;
    if (json == nullptr) return result;
    if (!json->is_array() || json->size() > longest)
      fail_at(key, fmt::format("must be a list of at most {} numbers", longest));
    for (const Json& entry : *json) result.push_back(to_number(entry, key));
    return result;
  }

  /// One of the words that name_of gives to the enumerators 0 to `count` - 1.
  template <class Enumeration>
  [[nodiscard]] Enumeration word(const char* key, Enumeration missing, int count) {
    const std::string found = text(key, name_of(missing));
    return to_word<Enumeration>(found, key, count);
  }
  template <class Enumeration>
  [[nodiscard]] Enumeration to_word(std::string_view found, const char* key, int count) const {
    std::string words;
    for (int i = 0; i < count; ++i) {
      const auto candidate = static_cast<Enumeration>(i);
      if (name_of(candidate) == found) return candidate;
      words += fmt::format("{}{}", i == 0 ? "" : ", ", name_of(candidate));
    }
    fail_at(key, fmt::format("{} is none of: {}", detail::excerpt(found), words));
  }

  void finish() const {
    for (const auto& entry : json_.items()) {
      bool known = false;
      for (const std::string& key : asked_) known = known || key == entry.key();
      if (!known)
        throw InvalidArgument(fmt::format("{} has no key {}; known keys: {}", path_,
                                          detail::excerpt(entry.key()), fmt::join(asked_, ", ")));
    }
  }

  [[noreturn]] void fail(const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{} {}", path_, complaint));
  }
  [[noreturn]] void fail_at(const char* key, const std::string& complaint) const {
    throw InvalidArgument(fmt::format("{} {}", path_of(key), complaint));
  }

 private:
  const Json& json_;
  std::string path_;
  std::vector<std::string> asked_;
};

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

CppnTopology read_network(const Json& json, const std::string& path) {
  CppnTopology topology = seed_topology();
  Reader reader(json, path);
  if (const Json* inputs = reader.find("inputs")) {
    if (!inputs->is_array() || inputs->empty() || inputs->size() > kCppnMaxInputs)
      reader.fail_at("inputs", fmt::format("must be a list of 1 to {} words", kCppnMaxInputs));
    topology.inputs.clear();
    for (const Json& input : *inputs) {
      if (!input.is_string()) reader.fail_at("inputs", "must hold words");
      topology.inputs.push_back(reader.to_word<CppnInput>(input.get_ref<const std::string&>(), "inputs", 5));
    }
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
  reader.finish();
  return origin;
}

RecipeCoordinates read_coordinates(const Json& json, const std::string& path) {
  RecipeCoordinates coordinates;
  Reader reader(json, path);
  coordinates.convention = reader.word("convention", coordinates.convention, 4);
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
  if (!expected.empty() && expected != checksum(recipe.parameters))
    reader.fail_at("checksum", fmt::format("is {}, but the weights give {}: they were changed, or drawn by a "
                                           "different version",
                                           detail::excerpt(expected), checksum(recipe.parameters)));
  if (embedded != nullptr && recipe.origin && !agree(draw(), recipe.parameters))
    throw InvalidArgument(fmt::format(
        "{}: \"origin\" does not draw the weights that stand in \"parameters\"; remove one of the two",
        source));
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
  in_file(source, [&recipe] { recipe.topology.validate(); });
  if (recipe.topology.parameter_count() > kRecipeMaxParameters)
    reader.fail_at("network", fmt::format("has {} parameters; at most {} are allowed",
                                          recipe.topology.parameter_count(), kRecipeMaxParameters));
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
  recipe.color = reader.word("color", recipe.color, 2);
  recipe.sample = reader.word("sample", recipe.sample, 5);
  recipe.precision = reader.word("precision", recipe.precision, 2);
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
  OrderedJson inputs = OrderedJson::array();
  for (const CppnInput input : recipe.topology.inputs) inputs.push_back(name_of(input));
  json["network"] = {{"inputs", std::move(inputs)}, {"layers", layers_to_json(recipe.topology.layers)}};
  if (!recipe.latent.empty()) json["latent"] = recipe.latent;
  if (recipe.origin) json["origin"] = origin_to_json(*recipe.origin);
  OrderedJson& parameters = json["parameters"];
  parameters["count"] = recipe.parameters.size();
  parameters["checksum"] = checksum(recipe.parameters);
  if (!recipe.origin || recipe.parameters.size() <= kEmbeddedParameters)
    parameters["fp32"] = base64_encode(std::as_bytes(std::span(recipe.parameters)));
  json["coordinates"] = coordinates_to_json(recipe.coordinates);
  json["color"] = name_of(recipe.color);
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
