#include "tools/print/pyramid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/error.h"
#include "tools/print/tile_order.h"

namespace atelier::tools {

PyramidShape::PyramidShape(const PictureFormat& picture, int level_count)
    : format(picture), levels(level_count) {
  constexpr std::int64_t kLongest = INT32_MAX;
  if (format.width < 1 || format.height < 1 || format.width > kLongest || format.height > kLongest)
    throw InvalidArgument(fmt::format("a picture of {}x{} pixels: sides from 1 to {} are possible",
                                      format.width, format.height, kLongest));
  if (format.channels != 1 && format.channels != 3)
    throw InvalidArgument(
        fmt::format("a picture of {} channels: 1 (grey) and 3 (RGB) are possible", format.channels));
}

int PyramidShape::levels_down_to(const PictureFormat& format, std::int64_t longest) {
  int levels = 1;
  while (reduced(std::max(format.width, format.height), levels - 1) > longest) ++levels;
  return levels;
}

PyramidTile PyramidShape::tile(int level, std::int64_t column, std::int64_t row) const {
  return {level, column, row, std::min(kTileSide, width(level) - column * kTileSide),
          std::min(kTileSide, height(level) - row * kTileSide)};
}

ReducedLevels::ReducedLevels(const PyramidShape& shape, int first, int last) : shape_(shape), first_(first) {
  if (last < first) return;
  levels_.resize(static_cast<std::size_t>(last - first) + 1);
  for (Level& level : levels_) {
    level.linear.resize(static_cast<std::size_t>(shape.linear_row_bytes() * PyramidShape::kTileSide));
    level.half.resize(static_cast<std::size_t>(half_bytes(shape)));
  }
  samples_.resize(static_cast<std::size_t>(shape.tile_bytes()));
}

void ReducedLevels::add(const PyramidTile& tile, const std::byte* half, Sink& sink) {
  if (tile.level + 1 >= shape_.levels) return;
  const auto index = static_cast<std::size_t>(tile.level + 1 - first_);
  if (index >= levels_.size()) {
    sink.rest(tile, half);
    return;
  }
  Level& level = levels_[index];
  level.begun = true;
  const std::int64_t row_bytes = shape_.linear_row_bytes();
  const std::int64_t quarter_bytes =
      (tile.width + 1) / 2 * shape_.format.channels * linear_bytes(shape_.format.sample);
  std::byte* target = level.linear.data() + tile.row % 2 * (PyramidShape::kTileSide / 2) * row_bytes +
                      tile.column % 2 * (row_bytes / 2);
  for (std::int64_t r = 0; r < (tile.height + 1) / 2; ++r, target += row_bytes)
    std::memcpy(target, half + r * half_row_bytes(shape_), static_cast<std::size_t>(quarter_bytes));

  if (!last_of_four({tile.column, tile.row}, shape_.columns(tile.level), shape_.rows(tile.level))) return;
  const PyramidTile parent = shape_.tile(tile.level + 1, tile.column / 2, tile.row / 2);
  const Raster raster = shape_.raster(parent);
  samples_of_linear(raster, level.linear.data(), row_bytes, samples_.data());
  sink.tile(parent, samples_.data());
  level.begun = false;
  if (parent.level + 1 >= shape_.levels) return;
  halve_linear(raster, level.linear.data(), row_bytes, level.half.data(), half_row_bytes(shape_));
  add(parent, level.half.data(), sink);
}

std::int64_t ReducedLevels::bytes(const PyramidShape& shape, int levels) {
  if (levels < 1) return 0;
  return levels * (shape.linear_row_bytes() * PyramidShape::kTileSide + half_bytes(shape)) +
         shape.tile_bytes();
}

std::string ReducedLevels::state() const {
  std::string state;
  for (const Level& level : levels_) {
    state += level.begun ? '1' : '0';
    if (level.begun) state.append(reinterpret_cast<const char*>(level.linear.data()), level.linear.size());
  }
  return state;
}

bool ReducedLevels::restore(std::string_view state) {
  for (Level& level : levels_) {
    if (state.empty()) return false;
    level.begun = state.front() == '1';
    state.remove_prefix(1);
    if (!level.begun) continue;
    if (state.size() < level.linear.size()) return false;
    std::memcpy(level.linear.data(), state.data(), level.linear.size());
    state.remove_prefix(level.linear.size());
  }
  return state.empty();
}

}  // namespace atelier::tools
