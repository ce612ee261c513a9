#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/image/label.h"

namespace atelier::tools {

/// A picture of at most 256 colours: a number of its palette for every pixel, rows from the top.
struct IndexedPicture {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<Rgb> palette;  // empty: somebody else's
  std::vector<std::uint8_t> indices;
};

/// 8-bit RGB in at most 256 colours. The palette is the picture's own: its colours, in cells of 32 levels a
/// channel, are cut where they spread most, at the mean (after Heckbert, "Color image quantization for frame
/// buffer display", 1982), then settle in three rounds of Lloyd's iteration. A pixel is a mixture of the
/// nearest colour and a second one, of which an ordered pattern (Bayer, 1973; 8 x 8) picks one: it lies still
/// from frame to frame, where error diffusion would swarm. A picture of 256 colours or fewer is kept as it
/// is. Deterministic.
[[nodiscard]] IndexedPicture quantized(const std::byte* pixels, std::int64_t width, std::int64_t height);

/// 8-bit grey: 256 colours, each as it is; no palette (gray_palette()).
[[nodiscard]] IndexedPicture indexed_gray(const std::byte* pixels, std::int64_t width, std::int64_t height);
[[nodiscard]] std::vector<Rgb> gray_palette();

}  // namespace atelier::tools
