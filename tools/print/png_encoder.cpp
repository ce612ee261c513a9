#include "tools/print/png_encoder.h"

#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cstring>

#include "runtime/error.h"
#include "tools/image/png_information.h"
#include "tools/print/deflate.h"

namespace atelier::tools {
namespace {

constexpr std::int64_t kLongestFilteredRow = std::int64_t{64} << 20;
constexpr unsigned char kFilterNone = 0;
constexpr unsigned char kFilterSub = 1;

class Band final : public PictureEncoder::Encoded {
 public:
  [[nodiscard]] std::uint64_t bytes() const override { return packed.size() + 12; }
  std::vector<unsigned char> packed;
  std::uint32_t checksum = 1;
  std::int64_t length = 0;  // of what was packed
};

std::array<unsigned char, 4> big_endian(std::uint32_t value) {
  return {static_cast<unsigned char>(value >> 24), static_cast<unsigned char>(value >> 16),
          static_cast<unsigned char>(value >> 8), static_cast<unsigned char>(value)};
}

/// Each byte's difference to the same byte of the pixel on the left.
void subtract_left(const unsigned char* row, std::int64_t bytes, std::int64_t pixel_bytes,
                   unsigned char* filtered) {
  std::memcpy(filtered, row, static_cast<std::size_t>(pixel_bytes));
  for (std::int64_t i = pixel_bytes; i < bytes; ++i)
    filtered[i] = static_cast<unsigned char>(row[i] - row[i - pixel_bytes]);
}

}  // namespace

PngEncoder::PngEncoder(AtomicFile& file, const PictureFormat& format, const std::vector<PictureText>& texts)
    : file_(file), format_(format), parts_(format, kLongestFilteredRow), start_(png_start(format, texts)) {}

std::int64_t PngEncoder::encoding_bytes() const {
  // The rows filtered, and packed at worst a little larger; a row of 16 bits with its bytes turned.
  const std::int64_t filtered = parts_.largest_bytes() + parts_.rows();
  return filtered + deflate_bound(filtered) + deflate_bytes() +
         (format_.sample == CppnSample::u16 ? parts_.largest_bytes() / parts_.rows() : 0);
}

std::unique_ptr<PictureEncoder::Encoded> PngEncoder::encode(std::int64_t index,
                                                            const std::byte* samples) const {
  const PixelRegion region = parts_.part(index);
  const std::int64_t pixel_bytes = format_.row_bytes() / format_.width;
  const std::int64_t row_bytes = region.width * pixel_bytes;
  const bool starts_row = region.column == 0;
  std::vector<unsigned char> turned(format_.sample == CppnSample::u16 ? static_cast<std::size_t>(row_bytes)
                                                                      : 0);
  std::vector<unsigned char> filtered(
      static_cast<std::size_t>(region.height * (row_bytes + (starts_row ? 1 : 0))));
  unsigned char* target = filtered.data();
  for (std::int64_t row = 0; row < region.height; ++row) {
    const auto* source = reinterpret_cast<const unsigned char*>(samples + row * row_bytes);
    if (format_.sample == CppnSample::u16 && std::endian::native == std::endian::little) {
      for (std::int64_t i = 0; i < row_bytes; i += 2) {
        turned[static_cast<std::size_t>(i)] = source[i + 1];
        turned[static_cast<std::size_t>(i + 1)] = source[i];
      }
      source = turned.data();
    }
    if (starts_row) *target++ = parts_.whole_rows() ? kFilterSub : kFilterNone;
    if (parts_.whole_rows())
      subtract_left(source, row_bytes, pixel_bytes, target);
    else
      std::memcpy(target, source, static_cast<std::size_t>(row_bytes));
    target += row_bytes;
  }
  auto band = std::make_unique<Band>();
  band->packed = deflated_part(filtered);
  band->checksum = isal_adler32(1, filtered.data(), filtered.size());
  band->length = static_cast<std::int64_t>(filtered.size());
  return band;
}

void PngEncoder::write_data(const void* data, std::size_t bytes) {
  static constexpr unsigned char kName[4] = {'I', 'D', 'A', 'T'};
  const auto length = big_endian(static_cast<std::uint32_t>(bytes));
  const auto check = big_endian(static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, kName, sizeof(kName)), static_cast<const unsigned char*>(data), bytes)));
  file_.write(length.data(), length.size());
  file_.write(kName, sizeof(kName));
  file_.write(data, bytes);
  file_.write(check.data(), check.size());
}

void PngEncoder::store(std::int64_t index, std::unique_ptr<Encoded> encoded) {
  const auto& band = static_cast<const Band&>(*encoded);
  if (index == 0) {
    file_.write(start_.data(), start_.size());
    // A zlib stream: deflate, window of 32 KiB, packed for speed (RFC 1950).
    static constexpr unsigned char kZlibStart[2] = {0x78, 0x01};
    write_data(kZlibStart, sizeof(kZlibStart));
  }
  write_data(band.packed.data(), band.packed.size());
  checksum_ = static_cast<std::uint32_t>(adler32_combine(checksum_, band.checksum, band.length));
}

void PngEncoder::finish() {
  // An empty last block in fixed codes, then the checksum.
  std::array<unsigned char, 6> end{0x03, 0x00};
  const auto checksum = big_endian(checksum_);
  std::copy(checksum.begin(), checksum.end(), end.begin() + 2);
  write_data(end.data(), end.size());
  static constexpr unsigned char kEnd[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
  file_.write(kEnd, sizeof(kEnd));
}

std::string PngEncoder::state() {
  file_.sync();
  return fmt::format("png {} {}", file_.bytes_written(), checksum_);
}

void PngEncoder::restore(std::string_view state) {
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;
  char rest = 0;
  const std::string text(state);
  if (std::sscanf(text.c_str(), "png %lu %u%c", &bytes, &checksum, &rest) != 2 ||
      bytes > file_.bytes_written())
    throw Error(fmt::format("{}: what is there does not fit the render that it is said to be of",
                            file_.path().string()));
  file_.cut(bytes);
  checksum_ = checksum;
}

}  // namespace atelier::tools
