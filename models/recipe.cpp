#include "models/recipe.h"

#include <fmt/format.h>

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
  }
  throw InvalidArgument("recipe: no such input");
}

std::string_view name_of(CppnColor color) {
  switch (color) {
    case CppnColor::rgb:
      return "rgb";
    case CppnColor::hsv:
      return "hsv";
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
  require_side("width", recipe.width);
  require_side("height", recipe.height);
}

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
    }
    throw InvalidArgument("recipe: no such coordinate convention");
  }();
  return coordinates.scale == 1 ? window : window.scaled(coordinates.scale);
}

}  // namespace atelier
