#pragma once

#include <cstdint>
#include <span>

namespace atelier::detail {

/// A point that a pen passes, in a box of 1 x 1, y downwards. Strokes are Catmull-Rom splines through their
/// points; a point that stands twice is a corner.
struct PenPoint {
  float x = 0;
  float y = 0;
};

/// One way to write a digit.
struct WritingStyle {
  std::span<const std::span<const PenPoint>> strokes;
  float width = 1;   // of the letter's box, its height being 1
  float weight = 1;  // how often it is seen, against the digit's other styles
};

/// The styles of a digit 0…9: with and without serif, bar, loop; open and closed.
[[nodiscard]] std::span<const WritingStyle> writing_styles(int digit);

}  // namespace atelier::detail
