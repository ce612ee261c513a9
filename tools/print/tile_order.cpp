#include "tools/print/tile_order.h"

#include <algorithm>
#include <bit>

namespace atelier::tools {

TileOrder::Cell TileOrder::cell(std::int64_t index) const {
  Cell place;
  const auto longest = static_cast<std::uint64_t>(std::max(columns_, rows_));
  for (auto half = static_cast<std::int64_t>(std::bit_ceil(longest)) / 2; half > 0; half /= 2) {
    for (std::int64_t quarter = 0;; ++quarter) {
      const std::int64_t column = place.column + quarter % 2 * half;
      const std::int64_t row = place.row + quarter / 2 * half;
      const std::int64_t cells = std::clamp<std::int64_t>(columns_ - column, 0, half) *
                                 std::clamp<std::int64_t>(rows_ - row, 0, half);
      if (index < cells || quarter == 3) {
        place = {column, row};
        break;
      }
      index -= cells;
    }
  }
  return place;
}

bool last_of_four(TileOrder::Cell cell, std::int64_t columns, std::int64_t rows) {
  const bool right = cell.column % 2 != 0 || cell.column + 1 >= columns;
  const bool lower = cell.row % 2 != 0 || cell.row + 1 >= rows;
  return right && lower;
}

}  // namespace atelier::tools
