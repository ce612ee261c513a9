#include "tools/digit_picture.h"

#include <algorithm>
#include <cmath>

namespace atelier::tools {
namespace {

/// Fainter than this share of the strongest stroke is background: paper, scanner noise.
constexpr double kFaint = 0.2;

struct Box {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t right = 0;   // behind the last column
  std::int64_t bottom = 0;  // behind the last row
};

double mean_of_rim(const PngImage& picture) {
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < picture.height; ++row)
    for (std::int64_t column = 0; column < picture.width; ++column) {
      const bool inside = row > 0 && column > 0 && row + 1 < picture.height && column + 1 < picture.width;
      if (inside) continue;
      sum += picture.pixels[static_cast<std::size_t>(row * picture.width + column)];
      ++count;
    }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

/// The smallest box around everything that is not faint; empty when all is black.
Box drawn_box(const PngImage& picture) {
  const std::uint8_t strongest = picture.pixels.empty()
                                     ? std::uint8_t{0}
                                     : *std::max_element(picture.pixels.begin(), picture.pixels.end());
  Box box{picture.width, picture.height, 0, 0};
  for (std::int64_t row = 0; row < picture.height; ++row)
    for (std::int64_t column = 0; column < picture.width; ++column) {
      const double value = picture.pixels[static_cast<std::size_t>(row * picture.width + column)];
      if (strongest == 0 || value < kFaint * strongest) continue;
      box = {std::min(box.left, column), std::min(box.top, row), std::max(box.right, column + 1),
             std::max(box.bottom, row + 1)};
    }
  return box;
}

/// The mean over the rectangle [x0, x1) x [y0, y1) of the picture's plane; outside is black.
double area_mean(const PngImage& picture, double x0, double y0, double x1, double y1) {
  const auto first = [](double value) {
    return std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(value)));
  };
  double sum = 0;
  for (std::int64_t row = first(y0); row < picture.height && static_cast<double>(row) < y1; ++row) {
    const double tall = std::min(y1, static_cast<double>(row + 1)) - std::max(y0, static_cast<double>(row));
    for (std::int64_t column = first(x0); column < picture.width && static_cast<double>(column) < x1;
         ++column) {
      const double wide =
          std::min(x1, static_cast<double>(column + 1)) - std::max(x0, static_cast<double>(column));
      sum += tall * wide * picture.pixels[static_cast<std::size_t>(row * picture.width + column)];
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

/// The picture scaled by 1 / step, with its point (x, y) in the middle.
std::vector<std::uint8_t> laid_down(const PngImage& picture, double x, double y, double step,
                                    std::int64_t width, std::int64_t height) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(width * height));
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      const double left = x + (static_cast<double>(column) - static_cast<double>(width) / 2) * step;
      const double top = y + (static_cast<double>(row) - static_cast<double>(height) / 2) * step;
      const double mean = area_mean(picture, left, top, left + step, top + step);
      pixels.push_back(static_cast<std::uint8_t>(std::lround(std::clamp(mean, 0.0, 255.0))));
    }
  return pixels;
}

}  // namespace

PreparedDigit prepare_digit(const PngImage& source, std::int64_t width, std::int64_t height) {
  PngImage picture = source;
  PreparedDigit result;
  result.blank = std::all_of(picture.pixels.begin(), picture.pixels.end(),
                             [&](std::uint8_t value) { return value == picture.pixels.front(); });
  result.inverted = mean_of_rim(picture) > 127.5;
  if (result.inverted)
    for (std::uint8_t& value : picture.pixels) value = static_cast<std::uint8_t>(255 - value);
  result.fitted = picture.width != width || picture.height != height;
  if (!result.fitted) {
    result.pixels = std::move(picture.pixels);
    return result;
  }
  const Box box = drawn_box(picture);
  if (box.right <= box.left) {
    result.pixels.assign(static_cast<std::size_t>(width * height), 0);
    return result;
  }
  double mass = 0;
  double x = 0;
  double y = 0;
  for (std::int64_t row = box.top; row < box.bottom; ++row)
    for (std::int64_t column = box.left; column < box.right; ++column) {
      const double value = picture.pixels[static_cast<std::size_t>(row * picture.width + column)];
      mass += value;
      x += value * (static_cast<double>(column) + 0.5);
      y += value * (static_cast<double>(row) + 0.5);
    }
  const double step =
      std::max(static_cast<double>(box.right - box.left) / (static_cast<double>(width) * 5 / 7),
               static_cast<double>(box.bottom - box.top) / (static_cast<double>(height) * 5 / 7));
  result.pixels = laid_down(picture, x / mass, y / mass, step, width, height);
  return result;
}

}  // namespace atelier::tools
