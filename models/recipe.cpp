#include "models/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atelier {
namespace {

void require_finite(const char* what, double value) {
  if (!std::isfinite(value))
    throw InvalidArgument(fmt::format("recipe: {} is {}; it must be finite", what, value));
}

void require_side(const char* what, std::int64_t side) {
  if (side < 1 || side > kPictureMaxSide)
    throw InvalidArgument(
        fmt::format("recipe: {} {}; it must be between 1 and {} pixels", what, side, kPictureMaxSide));
}

void validate_coordinates(const RecipeCoordinates& coordinates) {
  require_finite("center", coordinates.center_x);
  require_finite("center", coordinates.center_y);
  require_finite("rotation", coordinates.rotation);
  require_finite("coordinates' scale", coordinates.scale);
  if (!std::isfinite(coordinates.span) || coordinates.span <= 0)
    throw InvalidArgument(
        fmt::format("recipe: span {}; it must be greater than 0 and finite", coordinates.span));
}

/// What makes a picture meet itself at its edges.
void validate_tile(const CppnRecipe& recipe) {
  if (recipe.coordinates.rotation != 0 || recipe.coordinates.scale != 1)
    throw InvalidArgument("recipe: tile coordinates are neither turned nor scaled");
  for (const CppnInput input : recipe.topology.inputs)
    if (input == CppnInput::x || input == CppnInput::y || input == CppnInput::radius)
      throw InvalidArgument(
          fmt::format("recipe: the network sees {}, which does not repeat; with tile coordinates only waves "
                      "may carry the "
                      "place",
                      name_of(input)));
  for (const CppnWave& wave : recipe.topology.waves)
    if (wave.x_cycles != std::rint(wave.x_cycles) || wave.y_cycles != std::rint(wave.y_cycles))
      throw InvalidArgument(
          fmt::format("recipe: a wave of {} and {} cycles; with tile coordinates they are whole",
                      wave.x_cycles, wave.y_cycles));
}

void validate_color(const CppnRecipe& recipe) {
  const bool grey = recipe.topology.layers.back().width == 1;
  if (grey && recipe.color == CppnColor::oklch)
    throw InvalidArgument("recipe: color oklch needs three outputs, the network has one");
  const std::size_t colors = recipe.palette.size();
  if (recipe.color == CppnColor::palette && (colors < 2 || colors > kPaletteMaxColors))
    throw InvalidArgument(
        fmt::format("recipe: a palette of {} colours; it has 2 to {}", colors, kPaletteMaxColors));
  if (recipe.color != CppnColor::palette && colors > 0)
    throw InvalidArgument(fmt::format("recipe: a palette, but color {}", name_of(recipe.color)));
  if (recipe.samples < 1 || recipe.samples > kMaxSamples)
    throw InvalidArgument(fmt::format("recipe: {} samples; 1 to {} (a side of a pixel) are possible",
                                      recipe.samples, kMaxSamples));
  if (recipe.dither && recipe.sample != CppnSample::u8 && recipe.sample != CppnSample::u16)
    throw InvalidArgument(
        fmt::format("recipe: dither is for samples of u8 and u16, not {}", name_of(recipe.sample)));
}

void validate_origin(const CppnRecipe& recipe) {
  if (!recipe.origin) return;
  const RecipeOrigin& origin = *recipe.origin;
  const std::size_t waves = recipe.topology.waves.size();
  if (origin.fourier < 0 || 2 * static_cast<std::size_t>(origin.fourier) > waves)
    throw InvalidArgument(fmt::format("recipe: {} Fourier frequencies were drawn, but there are {} waves",
                                      origin.fourier, waves));
  if (!(origin.fourier_scale >= 0 && origin.fourier_scale <= kFourierMaxScale))
    throw InvalidArgument(fmt::format("recipe: Fourier frequencies of deviation {}; it is 0 to {:g}",
                                      origin.fourier_scale, kFourierMaxScale));
}

}  // namespace

std::string_view name_of(CoordinateConvention convention) {
  switch (convention) {
    case CoordinateConvention::centered:
      return "centered";
    case CoordinateConvention::seed:
      return "seed";
    case CoordinateConvention::seed_rectangle:
      return "seed_rectangle";
    case CoordinateConvention::pixels:
      return "pixels";
    case CoordinateConvention::tile:
      return "tile";
  }
  throw InvalidArgument("recipe: no such coordinate convention");
}

std::string_view name_of(CppnInput input) {
  switch (input) {
    case CppnInput::x:
      return "x";
    case CppnInput::y:
      return "y";
    case CppnInput::radius:
      return "radius";
    case CppnInput::one:
      return "one";
    case CppnInput::latent:
      return "latent";
    case CppnInput::wave:
      return "wave";
  }
  throw InvalidArgument("recipe: no such input");
}

std::string_view name_of(CppnColor color) {
  switch (color) {
    case CppnColor::rgb:
      return "rgb";
    case CppnColor::hsv:
      return "hsv";
    case CppnColor::oklch:
      return "oklch";
    case CppnColor::palette:
      return "palette";
  }
  throw InvalidArgument("recipe: no such colour");
}

std::string_view name_of(CppnSample sample) {
  switch (sample) {
    case CppnSample::u8_truncate:
      return "u8_truncate";
    case CppnSample::u8:
      return "u8";
    case CppnSample::u16:
      return "u16";
    case CppnSample::f32:
      return "f32";
    case CppnSample::f64:
      return "f64";
  }
  throw InvalidArgument("recipe: no such sample type");
}

std::string_view name_of(CppnPrecision precision) {
  switch (precision) {
    case CppnPrecision::fp32:
      return "fp32";
    case CppnPrecision::fp64:
      return "double";
  }
  throw InvalidArgument("recipe: no such precision");
}

std::string_view name_of(RandomSource source) {
  switch (source) {
    case RandomSource::philox:
      return "philox";
    case RandomSource::torch:
      return "torch";
  }
  throw InvalidArgument("recipe: no such random source");
}

CppnTopology seed_topology(int width, int tanh_layers) {
  CppnTopology topology;
  for (int l = 0; l < tanh_layers; ++l) topology.layers.push_back({width, {Activation::tanh}, l == 0});
  topology.layers.push_back({3, {Activation::sigmoid}, tanh_layers == 0});
  return topology;
}

void validate(const CppnRecipe& recipe) {
  recipe.topology.validate();
  const std::int64_t count = recipe.topology.parameter_count();
  if (count > kRecipeMaxParameters)
    throw InvalidArgument(fmt::format("recipe: a network of {} parameters; a recipe holds at most {}", count,
                                      kRecipeMaxParameters));
  if (static_cast<std::int64_t>(recipe.parameters.size()) != count)
    throw InvalidArgument(
        fmt::format("recipe: {} parameters; the network has {}", recipe.parameters.size(), count));
  for (const float parameter : recipe.parameters)
    require_finite("a weight or bias", static_cast<double>(parameter));
  for (const CppnTopology::Layer& layer : recipe.topology.layers)
    require_finite("slope", static_cast<double>(layer.activation.slope));
  if (static_cast<int>(recipe.latent.size()) != recipe.topology.latent_size())
    throw InvalidArgument(fmt::format("recipe: {} latent numbers; the network takes {}", recipe.latent.size(),
                                      recipe.topology.latent_size()));
  for (const double number : recipe.latent) require_finite("a latent number", number);
  validate_coordinates(recipe.coordinates);
  if (recipe.coordinates.convention == CoordinateConvention::tile) validate_tile(recipe);
  validate_color(recipe);
  validate_origin(recipe);
  require_side("width", recipe.width);
  require_side("height", recipe.height);
}

void draw(CppnRecipe& recipe) {
  if (!recipe.origin)
    throw InvalidArgument("this recipe's weights were imported, not drawn: it has no seeds");
  validate_origin(recipe);
  const RecipeOrigin& origin = *recipe.origin;
  const std::vector<CppnWave> waves = draw_waves(origin.seed, origin.fourier, origin.fourier_scale,
                                                 recipe.coordinates.convention == CoordinateConvention::tile);
  std::copy(waves.rbegin(), waves.rend(), recipe.topology.waves.rbegin());
  recipe.parameters = initialize(recipe.topology, origin.initializer, origin.source, origin.seed);
}

void make_seamless(CppnTopology& topology, double radius) {
  std::vector<CppnInput> inputs;
  std::vector<CppnWave> waves;
  std::size_t next_wave = 0;
  for (const CppnInput input : topology.inputs) {
    if (input == CppnInput::radius)
      throw InvalidArgument("the radius does not repeat: a network that sees it makes no seamless tile");
    if (input == CppnInput::x || input == CppnInput::y) {
      const double along_x = input == CppnInput::x ? 1 : 0;
      waves.push_back({along_x, 1 - along_x, 0.25, radius});
      waves.push_back({along_x, 1 - along_x, 0, radius});
      inputs.insert(inputs.end(), 2, CppnInput::wave);
      continue;
    }
    inputs.push_back(input);
    if (input != CppnInput::wave) continue;
    CppnWave& wave = waves.emplace_back(topology.waves.at(next_wave++));
    wave.x_cycles = std::rint(wave.x_cycles);
    wave.y_cycles = std::rint(wave.y_cycles);
  }
  if (inputs.size() > static_cast<std::size_t>(kCppnMaxInputs))
    throw InvalidArgument(fmt::format("a seamless tile of this network has {} inputs; at most {}",
                                      inputs.size(), kCppnMaxInputs));
  topology.inputs = std::move(inputs);
  topology.waves = std::move(waves);
}

namespace {

CppnWindow tile_window(const RecipeCoordinates& coordinates, std::int64_t width, std::int64_t height) {
  CppnWindow window;
  window.x_column = coordinates.span / static_cast<double>(width);
  window.x0 = coordinates.center_x + window.x_column * (0.5 - 0.5 * static_cast<double>(width));
  window.y_row = coordinates.span / static_cast<double>(height);
  window.y0 = coordinates.center_y + window.y_row * (0.5 - 0.5 * static_cast<double>(height));
  return window;
}

}  // namespace

CppnWindow recipe_window(const CppnRecipe& recipe, std::int64_t width, std::int64_t height) {
  const RecipeCoordinates& coordinates = recipe.coordinates;
  validate_coordinates(coordinates);
  require_side("width", width);
  require_side("height", height);
  const auto window = [&] {
    switch (coordinates.convention) {
      case CoordinateConvention::centered:
        return CppnWindow::centered(width, height, coordinates.center_x, coordinates.center_y,
                                    coordinates.span, coordinates.rotation);
      case CoordinateConvention::seed:
        if (width != height)
          throw InvalidArgument(
              fmt::format("size {}x{}: the seed's coordinates are for squares; for rectangles choose "
                          "\"centered\", or \"seed_rectangle\" for the notebook's own crossed divisors",
                          width, height));
        return CppnWindow::seed(width);
      case CoordinateConvention::seed_rectangle:
        return CppnWindow::seed_rectangle(width, height);
      case CoordinateConvention::pixels:
        return CppnWindow::pixels();
      case CoordinateConvention::tile:
        return tile_window(coordinates, width, height);
    }
    throw InvalidArgument("recipe: no such coordinate convention");
  }();
  return coordinates.scale == 1 ? window : window.scaled(coordinates.scale);
}

}  // namespace atelier
