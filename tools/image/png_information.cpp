#include "tools/image/png_information.h"

#include <fmt/format.h>

#include <cmath>
#include <csetjmp>
#include <memory>

#include "runtime/error.h"

namespace atelier::tools {
namespace {

constexpr double kInchesPerMeter = 1 / 0.0254;
char software_keyword[] = "Software";  // libpng's structs are not const; it only reads
char software[] = "Atelier " ATELIER_VERSION;
char empty[] = "";

void on_error(png_structp png, png_const_charp message) {
  *static_cast<std::string*>(png_get_error_ptr(png)) = message;
  png_longjmp(png, 1);
}
void on_warning(png_structp, png_const_charp) {}
void on_write(png_structp png, png_bytep data, std::size_t bytes) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), bytes);
}
void on_flush(png_structp) {}

struct Structs {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Structs() { png_destroy_write_struct(&png, &info); }
};

}  // namespace

PngInformation::PngInformation(const PictureFormat& format, const std::vector<PictureText>& texts)
    : format_(format), chunks_(texts.size() + 1) {
  chunks_[0].compression = PNG_TEXT_COMPRESSION_NONE;
  chunks_[0].key = software_keyword;
  chunks_[0].text = software;
  chunks_[0].text_length = sizeof(software) - 1;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    png_text& chunk = chunks_[i + 1];
    chunk.compression = PNG_ITXT_COMPRESSION_zTXt;
    chunk.key = const_cast<char*>(texts[i].keyword.c_str());
    chunk.text = const_cast<char*>(texts[i].text.c_str());
    chunk.itxt_length = texts[i].text.size();
    chunk.lang = empty;
    chunk.lang_key = empty;
  }
}

void PngInformation::set(png_structp png, png_infop info) {
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_text_compression_level(png, 9);
  png_set_IHDR(png, info, static_cast<png_uint_32>(format_.width), static_cast<png_uint_32>(format_.height),
               format_.sample == CppnSample::u16 ? 16 : 8,
               format_.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (format_.pixels_per_inch > 0) {
    const auto per_meter = static_cast<png_uint_32>(std::lround(format_.pixels_per_inch * kInchesPerMeter));
    png_set_pHYs(png, info, per_meter, per_meter, PNG_RESOLUTION_METER);
  }
  png_set_text(png, info, chunks_.data(), static_cast<int>(chunks_.size()));
}

std::string png_start(const PictureFormat& format, const std::vector<PictureText>& texts) {
  std::string failure;
  std::string bytes;
  PngInformation information(format, texts);
  Structs structs;
  structs.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
  if (structs.png != nullptr) structs.info = png_create_info_struct(structs.png);
  if (structs.info == nullptr) throw Error("png: libpng " PNG_LIBPNG_VER_STRING " cannot start");
  if (setjmp(png_jmpbuf(structs.png)) != 0) throw Error(fmt::format("png: {}", failure));
  png_set_write_fn(structs.png, &bytes, on_write, on_flush);
  information.set(structs.png, structs.info);
  png_write_info(structs.png, structs.info);
  return bytes;
}

}  // namespace atelier::tools
