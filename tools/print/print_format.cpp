#include "tools/print/print_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "tools/usage_error.h"

namespace atelier::tools {

std::string_view name_of(PrintFormat format) {
  switch (format) {
    case PrintFormat::png:
      return "PNG";
    case PrintFormat::tiff:
      return "TIFF";
    case PrintFormat::deep_zoom:
      return "deep zoom";
    case PrintFormat::npy:
      return "NPY";
    case PrintFormat::raw:
      return "raw";
  }
  throw InvalidArgument("no such picture file");
}

PrintFormat print_format_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (extension == ".png") return PrintFormat::png;
  if (extension == ".tif" || extension == ".tiff") return PrintFormat::tiff;
  if (extension == ".dzi") return PrintFormat::deep_zoom;
  if (extension == ".npy") return PrintFormat::npy;
  if (extension == ".raw") return PrintFormat::raw;
  throw UsageError(fmt::format(
      "{}: {} is no picture format known here; use .png, .tif (8 or 16 bits; .tif also float), .dzi (deep "
      "zoom "
      "with a viewer), .npy or .raw (any depth)",
      path.string(), extension.empty() ? std::string("a name without extension") : "'" + extension + "'"));
}

void check_print_format(PrintFormat kind, const PictureFormat& format) {
  if (kind != PrintFormat::png && kind != PrintFormat::deep_zoom) return;
  if (format.sample == CppnSample::f32 || format.sample == CppnSample::f64)
    throw UsageError(
        fmt::format("{} stores 8 or 16 bits a channel: choose --depth 8 or 16, or write a .tif or .npy file",
                    name_of(kind)));
}

}  // namespace atelier::tools
