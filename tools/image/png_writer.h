#pragma once

#include <png.h>

#include <exception>
#include <string>
#include <vector>

#include "tools/image/picture_writer.h"

namespace atelier::tools {

/// PNG through libpng: grey or RGB of 8 or 16 bits. Each text becomes a compressed iTXt chunk before the
/// pixels; a tEXt chunk names the software. The same rows give the same file, however they are grouped.
class PngWriter final : public PictureWriter {
 public:
  /// Throws Error when the header cannot be written.
  PngWriter(AtomicFile& file, const PictureFormat& format, const std::vector<PictureText>& texts);
  ~PngWriter() override;
  void write_rows(const std::byte* rows, std::int64_t count) override;
  void finish() override;

 private:
  static void on_error(png_structp png, png_const_charp message);
  static void on_warning(png_structp png, png_const_charp message);
  static void on_write(png_structp png, png_bytep data, std::size_t bytes);
  static void on_flush(png_structp png);
  template <class Body>
  void guarded(const Body& body);
  void write_header(const std::vector<PictureText>& texts);

  AtomicFile& file_;
  PictureFormat format_;
  std::int64_t rows_left_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string failure_;
  std::exception_ptr write_failure_;
};

}  // namespace atelier::tools
