#pragma once

#include <png.h>

#include <string>
#include <vector>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// What stands in a PNG before its pixels: the header, the texts (each a compressed iTXt chunk; a tEXt chunk
/// names the software) and, where the format has a resolution, the size on paper (pHYs).
class PngInformation {
 public:
  /// The texts are read in set(): they must outlive it.
  PngInformation(const PictureFormat& format, const std::vector<PictureText>& texts);
  /// Hands everything to libpng, which may jump out of this call.
  void set(png_structp png, png_infop info);

 private:
  PictureFormat format_;
  std::vector<png_text> chunks_;
};

/// The first bytes of a PNG, up to where its pixels begin. Throws Error.
[[nodiscard]] std::string png_start(const PictureFormat& format, const std::vector<PictureText>& texts);

}  // namespace atelier::tools
