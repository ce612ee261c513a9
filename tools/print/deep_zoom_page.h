#pragma once

#include <cstdint>
#include <string>

namespace atelier::tools {

/// What the viewer of a deep zoom picture is told.
struct DeepZoomPage {
  std::string name;  // of NAME.dzi; the tiles are in NAME_files beside the page
  std::int64_t width = 0;
  std::int64_t height = 0;
  int levels = 1;  // the last one, levels - 1, has full size
  std::int64_t tile_side = 0;
  double pixels_per_inch = 0;  // 0: not known
  std::string recipe;          // JSON
};

/// A web page, whole in itself, that shows the picture: drag, wheel, pinch and keys; it loads nothing but the
/// tiles, so that it works from the local disk.
[[nodiscard]] std::string deep_zoom_page(const DeepZoomPage& page);

}  // namespace atelier::tools
