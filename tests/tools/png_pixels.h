#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::testing {

/// Pixels as libpng's own reader gives them: native byte order, dense rows.
struct Pixels {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int channels = 0;
  int bit_depth = 0;
  std::vector<std::uint8_t> bytes;
  [[nodiscard]] const std::uint8_t* at(std::int64_t column, std::int64_t row) const {
    return bytes.data() + (row * width + column) * channels * (bit_depth / 8);
  }
};

/// Reads a whole PNG with libpng; throws std::runtime_error when libpng objects to it in any way.
[[nodiscard]] Pixels read_pixels(const std::string& path);

}  // namespace atelier::testing
