#pragma once

#include <cstdint>
#include <vector>

#include "models/png_image.h"

namespace atelier::tools {

/// A picture made ready for a network that has learnt from MNIST's kind: light strokes on black.
struct PreparedDigit {
  std::vector<std::uint8_t> pixels;  // height * width of the network's input
  bool inverted = false;             // it was dark on light
  bool fitted = false;               // it had another size
  bool blank = false;                // all pixels are alike: nothing is drawn
};

/// A picture whose rim is lighter than mid-grey is inverted. One of another size than width x height is
/// brought to it as MNIST's were made: what is drawn is scaled, its shape kept, to fit into 5/7 of the sides,
/// and laid down with its centre of mass in the middle. Pixels are averages of the area they cover.
[[nodiscard]] PreparedDigit prepare_digit(const PngImage& picture, std::int64_t width, std::int64_t height);

}  // namespace atelier::tools
