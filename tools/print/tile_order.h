#pragma once

#include <cstdint>

namespace atelier::tools {

/// The cells of a grid in Z order: those of the upper left quarter first (of a square with a power of two of
/// cells a side), then the upper right, lower left and lower right, each quarter in the same order. Cells
/// outside the grid are left out.
class TileOrder {
 public:
  struct Cell {
    std::int64_t column = 0;
    std::int64_t row = 0;
    friend bool operator==(const Cell&, const Cell&) = default;
  };

  /// Both at most 2^31.
  TileOrder(std::int64_t columns, std::int64_t rows) : columns_(columns), rows_(rows) {}

  [[nodiscard]] std::int64_t count() const { return columns_ * rows_; }
  /// 0 <= index < count(); in steps of the grid's number of binary digits.
  [[nodiscard]] Cell cell(std::int64_t index) const;

 private:
  std::int64_t columns_;
  std::int64_t rows_;
};

/// True when no cell after this one, of the up to four that become one cell of the grid of half the size,
/// lies in the grid of `columns` x `rows`.
[[nodiscard]] bool last_of_four(TileOrder::Cell cell, std::int64_t columns, std::int64_t rows);

}  // namespace atelier::tools
