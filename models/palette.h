#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/recipe.h"

namespace atelier {

/// A colour in OKLab (Ottosson, "A perceptual color space for image processing", 2020): lightness 0..1, green
/// to red, blue to yellow. Equal distances look about equal.
struct OklabColor {
  double lightness = 0;
  double a = 0;
  double b = 0;
};
[[nodiscard]] OklabColor oklab_of(PaletteColor color);
/// The nearest colour of 8 bits a channel; what sRGB cannot show is limited channel by channel.
[[nodiscard]] PaletteColor nearest_color(const OklabColor& color);

/// "#5bc0be", "#5be", "teal": a colour in hexadecimal or a name of CSS (Color Module Level 4), either case;
/// nothing for anything else.
[[nodiscard]] std::optional<PaletteColor> color_from_text(std::string_view text);
/// "#5bc0be"
[[nodiscard]] std::string color_text(PaletteColor color);
/// The names that color_from_text knows.
[[nodiscard]] std::vector<std::string> color_names();

/// The gradient through `colors`, evenly spaced from 0 to 1, as resolve_pixels wants it: interpolated in
/// OKLab, kPaletteEntries entries of red, green, blue light (limited to 0..1) and a zero. Throws
/// InvalidArgument for fewer than 2 colours or more than kPaletteMaxColors.
[[nodiscard]] std::vector<float> palette_table(std::span<const PaletteColor> colors);

/// The `count` colours that stand for a picture's, ordered from dark to light: k-means in OKLab on at most
/// 65,536 pixels, evenly spread over the picture; the first centre is the pixels' mean's nearest, each
/// further one the pixel farthest from those before (Gonzalez, 1985), then up to 64 rounds of Lloyd's
/// iteration. Deterministic. `pixels`: red, green, blue, one after another. Throws InvalidArgument for a
/// count outside 2..kPaletteMaxColors, no pixels, a size that is not a multiple of three, or fewer different
/// colours than asked for.
[[nodiscard]] std::vector<PaletteColor> dominant_colors(std::span<const std::uint8_t> pixels, int count);

}  // namespace atelier
