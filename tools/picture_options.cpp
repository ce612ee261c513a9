#include "tools/picture_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "models/presets.h"
#include "tools/film_file.h"
#include "tools/option_text.h"
#include "tools/sheet_pick.h"
#include "tools/suggestion.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

using Layer = CppnTopology::Layer;

/// Which layers have a bias.
enum class BiasRule : std::uint8_t { none, first, all };

BiasRule bias_rule(const CppnTopology& topology) {
  if (topology.layers.empty() || !topology.layers.front().bias) return BiasRule::none;
  const bool every = std::all_of(topology.layers.begin(), topology.layers.end(),
                                 [](const Layer& layer) { return layer.bias; });
  return every && topology.layers.size() > 1 ? BiasRule::all : BiasRule::first;
}

void apply_bias(CppnTopology& topology, BiasRule rule) {
  for (std::size_t l = 0; l < topology.layers.size(); ++l)
    topology.layers[l].bias = rule == BiasRule::all || (rule == BiasRule::first && l == 0);
}

CppnRecipe default_picture(const PictureOptions& options, RandomSource source, std::uint64_t seed) {
  CppnRecipe recipe = preset_recipe("seed", {source, seed, options.width, options.layers});
  recipe.name.clear();
  recipe.coordinates = {};
  recipe.sample = CppnSample::u8;
  recipe.width = recipe.height = 1024;
  return recipe;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const CppnPreset& preset : cppn_presets()) names.emplace_back(preset.name);
  return names;
}

void check_combinations(const PictureOptions& options) {
  const auto exclude = [](bool first, const char* first_name, bool second, const char* second_name) {
    if (first && second)
      throw UsageError(fmt::format("{} and {} exclude each other", first_name, second_name));
  };
  exclude(!options.source.empty(), "a recipe", options.preset.has_value(), "--preset");
  exclude(options.seed.has_value(), "--seed", options.torch_seed.has_value(), "--torch-seed");
  exclude(options.widths.has_value(), "--widths", options.width.has_value(), "--width");
  exclude(options.widths.has_value(), "--widths", options.layers.has_value(), "--layers");
  exclude(options.linear, "--linear", options.widths.has_value(), "--widths");
  exclude(options.linear, "--linear", options.width.has_value(), "--width");
  exclude(options.linear, "--linear", options.layers.has_value(), "--layers");
  exclude(options.tile, "--tile", options.coordinates.has_value(), "--coordinates");
  exclude(options.tile, "--tile", options.rotate.has_value(), "--rotate");
  exclude(options.palette.has_value(), "--palette", options.color.value_or("palette") != "palette",
          "--color");
  exclude(options.pick.has_value(), "--pick", options.frame.has_value(), "--frame");
  exclude(options.dither == true, "--dither", options.truncate == true, "--truncate");
}

CppnRecipe base_recipe(const PictureOptions& options, bool& seed_was_drawn) {
  const RandomSource source = options.torch_seed ? RandomSource::torch : RandomSource::philox;
  const std::optional<std::uint64_t> seed = options.torch_seed ? options.torch_seed : options.seed;
  if (options.pick) {
    if (options.source.empty())
      throw UsageError("--pick goes with a contact sheet: render SHEET.png --pick LABEL");
    return pick_recipe(options.source, *options.pick);
  }
  if (options.frame) {
    if (options.source.empty()) throw UsageError("--frame goes with a film: render FILM.gif --frame N");
    return frame_recipe(options.source, *options.frame);
  }
  if (!options.source.empty()) return load_recipe(options.source);
  try {
    if (options.preset) {
      const std::vector<std::string> names = preset_names();
      if (find_cppn_preset(*options.preset) == nullptr)
        throw UsageError(fmt::format("--preset '{}': there is no such preset{} (they are {})",
                                     *options.preset, did_you_mean(*options.preset, names),
                                     fmt::join(names, ", ")));
      return preset_recipe(*options.preset, {source, seed, options.width, options.layers});
    }
    seed_was_drawn = !seed;
    return default_picture(options, source, seed ? *seed : drawn_seed());
  } catch (const InvalidArgument& error) {
    throw UsageError(error.what());  // it came from --width or --layers
  }
}

/// Hidden layers of the given widths in place of the recipe's own; the first one's activation goes on.
void replace_hidden_layers(CppnTopology& topology, const std::vector<int>& widths) {
  const BiasRule bias = bias_rule(topology);
  const Layer output = topology.layers.back();
  const bool had_hidden = topology.layers.size() > 1;
  const ActivationFunction activation =
      had_hidden ? topology.layers.front().activation : ActivationFunction{Activation::tanh};
  topology.layers.clear();
  for (const int width : widths) topology.layers.push_back({width, activation, false});
  topology.layers.push_back(output);
  apply_bias(topology, bias);
}

int checked_width(const char* option, std::int64_t width) {
  if (width < 1 || width > kCppnMaxWidth)
    throw UsageError(fmt::format("{} {}: a layer has 1 to {} neurons", option, width, kCppnMaxWidth));
  return static_cast<int>(width);
}

void apply_layers(const PictureOptions& options, CppnTopology& topology) {
  if (options.linear) return replace_hidden_layers(topology, {});
  if (options.widths) {
    std::vector<int> widths;
    for (const std::string& part : split_list("--widths", *options.widths))
      widths.push_back(checked_width("--widths", parse_integer("--widths", part, 1, kCppnMaxWidth)));
    if (widths.size() >= kCppnMaxLayers)
      throw UsageError(fmt::format("--widths: at most {} hidden layers", kCppnMaxLayers - 1));
    return replace_hidden_layers(topology, widths);
  }
  // A preset or the plain network has been built with them already.
  if (options.source.empty() || (!options.width && !options.layers)) return;
  std::vector<int> widths;
  for (std::size_t l = 0; l + 1 < topology.layers.size(); ++l) widths.push_back(topology.layers[l].width);
  if (options.layers) {
    if (*options.layers < 1 || *options.layers >= kCppnMaxLayers)
      throw UsageError(
          fmt::format("--layers {}: 1 to {} (--linear leaves none)", *options.layers, kCppnMaxLayers - 1));
    widths.resize(static_cast<std::size_t>(*options.layers), widths.empty() ? 16 : widths.back());
  }
  if (options.width) std::fill(widths.begin(), widths.end(), checked_width("--width", *options.width));
  replace_hidden_layers(topology, widths);
}

void apply_activations(const PictureOptions& options, CppnTopology& topology) {
  if (options.activation) {
    const std::vector<std::string> names = split_list("--activation", *options.activation);
    const std::size_t hidden = topology.layers.size() - 1;
    if (names.size() != 1 && names.size() != hidden)
      throw UsageError(fmt::format("--activation: {} names for {} hidden layers; give one, or one for each",
                                   names.size(), hidden));
    for (std::size_t l = 0; l < hidden; ++l)
      topology.layers[l].activation =
          parse_activation("--activation", names.size() == 1 ? names[0] : names[l]);
  }
  if (options.output_activation)
    topology.layers.back().activation = parse_activation("--output-activation", *options.output_activation);
}

void apply_color(const PictureOptions& options, CppnRecipe& recipe) {
  if (options.palette) {
    recipe.color = CppnColor::palette;
    recipe.palette = parse_palette(*options.palette);
  }
  if (!options.color) return;
  static constexpr CppnColor kColors[] = {CppnColor::rgb, CppnColor::hsv, CppnColor::oklch,
                                          CppnColor::palette, CppnColor::rgb};
  const std::size_t color =
      parse_choice("--color", *options.color, {"rgb", "hsv", "oklch", "palette", "grey"});
  if (kColors[color] == CppnColor::palette) {
    if (recipe.palette.empty()) throw UsageError("--color palette: --palette says which colours");
    return;
  }
  recipe.color = kColors[color];
  recipe.palette.clear();
  recipe.topology.layers.back().width = color == 4 ? 1 : 3;
}

/// "16" or "16,2.5": frequencies and their deviation.
void parse_fourier(const std::string& text, RecipeOrigin& origin) {
  const std::vector<std::string> parts = split_list("--fourier", text);
  if (parts.size() > 2) throw UsageError(fmt::format("--fourier '{}': N or N,SIGMA is needed", text));
  origin.fourier = static_cast<int>(parse_integer("--fourier", parts[0], 0, kCppnMaxInputs / 2));
  origin.fourier_scale =
      parts.size() == 2 ? parse_number("--fourier", parts[1]) : RecipeOrigin{}.fourier_scale;
  if (!(origin.fourier_scale >= 0 && origin.fourier_scale <= kFourierMaxScale))
    throw UsageError(fmt::format("--fourier '{}': SIGMA is a number from 0 to {:g}", text, kFourierMaxScale));
}

/// Circles as long as a span of 1, times what multiplies the coordinates.
void apply_tile(const PictureOptions& options, CppnRecipe& recipe) {
  const bool was_tile = recipe.coordinates.convention == CoordinateConvention::tile;
  const bool stays_tile = was_tile && (!options.coordinates || *options.coordinates == "tile");
  if (!options.tile && !stays_tile) return;
  if (was_tile && options.coordinate_scale && !options.inputs)
    throw UsageError(
        "--coordinate-scale: this picture is a seamless tile already, which takes it when it is made");
  const double factor = options.coordinate_scale ? *options.coordinate_scale
                        : was_tile               ? 1.0
                                                 : recipe.coordinates.scale;
  const double radius = factor / (2 * std::numbers::pi);
  if (!(std::abs(radius) <= kCppnMaxAmplitude))
    throw UsageError(
        fmt::format("--coordinate-scale {}: with --tile at most {:g}", factor, kCppnMaxAmplitude));
  try {
    make_seamless(recipe.topology, radius);
  } catch (const InvalidArgument& error) {
    throw UsageError(fmt::format("--tile: {}", error.what()));
  }
  if (was_tile) return;
  recipe.coordinates = RecipeCoordinates{};
  recipe.coordinates.convention = CoordinateConvention::tile;
}

/// What the network sees. Fourier frequencies come last; they are drawn later.
void apply_inputs(const PictureOptions& options, CppnRecipe& recipe) {
  if (!options.inputs && !options.fourier && !options.tile) return apply_tile(options, recipe);
  CppnTopology& topology = recipe.topology;
  const std::size_t drawn = recipe.origin ? 2 * static_cast<std::size_t>(recipe.origin->fourier) : 0;
  if (options.inputs) {
    topology.inputs = parse_inputs("--inputs", *options.inputs);
    topology.waves.clear();
  } else {
    for (std::size_t i = 0; i < drawn; ++i) {
      topology.inputs.erase(
          std::find(topology.inputs.rbegin(), topology.inputs.rend(), CppnInput::wave).base() - 1);
      topology.waves.pop_back();
    }
  }
  if (options.fourier) {
    if (!recipe.origin)
      throw UsageError("this recipe's weights were imported, not drawn: --fourier cannot change its inputs");
    parse_fourier(*options.fourier, *recipe.origin);
  }
  const std::size_t wanted = recipe.origin ? 2 * static_cast<std::size_t>(recipe.origin->fourier) : 0;
  if (topology.inputs.size() + wanted > static_cast<std::size_t>(kCppnMaxInputs))
    throw UsageError(
        fmt::format("--fourier: {} inputs and a sine and a cosine of {} frequencies; at most {} in all",
                    topology.inputs.size(), wanted / 2, kCppnMaxInputs));
  apply_tile(options, recipe);
  topology.inputs.insert(topology.inputs.end(), wanted, CppnInput::wave);
  topology.waves.insert(topology.waves.end(), wanted, CppnWave{});
}

double checked_scale(const char* option, double scale) {
  if (!(scale >= 0 && scale <= kInitializerMaxScale))
    throw UsageError(
        fmt::format("{} {}: a number from 0 to {:g} is needed", option, scale, kInitializerMaxScale));
  return scale;
}

void apply_initializer(const PictureOptions& options, std::size_t layers, RecipeOrigin& origin) {
  if (options.init) {
    static constexpr Distribution kKinds[] = {Distribution::normal, Distribution::uniform,
                                              Distribution::torch_default};
    origin.initializer.distribution =
        kKinds[parse_choice("--init", *options.init, {"normal", "uniform", "torch"})];
    if (!options.scale) origin.initializer.scale = 1;
  }
  if (options.scale) origin.initializer.scale = checked_scale("--scale", *options.scale);
  if (options.layer_scale) {
    origin.initializer.layer_scale = parse_numbers("--layer-scale", *options.layer_scale);
    for (const double factor : origin.initializer.layer_scale) checked_scale("--layer-scale", factor);
    if (origin.initializer.layer_scale.size() != layers)
      throw UsageError(fmt::format("--layer-scale: {} number{} for {} layers; the output layer counts too",
                                   origin.initializer.layer_scale.size(),
                                   origin.initializer.layer_scale.size() == 1 ? "" : "s", layers));
  }
  if (options.seed || options.torch_seed) {
    origin.source = options.torch_seed ? RandomSource::torch : RandomSource::philox;
    origin.seed = options.torch_seed ? *options.torch_seed : *options.seed;
  }
}

/// What decides the weights; draws them again when any of it changed.
void apply_network(const PictureOptions& options, CppnRecipe& recipe) {
  const CppnTopology topology_before = recipe.topology;
  const std::optional<RecipeOrigin> origin_before = recipe.origin;
  const std::size_t shapes_before = recipe.topology.layers.size();

  apply_inputs(options, recipe);
  apply_layers(options, recipe.topology);
  if (options.bias)
    apply_bias(recipe.topology,
               static_cast<BiasRule>(parse_choice("--bias", *options.bias, {"none", "first", "all"})));
  apply_color(options, recipe);
  const bool draws =
      options.init || options.scale || options.layer_scale || options.seed || options.torch_seed;
  if (recipe.origin) apply_initializer(options, recipe.topology.layers.size(), *recipe.origin);
  if (!recipe.origin && draws)
    throw UsageError(
        "this recipe's weights were imported, not drawn: --seed, --init and --scale cannot change them");

  // Activations do not take part in drawing: they are compared before they change.
  if (recipe.topology != topology_before || recipe.origin != origin_before) {
    if (!recipe.origin)
      throw UsageError(
          "this recipe's weights were imported, not drawn: its inputs, layers, biases and channels are "
          "fixed");
    if (!recipe.origin->initializer.layer_scale.empty() && !options.layer_scale &&
        recipe.topology.layers.size() != shapes_before)
      recipe.origin->initializer.layer_scale.clear();
    try {
      draw(recipe);
    } catch (const InvalidArgument& error) {
      throw UsageError(error.what());
    }
  }
  apply_activations(options, recipe.topology);
}

void apply_latent(const PictureOptions& options, CppnRecipe& recipe) {
  const auto size = static_cast<std::size_t>(recipe.topology.latent_size());
  if (!options.latent) {
    recipe.latent.resize(size, 0.0);
    return;
  }
  std::vector<double> latent = parse_numbers("--latent", *options.latent);
  if (latent.size() != size)
    throw UsageError(fmt::format("--latent: {} number{} for {} input{} z{}", latent.size(),
                                 latent.size() == 1 ? "" : "s", size, size == 1 ? "" : "s",
                                 size == 0 ? " (--inputs x,y,z adds one)" : ""));
  recipe.latent = std::move(latent);
}

void apply_coordinates(const PictureOptions& options, CppnRecipe& recipe) {
  RecipeCoordinates& coordinates = recipe.coordinates;
  static const std::vector<std::string> kNames{"centered", "seed", "seed-rect", "pixels", "tile"};
  if (options.coordinates) {
    const auto convention =
        static_cast<CoordinateConvention>(parse_choice("--coordinates", *options.coordinates, kNames));
    if (convention == CoordinateConvention::tile && coordinates.convention != convention)
      throw UsageError("--coordinates tile needs a network of waves: --tile makes one");
    if (convention != coordinates.convention) {
      coordinates = RecipeCoordinates{};
      coordinates.convention = convention;
    }
  }
  const bool tile = coordinates.convention == CoordinateConvention::tile;
  if (tile && options.rotate) throw UsageError("--rotate: a seamless tile cannot be turned");
  if ((options.center || options.span || options.rotate) && !tile &&
      coordinates.convention != CoordinateConvention::centered)
    throw UsageError(
        fmt::format("--center, --span and --rotate need --coordinates centered (this picture has {})",
                    kNames[static_cast<std::size_t>(coordinates.convention)]));
  if (options.center) {
    const std::vector<double> center = parse_numbers("--center", *options.center);
    if (center.size() != 2) throw UsageError(fmt::format("--center '{}': X,Y is needed", *options.center));
    coordinates.center_x = center[0];
    coordinates.center_y = center[1];
  }
  if (options.span) {
    if (!(*options.span > 0) || !std::isfinite(*options.span))
      throw UsageError(fmt::format("--span {}: a number above 0 is needed", *options.span));
    coordinates.span = *options.span;
  }
  if (options.rotate) {
    if (!std::isfinite(*options.rotate))
      throw UsageError(fmt::format("--rotate {}: degrees are needed", *options.rotate));
    coordinates.rotation = *options.rotate * std::numbers::pi / 180;
  }
  if (options.coordinate_scale) {
    if (!std::isfinite(*options.coordinate_scale))
      throw UsageError(
          fmt::format("--coordinate-scale {}: a finite number is needed", *options.coordinate_scale));
    if (!tile) coordinates.scale = *options.coordinate_scale;
  }
}

/// Points a pixel, and noise against banding.
void apply_quality(const PictureOptions& options, CppnRecipe& recipe) {
  if (options.samples) {
    if (*options.samples < 1 || *options.samples > kMaxSamples)
      throw UsageError(
          fmt::format("--samples {}: 1 to {} along each side of a pixel", *options.samples, kMaxSamples));
    recipe.samples = *options.samples;
  }
  if (options.dither) recipe.dither = *options.dither;
  if (options.dither == true && recipe.sample == CppnSample::u8_truncate) recipe.sample = CppnSample::u8;
  if (!recipe.dither) return;
  if (recipe.sample == CppnSample::f32 || recipe.sample == CppnSample::f64)
    throw UsageError("--depth float: floats need no dither; add --no-dither, or leave --dither out");
  if (recipe.sample == CppnSample::u8_truncate)
    throw UsageError("--truncate: this picture is dithered, which needs rounding; add --no-dither");
}

void apply_storage(const PictureOptions& options, CppnRecipe& recipe) {
  if (options.precision)
    recipe.precision = parse_choice("--precision", *options.precision, {"fp32", "double"}) == 0
                           ? CppnPrecision::fp32
                           : CppnPrecision::fp64;
  const bool double_precision = recipe.precision == CppnPrecision::fp64;
  if (options.depth) {
    switch (parse_choice("--depth", *options.depth, {"8", "16", "float"})) {
      case 0:
        if (recipe.sample != CppnSample::u8_truncate) recipe.sample = CppnSample::u8;
        break;
      case 1:
        recipe.sample = CppnSample::u16;
        break;
      default:
        recipe.sample = double_precision ? CppnSample::f64 : CppnSample::f32;
    }
  }
  if (!options.truncate) return;
  if (recipe.sample != CppnSample::u8 && recipe.sample != CppnSample::u8_truncate)
    throw UsageError("--truncate and --round are about 8-bit pictures: add --depth 8");
  recipe.sample = *options.truncate ? CppnSample::u8_truncate : CppnSample::u8;
}

void apply_options(const PictureOptions& options, CppnRecipe& recipe) {
  apply_network(options, recipe);
  apply_latent(options, recipe);
  apply_coordinates(options, recipe);
  apply_storage(options, recipe);
  apply_quality(options, recipe);
  if (options.size) std::tie(recipe.width, recipe.height) = parse_size(*options.size);
  if (recipe.coordinates.convention == CoordinateConvention::seed && recipe.width != recipe.height)
    throw UsageError(
        fmt::format("{}x{}: the seed's coordinates are for squares; add --coordinates seed-rect (the "
                    "notebook's stretched rectangle) or --coordinates centered",
                    recipe.width, recipe.height));
}

}  // namespace

PlannedPicture plan_picture(const PictureOptions& options) {
  check_combinations(options);
  PlannedPicture planned;
  planned.recipe = base_recipe(options, planned.seed_was_drawn);
  apply_options(options, planned.recipe);
  return planned;
}

CppnRecipe changed_recipe(CppnRecipe recipe, PictureOptions options, const std::string& source) {
  options.source = source;
  check_combinations(options);
  apply_options(options, recipe);
  return recipe;
}

void redraw(CppnRecipe& recipe, RandomSource source, std::uint64_t seed) {
  if (!recipe.origin)
    throw InvalidArgument("this recipe's weights were imported, not drawn: it has no seeds");
  recipe.origin->source = source;
  recipe.origin->seed = seed;
  draw(recipe);
}

std::pair<std::int64_t, std::int64_t> parse_size(const std::string& text, const char* option) {
  const std::size_t cross = text.find_first_of("xX");
  const auto side = [&](std::string_view part) {
    std::int64_t value = 0;
    try {
      value = parse_integer(option, part, 1, kPictureMaxSide);
    } catch (const UsageError&) {
      throw UsageError(
          fmt::format("{} '{}': WIDTHxHEIGHT or one side of a square is needed, 1 to {} pixels a side",
                      option, text, kPictureMaxSide));
    }
    return value;
  };
  if (cross == std::string::npos) {
    const std::int64_t square = side(text);
    return {square, square};
  }
  const std::string_view whole(text);
  return {side(whole.substr(0, cross)), side(whole.substr(cross + 1))};
}

std::vector<std::uint64_t> parse_seeds(const std::string& text, const char* option, std::int64_t most,
                                       const char* reason) {
  const auto limit = static_cast<std::size_t>(most);
  std::vector<std::uint64_t> seeds;
  for (const std::string& part : split_list(option, text)) {
    const std::size_t dots = part.find("..");
    if (dots == 0 || (dots != std::string::npos && dots + 2 == part.size()))
      throw UsageError(fmt::format("{} '{}': a range has two ends, 0..99", option, part));
    const auto number = [option](std::string_view digits) { return parse_unsigned(option, digits); };
    const std::uint64_t first = number(std::string_view(part).substr(0, dots));
    const std::uint64_t last =
        dots == std::string::npos ? first : number(std::string_view(part).substr(dots + 2));
    if (last < first)
      throw UsageError(
          fmt::format("{} '{}': the range runs backwards; {}..{} is meant?", option, part, last, first));
    if (last - first >= limit - seeds.size())
      throw UsageError(fmt::format("{} '{}': at most {} {}", option, text, limit, reason));
    for (std::uint64_t i = 0; i <= last - first; ++i) seeds.push_back(first + i);
  }
  return seeds;
}

std::uint64_t drawn_seed() {
  std::random_device entropy;
  return std::uniform_int_distribution<std::uint64_t>(0, 999999)(entropy);
}

}  // namespace atelier::tools
