#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/print/halving.h"

namespace atelier::tools {

/// A whole PNG of a small picture of 8 or 16 bits, grey or RGB: every row as differences to the left.
/// `samples`: dense rows in native byte order.
[[nodiscard]] std::vector<unsigned char> png_tile(const Raster& picture, const std::byte* samples);
/// Bytes of the longest such PNG.
[[nodiscard]] std::int64_t png_tile_bound(std::int64_t width, std::int64_t height, std::int64_t pixel_bytes);

}  // namespace atelier::tools
