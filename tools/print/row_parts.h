#pragma once

#include <cstdint>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// A picture cut into what a file of rows takes one after the other: bands of whole rows of some 2 MiB; where
/// a row is larger than `longest_row` bytes, pieces of rows of some 2 MiB. Depends on the format alone.
class RowParts {
 public:
  RowParts(const PictureFormat& format, std::int64_t longest_row);

  [[nodiscard]] std::int64_t count() const { return ((height_ + rows_ - 1) / rows_) * across_; }
  [[nodiscard]] PixelRegion part(std::int64_t index) const;
  [[nodiscard]] std::int64_t largest_bytes() const { return rows_ * columns_ * pixel_bytes_; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }  // of a band
  [[nodiscard]] bool whole_rows() const { return across_ == 1; }

 private:
  std::int64_t width_;
  std::int64_t height_;
  std::int64_t pixel_bytes_;
  std::int64_t rows_ = 1;
  std::int64_t columns_;
  std::int64_t across_ = 1;  // pieces of a row
};

}  // namespace atelier::tools
