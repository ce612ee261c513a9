#include "models/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/resolve.h"

namespace atelier {
namespace {

double light_of(std::uint8_t channel) {
  const double v = channel / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

std::uint8_t value_of(double light) {
  const double l = std::clamp(light, 0.0, 1.0);
  const double v = l <= 0.0031308 ? 12.92 * l : 1.055 * std::pow(l, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255 * v));
}

std::array<double, 3> light_of(const OklabColor& color) {
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(color.lightness + 0.3963377774 * color.a + 0.2158037573 * color.b);
  const double m = cube(color.lightness - 0.1055613458 * color.a - 0.0638541728 * color.b);
  const double s = cube(color.lightness - 0.0894841775 * color.a - 1.2914855480 * color.b);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

double squared_distance(const OklabColor& one, const OklabColor& other) {
  const double lightness = one.lightness - other.lightness;
  const double a = one.a - other.a;
  const double b = one.b - other.b;
  return lightness * lightness + a * a + b * b;
}

constexpr std::size_t kMostPixels = 65536;  // that k-means looks at
constexpr int kMostRounds = 64;

std::vector<OklabColor> spread_pixels(std::span<const std::uint8_t> pixels) {
  const std::size_t count = pixels.size() / 3;
  const std::size_t taken = std::min(count, kMostPixels);
  std::vector<OklabColor> colors(taken);
  for (std::size_t i = 0; i < taken; ++i) {
    // In whole numbers: the same pixels on every machine.
    const std::size_t pixel = count / taken * i + count % taken * i / taken;
    colors[i] = oklab_of({pixels[3 * pixel], pixels[3 * pixel + 1], pixels[3 * pixel + 2]});
  }
  return colors;
}

std::size_t nearest(const std::vector<OklabColor>& centres, const OklabColor& color) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < centres.size(); ++i)
    if (squared_distance(centres[i], color) < squared_distance(centres[best], color)) best = i;
  return best;
}

/// Sum and number of what is nearest to a centre.
struct Cluster {
  OklabColor sum;
  double count = 0;
  void add(const OklabColor& color) {
    sum.lightness += color.lightness;
    sum.a += color.a;
    sum.b += color.b;
    count += 1;
  }
  [[nodiscard]] OklabColor mean() const { return {sum.lightness / count, sum.a / count, sum.b / count}; }
};

/// Gonzalez' farthest points; fewer than `count` when the picture has fewer colours.
std::vector<OklabColor> first_centres(const std::vector<OklabColor>& colors, std::size_t count) {
  Cluster all;
  for (const OklabColor& color : colors) all.add(color);
  std::vector<OklabColor> centres{colors[nearest(colors, all.mean())]};
  std::vector<double> distance(colors.size(), std::numeric_limits<double>::infinity());
  while (centres.size() < count) {
    for (std::size_t i = 0; i < colors.size(); ++i)
      distance[i] = std::min(distance[i], squared_distance(colors[i], centres.back()));
    const auto farthest = std::max_element(distance.begin(), distance.end());
    if (*farthest == 0) break;
    centres.push_back(colors[static_cast<std::size_t>(farthest - distance.begin())]);
  }
  return centres;
}

}  // namespace

OklabColor oklab_of(PaletteColor color) {
  const double red = light_of(color[0]);
  const double green = light_of(color[1]);
  const double blue = light_of(color[2]);
  const double l = std::cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const double m = std::cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const double s = std::cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

PaletteColor nearest_color(const OklabColor& color) {
  const std::array<double, 3> light = light_of(color);
  return {value_of(light[0]), value_of(light[1]), value_of(light[2])};
}

std::vector<float> palette_table(std::span<const PaletteColor> colors) {
  if (colors.size() < 2 || colors.size() > kPaletteMaxColors)
    throw InvalidArgument(
        fmt::format("palette: {} colours; 2 to {} are possible", colors.size(), kPaletteMaxColors));
  std::vector<OklabColor> stops(colors.size());
  std::transform(colors.begin(), colors.end(), stops.begin(), oklab_of);
  std::vector<float> table;
  for (int entry = 0; entry < kPaletteEntries; ++entry) {
    const double place =
        static_cast<double>(entry) / (kPaletteEntries - 1) * static_cast<double>(stops.size() - 1);
    const std::size_t low = std::min(static_cast<std::size_t>(place), stops.size() - 2);
    const double part = place - static_cast<double>(low);
    const auto between = [&](double OklabColor::*number) {
      return stops[low].*number + part * (stops[low + 1].*number - stops[low].*number);
    };
    const OklabColor color{between(&OklabColor::lightness), between(&OklabColor::a), between(&OklabColor::b)};
    for (const double light : light_of(color))
      table.push_back(static_cast<float>(std::clamp(light, 0.0, 1.0)));
    table.push_back(0);
  }
  return table;
}

std::vector<PaletteColor> dominant_colors(std::span<const std::uint8_t> pixels, int count) {
  if (count < 2 || static_cast<std::size_t>(count) > kPaletteMaxColors)
    throw InvalidArgument(fmt::format("palette: {} colours; 2 to {} are possible", count, kPaletteMaxColors));
  if (pixels.empty() || pixels.size() % 3 != 0)
    throw InvalidArgument(
        fmt::format("palette: a picture of {} bytes; pixels have three bytes each", pixels.size()));
  const std::vector<OklabColor> colors = spread_pixels(pixels);
  std::vector<OklabColor> centres = first_centres(colors, static_cast<std::size_t>(count));
  if (centres.size() < static_cast<std::size_t>(count))
    throw InvalidArgument(fmt::format("palette: the picture has {} different colour{}, {} are asked for",
                                      centres.size(), centres.size() == 1 ? "" : "s", count));
  std::vector<std::size_t> home(colors.size(), centres.size());
  for (int round = 0; round < kMostRounds; ++round) {
    std::vector<Cluster> clusters(centres.size());
    bool moved = false;
    for (std::size_t i = 0; i < colors.size(); ++i) {
      const std::size_t place = nearest(centres, colors[i]);
      moved |= place != home[i];
      home[i] = place;
      clusters[place].add(colors[i]);
    }
    if (!moved) break;
    for (std::size_t i = 0; i < centres.size(); ++i)
      if (clusters[i].count > 0) centres[i] = clusters[i].mean();
  }
  std::sort(centres.begin(), centres.end(),
            [](const OklabColor& one, const OklabColor& other) { return one.lightness < other.lightness; });
  std::vector<PaletteColor> palette(centres.size());
  std::transform(centres.begin(), centres.end(), palette.begin(), nearest_color);
  return palette;
}

}  // namespace atelier
