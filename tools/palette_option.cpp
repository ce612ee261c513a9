#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/palette.h"
#include "models/png_image.h"
#include "tools/option_text.h"
#include "tools/picture_options.h"
#include "tools/suggestion.h"
#include "tools/usage_error.h"

namespace atelier::tools {
namespace {

constexpr int kColorsOfAPicture = 5;

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::vector<PaletteColor> colors_of_picture(const std::string& path, int count) {
  try {
    return dominant_colors(read_png_colors(path), count);
  } catch (const InvalidArgument& error) {
    throw UsageError(fmt::format("--palette '{}': {}", path, error.what()));
  }
}

}  // namespace

std::vector<PaletteColor> parse_palette(const std::string& text) {
  if (is_file(text)) return colors_of_picture(text, kColorsOfAPicture);
  const std::size_t colon = text.rfind(':');
  if (colon != std::string::npos && is_file(text.substr(0, colon)))
    return colors_of_picture(text.substr(0, colon), static_cast<int>(parse_integer(
                                                        "--palette", std::string_view(text).substr(colon + 1),
                                                        2, static_cast<std::int64_t>(kPaletteMaxColors))));
  std::vector<PaletteColor> colors;
  for (const std::string& part : split_list("--palette", text)) {
    const std::optional<PaletteColor> color = color_from_text(part);
    if (!color)
      throw UsageError(fmt::format("--palette '{}': no colour (#rrggbb or a name of CSS) and no picture{}",
                                   part, did_you_mean(part, color_names())));
    colors.push_back(*color);
  }
  if (colors.size() < 2 || colors.size() > kPaletteMaxColors)
    throw UsageError(fmt::format("--palette '{}': {} colour{}; a palette has 2 to {}", text, colors.size(),
                                 colors.size() == 1 ? "" : "s", kPaletteMaxColors));
  return colors;
}

}  // namespace atelier::tools
