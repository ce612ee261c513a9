#include "models/native_detail.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "models/picture_painter.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/stream.h"

namespace atelier {
namespace {

constexpr double kNearlyAll = 0.999;
constexpr double kLargestSide = 0x1p40;
constexpr double kTolerance = 0.005;
constexpr int kMaxPaintings = 60;

// Columns, and rows, of the grid of points.
constexpr std::int64_t kGridSide = 241;
constexpr std::int64_t kCoarsestGridSide = 33;
constexpr double kMultiplyAddsOfAPainting = 4e9;  // a tenth of a second of one core
constexpr double kFirstGuess = 0x1p20;            // where steps already fall as 1 / side

/// Less for networks that take long.
std::int64_t grid_side(const CppnTopology& topology) {
  const double points = kMultiplyAddsOfAPainting / static_cast<double>(topology.multiply_adds());
  return std::clamp(static_cast<std::int64_t>(std::sqrt(points)), kCoarsestGridSide, kGridSide);
}

/// Paints a recipe at points, spread evenly over its picture, and at points beside those.
class DetailProbe {
 public:
  explicit DetailProbe(const CppnRecipe& recipe)
      : stream_(Device(DeviceKind::cpu)),
        window_(recipe_window(recipe, recipe.width, recipe.height)),
        width_(static_cast<double>(recipe.width)),
        height_(static_cast<double>(recipe.height)),
        side_(grid_side(recipe.topology)),
        painter_(stream_, sampled(recipe), side_, side_),
        pixels_(stream_, side_ * side_ * painter_.pixel_bytes(), "points of a picture"),
        points_(paint(0, 0)) {}

  /// The steps of all points at a shorter side of `side` pixels, in no order.
  std::span<double> steps(double side) {
    const double pixel = std::min(width_, height_) / side;  // in pixels of the recipe's own size
    steps_.assign(static_cast<std::size_t>(side_ * side_), 0.0);
    raise_steps(paint(pixel, 0));
    raise_steps(paint(0, pixel));
    return steps_;
  }

 private:
  static CppnRecipe sampled(CppnRecipe recipe) {
    recipe.sample = CppnSample::f64;
    recipe.precision = CppnPrecision::fp64;
    recipe.samples = 1;
    recipe.dither = false;
    return recipe;
  }

  /// The window whose pixel (i, r) is the picture's point
  ///   ((i + (r + 1/4) / side) / side, (r + (i + 3/4) / side) / side)  of its width and height:
  /// one in each cell of the grid, no two in one column or row, so that upright edges and patterns that
  /// repeat are met as often as they cover the picture. All points moved by `right` and `down`.
  [[nodiscard]] CppnWindow grid_window(double right, double down) const {
    const auto side = static_cast<double>(side_);
    const double column = width_ * (0.25 / side / side) - 0.5 + right;
    const double row = height_ * (0.75 / side / side) - 0.5 + down;
    const double along_x = width_ / side;
    const double along_y = height_ / side;
    const auto step = [&](double columns, double rows) {
      return std::pair(window_.x_column * columns + window_.x_row * rows,
                       window_.y_column * columns + window_.y_row * rows);
    };
    const auto [x, y] = step(column, row);
    const auto [x_column, y_column] = step(along_x, along_y / side);
    const auto [x_row, y_row] = step(along_x / side, along_y);
    return {window_.x0 + x, x_column, x_row, window_.y0 + y, y_column, y_row};
  }

  std::vector<double> paint(double right, double down) {
    painter_.set_window(grid_window(right, down));
    painter_.paint(stream_, {0, 0, side_, side_}, pixels_.view(), side_ * painter_.pixel_bytes());
    const std::vector<std::byte> bytes = download<std::byte>(stream_, pixels_.view());
    std::vector<double> values(bytes.size() / sizeof(double));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    // As they are stored: what lies beyond black and white cannot be told apart, and NaN is black.
    for (double& value : values) value = value > 0 ? std::min(value, 1.0) : 0.0;
    return values;
  }

  /// Raises each point's step to the largest difference of a channel.
  void raise_steps(const std::vector<double>& beside) {
    const std::size_t channels = points_.size() / steps_.size();
    for (std::size_t i = 0; i < points_.size(); ++i)
      steps_[i / channels] = std::max(steps_[i / channels], std::abs(beside[i] - points_[i]));
  }

  Stream stream_;
  CppnWindow window_;
  double width_;
  double height_;
  std::int64_t side_;
  PicturePainter painter_;
  Buffer<std::byte> pixels_;
  std::vector<double> points_;
  std::vector<double> steps_;
};

/// The value that the `share` smallest of them do not exceed.
double quantile(std::span<double> values, double share) {
  const auto count = static_cast<double>(values.size());
  const auto place = static_cast<std::ptrdiff_t>(std::ceil(share * count)) - 1;
  const auto at = values.begin() + place;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// The side at which the steps' quantile is `level`. Steps of what is smooth fall as 1 / side, which the next
/// guess supposes; edges do not, so guesses stay inside the bracket found so far.
double side_of_level(DetailProbe& probe, double share, double level, double guess) {
  double low = 1;
  double high = kLargestSide;
  double side = std::clamp(guess, low, high);
  for (int painting = 0; painting < kMaxPaintings; ++painting) {
    const double ratio = quantile(probe.steps(side), share) / level;
    if (std::abs(ratio - 1) <= kTolerance) return side;
    (ratio > 1 ? low : high) = side;
    if (low >= kLargestSide) return std::numeric_limits<double>::infinity();
    if (high <= 1) return 1;
    if (high / low <= 1 + kTolerance) break;
    side = std::clamp(side * ratio, 1.0, kLargestSide);
    const bool outside = side <= low || side >= high;
    const bool at_an_end = (side == kLargestSide && high == kLargestSide) || (side == 1 && low == 1);
    if ((outside && !at_an_end) || painting > kMaxPaintings / 4) side = std::sqrt(low * high);
  }
  return high;
}

}  // namespace

PixelStep measure_pixel_step(const CppnRecipe& recipe, double side) {
  validate(recipe);
  if (!(side > 0) || !std::isfinite(side))
    throw InvalidArgument(
        fmt::format("a picture's side of {} pixels; it must be greater than 0 and finite", side));
  DetailProbe probe(recipe);
  const std::span<double> steps = probe.steps(side);
  return {quantile(steps, kNearlyAll), *std::max_element(steps.begin(), steps.end())};
}

std::optional<NativeDetail> measure_native_detail(const CppnRecipe& recipe) {
  validate(recipe);
  if (recipe.coordinates.convention == CoordinateConvention::pixels) return std::nullopt;
  constexpr double kLevel8 = 1.0 / 255;
  constexpr double kLevel16 = 1.0 / 65535;
  DetailProbe probe(recipe);
  NativeDetail detail;
  detail.pixels_8_bit = side_of_level(probe, kNearlyAll, kLevel8, kFirstGuess);
  const double known = std::min(detail.pixels_8_bit, kLargestSide);
  detail.pixels_16_bit = side_of_level(probe, kNearlyAll, kLevel16, known * kLevel8 / kLevel16);
  const double steepest = quantile(probe.steps(known), 1);
  detail.steepest_8_bit = side_of_level(probe, 1, kLevel8, known * steepest / kLevel8);
  return detail;
}

}  // namespace atelier
