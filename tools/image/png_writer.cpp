#include "tools/image/png_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <csetjmp>

#include "runtime/error.h"
#include "tools/image/png_information.h"

namespace atelier::tools {

// libpng reports errors by a callback that must not return. Exceptions do not cross its C frames: the
// callback keeps the reason and jumps back into guarded(), which throws.
void PngWriter::on_error(png_structp png, png_const_charp message) {
  static_cast<PngWriter*>(png_get_error_ptr(png))->failure_ = message;
  png_longjmp(png, 1);
}

void PngWriter::on_warning(png_structp, png_const_charp) {}

void PngWriter::on_write(png_structp png, png_bytep data, std::size_t bytes) {
  PngWriter& writer = *static_cast<PngWriter*>(png_get_io_ptr(png));
  try {
    writer.file_.write(data, bytes);
  } catch (...) {
    writer.write_failure_ = std::current_exception();
  }
  if (writer.write_failure_) png_error(png, "the file cannot be written");
}

void PngWriter::on_flush(png_structp) {}

template <class Body>
void PngWriter::guarded(const Body& body) {
  if (setjmp(png_jmpbuf(png_)) != 0) {
    if (write_failure_) std::rethrow_exception(write_failure_);
    throw Error(fmt::format("cannot write {}: {}", file_.path().string(), failure_));
  }
  body();
}

PngWriter::PngWriter(AtomicFile& file, const PictureFormat& format, const std::vector<PictureText>& texts)
    : file_(file), format_(format), rows_left_(format.height) {
  png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
  if (png_ != nullptr) info_ = png_create_info_struct(png_);
  if (info_ == nullptr) {
    png_destroy_write_struct(&png_, nullptr);
    throw Error(
        fmt::format("cannot write {}: libpng {} cannot start", file_.path().string(), PNG_LIBPNG_VER_STRING));
  }
  try {
    write_header(texts);
  } catch (...) {
    png_destroy_write_struct(&png_, &info_);
    throw;
  }
}

PngWriter::~PngWriter() {
  png_destroy_write_struct(&png_, &info_);
}

void PngWriter::write_header(const std::vector<PictureText>& texts) {
  PngInformation information(format_, texts);
  guarded([&] {
    png_set_write_fn(png_, this, on_write, on_flush);
    png_set_compression_buffer_size(png_, 256 * 1024);
    // On CPPN pictures the Paeth filter leaves runs and small numbers: Huffman codes and run lengths alone
    // (Z_RLE) pack them to within a quarter of zlib's default level, five times as fast.
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
    png_set_compression_level(png_, 3);
    png_set_compression_strategy(png_, Z_RLE);
    information.set(png_, info_);
    png_write_info(png_, info_);
    if (format_.sample == CppnSample::u16 && std::endian::native == std::endian::little) png_set_swap(png_);
  });
}

void PngWriter::write_rows(const std::byte* rows, std::int64_t count) {
  if (count > rows_left_)
    throw Error(fmt::format("png: {} rows more than the picture has", count - rows_left_));
  guarded([&] {
    for (std::int64_t row = 0; row < count; ++row)
      png_write_row(png_, reinterpret_cast<png_const_bytep>(rows + row * format_.row_bytes()));
  });
  rows_left_ -= count;
}

void PngWriter::finish() {
  if (rows_left_ != 0) throw Error(fmt::format("png: {} rows are missing", rows_left_));
  guarded([&] { png_write_end(png_, nullptr); });
}

}  // namespace atelier::tools
