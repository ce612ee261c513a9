#pragma once

// Points to pixels in double, after the definitions: IEC 61966-2-1, Ottosson's OKLab, Smith's hexcone.
// Nothing is shared with any device's code.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/resolve.h"

namespace atelier::testing {

using Triple = std::array<double, 3>;

inline double limited(double v) {
  return v > 0 ? std::min(v, 1.0) : 0;
}
inline double light_of(double v) {
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}
inline double value_of(double light) {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

inline Triple rgb_of_hsv(const Triple& color) {
  const double hue = limited(color[0]) * 6;
  const double s = limited(color[1]);
  const double v = limited(color[2]);
  const int sector = static_cast<int>(hue) % 6;
  const double part = hue - std::floor(hue);
  const std::array<double, 4> level{v, v * (1 - s), v * (1 - s * part), v * (1 - s * (1 - part))};
  constexpr int kLevels[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
  return {level[static_cast<std::size_t>(kLevels[sector][0])],
          level[static_cast<std::size_t>(kLevels[sector][1])],
          level[static_cast<std::size_t>(kLevels[sector][2])]};
}

inline Triple light_of_oklab(double lightness, double a, double b) {
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}
inline bool in_gamut(const Triple& light, double tolerance) {
  return std::all_of(light.begin(), light.end(),
                     [=](double l) { return l >= -tolerance && l <= 1 + tolerance; });
}
/// Chroma cut where the colour leaves sRGB, to far more digits than the kernels have.
inline Triple light_of_oklch(const Triple& color) {
  const double lightness = limited(color[0]);
  const double chroma = 0.4 * limited(color[1]);
  const double angle = 2 * 3.141592653589793 * color[2];
  const auto at = [&](double part) {
    return light_of_oklab(lightness, part * chroma * std::cos(angle), part * chroma * std::sin(angle));
  };
  double low = 0;
  double high = 1;
  if (in_gamut(at(1), 1e-9)) low = 1;
  for (int step = 0; low < 1 && step < 50; ++step) {
    const double middle = (low + high) / 2;
    (in_gamut(at(middle), 1e-9) ? low : high) = middle;
  }
  Triple light = at(low);
  for (double& l : light) l = limited(l);
  return light;
}

/// A palette whose entries are no straight line.
inline std::vector<float> palette_numbers() {
  std::vector<float> palette;
  for (int i = 0; i < kPaletteEntries; ++i) {
    const double t = i / (kPaletteEntries - 1.0);
    for (const double v : {t * t, 0.5 + 0.5 * std::sin(9 * t), 1 - t, 7.0})
      palette.push_back(static_cast<float>(v));
  }
  return palette;
}
inline Triple light_of_palette(const std::vector<float>& palette, double value) {
  const double place = limited(value) * (kPaletteEntries - 1);
  const auto low = static_cast<std::size_t>(std::min(place, kPaletteEntries - 2.0));
  const double part = place - static_cast<double>(low);
  Triple light{};
  for (std::size_t c = 0; c < 3; ++c)
    light[c] = (1 - part) * static_cast<double>(palette[4 * low + c]) +
               part * static_cast<double>(palette[4 * low + 4 + c]);
  return light;
}

inline Triple light_of_point(const PixelResolve& how, const std::vector<float>& palette,
                             const float* values) {
  Triple color{};
  for (int c = 0; c < 3; ++c)
    color[static_cast<std::size_t>(c)] = static_cast<double>(values[how.channels == 3 ? c : 0]);
  if (how.color == CppnColor::palette) return light_of_palette(palette, color[0]);
  if (how.color == CppnColor::oklch) return light_of_oklch(color);
  if (how.color == CppnColor::hsv && how.channels == 3) color = rgb_of_hsv(color);
  for (double& v : color) v = light_of(limited(v));
  return color;
}

/// The pixels' values in 0..1 before they are stored.
inline std::vector<double> resolve_reference(const PixelResolve& how, const std::vector<float>& palette,
                                             const std::vector<float>& colors, std::int64_t width,
                                             std::int64_t height) {
  std::vector<double> result;
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      Triple sum{};
      for (int down = 0; down < how.samples; ++down)
        for (int across = 0; across < how.samples; ++across) {
          const std::int64_t point =
              (row * how.samples + down) * width * how.samples + column * how.samples + across;
          const Triple light =
              light_of_point(how, palette, &colors[static_cast<std::size_t>(point * how.channels)]);
          for (std::size_t c = 0; c < 3; ++c) sum[c] += light[c] / (how.samples * how.samples);
        }
      for (int c = 0; c < how.output_channels(); ++c)
        result.push_back(value_of(sum[static_cast<std::size_t>(c)]));
    }
  return result;
}

/// From a little below 0 to a little above 1, ends included now and then.
inline std::vector<float> random_colors(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> colors;
  for (std::int64_t i = 0; i < count; ++i) {
    const unsigned kind = random() % 16;
    const double v = static_cast<double>(random()) / 4294967296.0;
    colors.push_back(kind == 0 ? 0.0F : kind == 1 ? 1.0F : static_cast<float>(-0.05 + 1.1 * v));
  }
  return colors;
}

}  // namespace atelier::testing
