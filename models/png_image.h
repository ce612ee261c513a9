#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace atelier {

/// A grey picture, rows from the top.
struct PngImage {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;  // height * width
};

struct PngLimits {
  std::int64_t largest_side = 16384;
  std::int64_t largest_pixels = std::int64_t{1} << 26;
};

/// The pixels of a PNG of any colour type and bit depth as 8-bit grey, read with libpng:
///   grey = round(0.299 R + 0.587 G + 0.114 B)    (ITU-R BT.601 luma of the values as stored, no gamma)
/// 16-bit channels are rounded to 8 bits; 1, 2 and 4 bits spread over 0…255; what is transparent lies on
/// black, the background of digits; a picture that is drawn dark on a transparent ground (on black no
/// pixel of it would reach 64) is inverted first, so that the drawing shows. Sizes are judged from the header
/// before anything is allocated, and memory is bounded by the limits; unknown chunks are skipped. `source`
/// names the file in messages. Throws InvalidArgument with one line: not a PNG, damaged or cut off, larger
/// than the limits.
[[nodiscard]] PngImage parse_png_image(std::span<const std::byte> bytes, const std::string& source,
                                       const PngLimits& limits = {});
/// The same for a file; also Error when it cannot be read.
[[nodiscard]] PngImage read_png_image(const std::filesystem::path& path, const PngLimits& limits = {});

/// The colours of a PNG's pixels, row by row: red, green and blue in 8 bits, as stored; pixels that are less
/// than half opaque are left out. Limits and errors as above.
[[nodiscard]] std::vector<std::uint8_t> read_png_colors(const std::filesystem::path& path,
                                                        const PngLimits& limits = {});

}  // namespace atelier
