#include "models/motion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "models/spline.h"
#include "runtime/error.h"

namespace atelier {
namespace {

constexpr double kMaxRadius = 1e6;
constexpr double kMaxZoom = 1e300;
constexpr double kMaxPan = 1e15;
constexpr double kMaxTurn = 1e6;   // degrees
constexpr double kMostGrowth = 2;  // of a layer on the way between two recipes

void require_between(const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw InvalidArgument(
      fmt::format("motion: the {} is {}; it must be between {:g} and {:g}", what, value, low, high));
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void scale(std::vector<double>& values, double factor) {
  for (double& value : values) value *= factor;
}

/// Turns b into the direction at right angles to a that lies in the plane of both, as long as a; none where
/// there is but one dimension.
void make_orthogonal(const std::vector<double>& a, std::vector<double>& b) {
  const double length = product(a, a);
  const double before = product(b, b);
  if (!(length > 0)) return;
  const double along = product(a, b) / length;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] -= along * a[i];
  const double left = product(b, b);
  scale(b, left > 1e-12 * before ? std::sqrt(length / left) : 0);
}

std::vector<std::vector<double>> loop_directions(const MotionOptions& options) {
  std::vector<std::vector<double>> directions;
  if (options.loop == MotionLoop::none) return directions;
  const int count = options.loop == MotionLoop::circle ? 2 : options.points - 1;
  for (int k = 0; k < count; ++k) {
    std::vector<double>& direction = directions.emplace_back(random_direction(
        options.recipes.front(), options.part, options.seed, static_cast<std::uint64_t>(k) + 1));
    const double size = std::sqrt(product(direction, direction) / static_cast<double>(direction.size()));
    if (options.part == VariedPart::latent && size > 0) scale(direction, 1 / size);
  }
  if (options.loop == MotionLoop::circle) make_orthogonal(directions[0], directions[1]);
  return directions;
}

/// (1 - zoom^-p) / (1 - zoom^-1), which is p without a zoom.
double pan_share(double zoom, double share) {
  const double rate = -std::log(zoom);
  return std::abs(rate) < 1e-9 ? share : std::expm1(rate * share) / std::expm1(rate);
}

/// The parameters of one recipe on the way to another, every group of them at the size between the two.
void blend_parameters(CppnRecipe& recipe, const CppnRecipe& other, double share) {
  std::size_t first = 0;
  for (const std::size_t count : parameter_groups(recipe.topology)) {
    const std::span<float> values = std::span(recipe.parameters).subspan(first, count);
    const std::span<const float> goals = std::span(other.parameters).subspan(first, count);
    const double wanted = (1 - share) * root_mean_square(values) + share * root_mean_square(goals);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = static_cast<float>((1 - share) * static_cast<double>(values[i]) +
                                     share * static_cast<double>(goals[i]));
    const double found = root_mean_square(values);
    const double growth = found > 0 ? std::min(wanted / found, kMostGrowth) : 1;
    for (float& value : values) value = static_cast<float>(growth * static_cast<double>(value));
    first += count;
  }
}

bool whole(double value) {
  return value == std::rint(value);
}

}  // namespace

std::string_view name_of(MotionLoop loop) {
  static constexpr std::array<std::string_view, 3> kNames{"none", "circle", "spline"};
  return kNames.at(static_cast<std::size_t>(loop));
}
std::string_view name_of(MotionWay way) {
  static constexpr std::array<std::string_view, 3> kNames{"loop", "back", "once"};
  return kNames.at(static_cast<std::size_t>(way));
}
std::string_view name_of(Easing easing) {
  static constexpr std::array<std::string_view, 4> kNames{"linear", "in", "out", "in-out"};
  return kNames.at(static_cast<std::size_t>(easing));
}

Motion::Motion(MotionOptions options) : options_(std::move(options)) {
  check();
  directions_ = loop_directions(options_);
}

bool Motion::has_camera() const {
  return options_.zoom != 1 || options_.pan_x != 0 || options_.pan_y != 0 || options_.turn != 0;
}

void Motion::check() const {
  if (options_.recipes.empty()) throw InvalidArgument("motion: a recipe is needed");
  if (options_.frames < 1 || options_.frames > kMotionMaxFrames)
    throw InvalidArgument(
        fmt::format("motion: {} frames; 1 to {} are possible", options_.frames, kMotionMaxFrames));
  const CppnRecipe& first = options_.recipes.front();
  for (const CppnRecipe& recipe : options_.recipes) {
    validate(recipe);
    if (recipe.topology != first.topology)
      throw InvalidArgument(
          "a morph needs networks of one shape: the same inputs, layers, activations and biases");
  }
  require_between("radius", options_.radius, 0, kMaxRadius);
  if (options_.points < 2 || options_.points > kMotionMaxPoints)
    throw InvalidArgument(
        fmt::format("motion: {} points; a spline has 2 to {}", options_.points, kMotionMaxPoints));
  if (options_.loop != MotionLoop::none && options_.part == VariedPart::latent && first.latent.empty())
    throw InvalidArgument("this picture has no latent vector to move: its network has no input z");
  if (has_camera()) check_camera();
}

void Motion::check_camera() const {
  require_between("zoom", options_.zoom, 1 / kMaxZoom, kMaxZoom);
  require_between("pan along x", options_.pan_x, -kMaxPan, kMaxPan);
  require_between("pan along y", options_.pan_y, -kMaxPan, kMaxPan);
  require_between("turn", options_.turn, -kMaxTurn, kMaxTurn);
  const RecipeCoordinates& coordinates = options_.recipes.front().coordinates;
  const bool zooms = options_.zoom != 1;
  const bool tile = coordinates.convention == CoordinateConvention::tile;
  if (tile && (zooms || options_.turn != 0))
    throw InvalidArgument("a tile can be panned, but neither zoomed nor turned: its edges would not meet");
  if (!tile && coordinates.convention != CoordinateConvention::centered)
    throw InvalidArgument(fmt::format("zoom, pan and turn need centred coordinates; this picture has {}",
                                      name_of(coordinates.convention)));
  const double end = coordinates.span / options_.zoom;
  if (!(end > 0) || !std::isfinite(end))
    throw InvalidArgument(fmt::format("motion: a zoom of {} leaves a span of {}", options_.zoom, end));
  if (options_.way != MotionWay::loop) return;
  const bool pan_returns =
      tile ? whole(options_.pan_x) && whole(options_.pan_y) : options_.pan_x == 0 && options_.pan_y == 0;
  if (zooms || !pan_returns || !whole(options_.turn / 360))
    throw InvalidArgument(
        "a zoom, a pan or a turn that is no multiple of 360 degrees does not come round by itself: there and "
        "back, or once");
}

bool Motion::seamless() const {
  return options_.way != MotionWay::once || (options_.recipes.size() == 1 && !has_camera());
}

bool Motion::moves_weights() const {
  return options_.recipes.size() > 1 ||
         (options_.loop != MotionLoop::none && options_.part == VariedPart::weights);
}

/// How far along its way the film is, before easing.
double Motion::share(std::int64_t index) const {
  const std::int64_t frames = options_.frames;
  if (options_.way == MotionWay::once)
    return frames == 1 ? 0
                       : static_cast<double>(std::min(index, frames - 1)) / static_cast<double>(frames - 1);
  const std::int64_t round = index % frames;
  // Counted in frames, so that there and back pass through the very same pictures.
  const std::int64_t passed = options_.way == MotionWay::loop ? round : 2 * std::min(round, frames - round);
  return static_cast<double>(passed) / static_cast<double>(frames);
}

CppnRecipe Motion::morphed(double share) const {
  const std::vector<CppnRecipe>& recipes = options_.recipes;
  const std::size_t ways = options_.way == MotionWay::loop ? recipes.size() : recipes.size() - 1;
  const double place = share * static_cast<double>(ways);
  const std::size_t segment = std::min(static_cast<std::size_t>(place), ways - 1);
  const double part = eased(options_.easing, place - static_cast<double>(segment));
  CppnRecipe recipe = recipes.front();
  recipe.parameters = recipes[segment].parameters;
  recipe.latent = recipes[segment].latent;
  recipe.origin.reset();
  const CppnRecipe& next = recipes[(segment + 1) % recipes.size()];
  blend_parameters(recipe, next, part);
  for (std::size_t i = 0; i < recipe.latent.size(); ++i)
    recipe.latent[i] = (1 - part) * recipe.latent[i] + part * next.latent[i];
  return recipe;
}

void Motion::add_loop(CppnRecipe& recipe, std::int64_t index) const {
  const double turn = static_cast<double>(index % options_.frames) / static_cast<double>(options_.frames);
  std::vector<double> weights;
  if (options_.loop == MotionLoop::circle) {
    const double angle = 2 * std::numbers::pi * turn;
    weights = {std::sin(angle), 1 - std::cos(angle)};
  } else {
    weights = closed_spline_weights(options_.points, turn);
    weights.erase(weights.begin());  // of the recipe itself, the point 0
  }
  std::vector<double> values = part_of(recipe, options_.part);
  for (std::size_t k = 0; k < directions_.size(); ++k)
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += options_.radius * weights[k] * directions_[k][i];
  recipe = with_part(std::move(recipe), options_.part, values);
}

void Motion::move_camera(CppnRecipe& recipe, double share) const {
  RecipeCoordinates& coordinates = recipe.coordinates;
  const double panned = pan_share(options_.zoom, share);
  coordinates.center_x += options_.pan_x * panned;
  coordinates.center_y += options_.pan_y * panned;
  coordinates.span /= std::pow(options_.zoom, share);
  coordinates.rotation += options_.turn * std::numbers::pi / 180 * share;
}

CppnRecipe Motion::frame(std::int64_t index) const {
  if (index < 0) throw InvalidArgument(fmt::format("motion: there is no frame {}", index));
  const double along = share(index);
  CppnRecipe recipe = options_.recipes.size() > 1 ? morphed(along) : options_.recipes.front();
  if (options_.loop != MotionLoop::none) add_loop(recipe, index);
  if (has_camera()) move_camera(recipe, eased(options_.easing, along));
  return recipe;
}

}  // namespace atelier
