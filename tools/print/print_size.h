#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/recipe.h"

namespace atelier::tools {

/// A sheet that has a name; upright.
struct Paper {
  std::string_view name;  // lower case
  double width = 0;       // millimetres
  double height = 0;
};
/// ISO 216 (A and B), ANSI/ASME Y14.1 (letter to E, arch).
[[nodiscard]] std::span<const Paper> papers();

enum class Orientation : std::uint8_t { as_named, portrait, landscape };

/// What was asked for.
struct PrintOptions {
  std::string paper;  // "A0", "letter", "60x90cm", "24x36in", "210x297mm"
  std::string bleed;  // "3mm", "0.125in"; empty: none
  double dots_per_inch = 300;
  Orientation orientation = Orientation::as_named;  // named paper stands upright, WxH is as it was typed
};

inline constexpr double kMaxDotsPerInch = 100'000;

/// A picture for a sheet of paper. `bleed` is what is added on each side and cut off after printing.
struct PrintSize {
  std::int64_t trimmed_width = 0;  // pixels
  std::int64_t trimmed_height = 0;
  std::int64_t bleed = 0;  // pixels
  double pixels_per_inch = 0;

  [[nodiscard]] std::int64_t width() const { return trimmed_width + 2 * bleed; }
  [[nodiscard]] std::int64_t height() const { return trimmed_height + 2 * bleed; }
  /// How many times as much of the plane the shorter side shows as it does without bleed.
  [[nodiscard]] double span_factor() const;
  friend bool operator==(const PrintSize&, const PrintSize&) = default;
};

/// Sides are length * dots_per_inch rounded to the nearest pixel (halves upwards): the sheet is met within
/// half a dot. The bleed is rounded upwards to whole pixels, so that the picture inside it lies on the same
/// pixels as without. Throws UsageError with one line: a name or unit that is unknown, lengths or resolutions
/// out of range, a side below one pixel or above kPictureMaxSide, a bleed wider than the paper.
[[nodiscard]] PrintSize print_size(const PrintOptions& options);

/// The recipe at that size, its span grown by the bleed: what is left after trimming is the picture without
/// bleed, pixel for pixel (to the last bit of the coordinates). Throws UsageError when there is a bleed and
/// the recipe's coordinates are not centered: those have no span that could grow.
[[nodiscard]] CppnRecipe recipe_for_print(CppnRecipe recipe, const PrintSize& size);

/// "A0 portrait, 841x1189 mm + 3 mm bleed, 300 dpi: 10005x14115 pixels", for a report.
[[nodiscard]] std::string print_size_text(const PrintOptions& options, const PrintSize& size);

}  // namespace atelier::tools
