#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// The kinds of file that pictures of any size are painted into, by extension: .png; .tif, .tiff; .dzi; .npy;
/// .raw.
enum class PrintFormat : std::uint8_t { png, tiff, deep_zoom, npy, raw };
[[nodiscard]] std::string_view name_of(PrintFormat format);

/// Throws UsageError for another extension and lists those there are.
[[nodiscard]] PrintFormat print_format_of(const std::filesystem::path& path);

/// Throws UsageError when the kind of file cannot hold the picture: PNG and deep zoom have 8 and 16 bits.
void check_print_format(PrintFormat kind, const PictureFormat& format);

}  // namespace atelier::tools
