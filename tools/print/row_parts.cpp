#include "tools/print/row_parts.h"

#include <algorithm>

namespace atelier::tools {
namespace {

constexpr std::int64_t kPartBytes = std::int64_t{2} << 20;

}  // namespace

RowParts::RowParts(const PictureFormat& format, std::int64_t longest_row)
    : width_(format.width),
      height_(format.height),
      pixel_bytes_(format.row_bytes() / format.width),
      columns_(format.width) {
  if (format.row_bytes() <= longest_row) {
    // A picture of few bands is still packed by several threads.
    const std::int64_t fair = std::max<std::int64_t>(1, (height_ + 7) / 8);
    rows_ = std::clamp<std::int64_t>(kPartBytes / format.row_bytes(), 1, fair);
    return;
  }
  columns_ = kPartBytes / pixel_bytes_;
  across_ = (width_ + columns_ - 1) / columns_;
}

PixelRegion RowParts::part(std::int64_t index) const {
  const std::int64_t row = index / across_ * rows_;
  const std::int64_t column = index % across_ * columns_;
  return {column, row, std::min(columns_, width_ - column), std::min(rows_, height_ - row)};
}

}  // namespace atelier::tools
