#include "models/picture_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/error.h"

namespace atelier {
namespace {

constexpr std::int64_t kGap = 1;
constexpr std::uint8_t kGapGray = 64;

}  // namespace

GrayPicture picture_grid(const DataSet& pictures, std::int64_t first, std::int64_t count,
                         std::int64_t columns, std::int64_t scale, std::string name) {
  if (first < 0 || count < 1 || first > pictures.count - count)
    throw InvalidArgument(fmt::format("grid: pictures {} to {} of {} that are there", first,
                                      first + count - 1, pictures.count));
  if (columns < 1 || scale < 1)
    throw InvalidArgument(fmt::format("grid: {} columns, scale {}; both must be >= 1", columns, scale));
  const std::int64_t rows = (count + columns - 1) / columns;
  const std::int64_t cell_width = pictures.width * scale + kGap;
  const std::int64_t cell_height = pictures.height * scale + kGap;
  GrayPicture grid{std::move(name), columns * cell_width - kGap, rows * cell_height - kGap, {}};
  grid.pixels.assign(static_cast<std::size_t>(grid.width * grid.height), kGapGray);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint8_t* const picture = pictures.pixels.data() + (first + i) * pictures.pixels_per_image();
    std::uint8_t* const corner =
        grid.pixels.data() + i / columns * cell_height * grid.width + i % columns * cell_width;
    for (std::int64_t y = 0; y < pictures.height * scale; ++y)
      for (std::int64_t x = 0; x < pictures.width; ++x)
        std::fill_n(corner + y * grid.width + x * scale, scale, picture[y / scale * pictures.width + x]);
  }
  return grid;
}

std::int64_t wide_grid_columns(std::int64_t count) {
  const auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(2.0 * static_cast<double>(count))));
  return std::clamp<std::int64_t>(columns, 1, std::max<std::int64_t>(count, 1));
}

}  // namespace atelier
