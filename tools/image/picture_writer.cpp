#include "tools/image/picture_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tools/image/npy_writer.h"
#include "tools/image/png_writer.h"
#include "tools/usage_error.h"

namespace atelier::tools {

PictureFile picture_file_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (extension == ".png") return PictureFile::png;
  if (extension == ".npy") return PictureFile::npy;
  throw UsageError(fmt::format(
      "{}: {} is no picture format known here; use .png (8 or 16 bits, recipe inside) or .npy (any depth)",
      path.string(), extension.empty() ? std::string("a name without extension") : "'" + extension + "'"));
}

void check_picture_format(PictureFile kind, const PictureFormat& format) {
  if (kind != PictureFile::png) return;
  if (format.sample == CppnSample::f32 || format.sample == CppnSample::f64)
    throw UsageError("PNG stores 8 or 16 bits a channel: choose --depth 8 or 16, or write a .npy file");
  constexpr std::int64_t kLimit = 2147483647;
  if (format.width > kLimit || format.height > kLimit)
    throw UsageError(fmt::format("{}x{} is too large: a PNG has at most {} pixels a side", format.width,
                                 format.height, kLimit));
}

std::unique_ptr<PictureWriter> make_picture_writer(PictureFile kind, AtomicFile& file,
                                                   const PictureFormat& format,
                                                   const std::vector<PictureText>& texts) {
  if (kind == PictureFile::png) return std::make_unique<PngWriter>(file, format, texts);
  return std::make_unique<NpyWriter>(file, format);
}

}  // namespace atelier::tools
