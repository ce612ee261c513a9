#include "tests/tools/png_pixels.h"

#include <png.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace atelier::testing {
namespace {

// libpng is told to throw: its frames have unwind tables on every platform that these tests run on.
[[noreturn]] void object(png_structp, png_const_charp message) {
  throw std::runtime_error(message);
}

}  // namespace

Pixels read_pixels(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw std::runtime_error("cannot open " + path);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, object, object);
  png_infop info = png_create_info_struct(png);
  const auto destroy = [&info](png_structp* pointer) { png_destroy_read_struct(pointer, &info, nullptr); };
  const std::unique_ptr<png_structp, decltype(destroy)> owner(&png, destroy);
  png_init_io(png, file.get());
  png_read_info(png, info);
  Pixels pixels;
  pixels.width = png_get_image_width(png, info);
  pixels.height = png_get_image_height(png, info);
  pixels.channels = png_get_channels(png, info);
  pixels.bit_depth = png_get_bit_depth(png, info);
  if (pixels.bit_depth == 16) png_set_swap(png);
  png_read_update_info(png, info);
  const std::size_t row_bytes = png_get_rowbytes(png, info);
  pixels.bytes.resize(row_bytes * static_cast<std::size_t>(pixels.height));
  for (std::size_t row = 0; row < static_cast<std::size_t>(pixels.height); ++row)
    png_read_row(png, pixels.bytes.data() + row * row_bytes, nullptr);
  png_read_end(png, nullptr);
  return pixels;
}

}  // namespace atelier::testing
