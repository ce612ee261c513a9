#include "tools/print/png_tile.h"

#include <isa-l/crc.h>

#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "tools/print/deflate.h"

namespace atelier::tools {
namespace {

constexpr unsigned char kFilterSub = 1;
constexpr std::int64_t kFrameBytes = 8 + 25 + 12 + 12;  // signature, IHDR, the frames of IDAT and IEND

void append_word(std::vector<unsigned char>& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<unsigned char>(value >> shift));
}

void append_chunk(std::vector<unsigned char>& bytes, std::string_view name,
                  const std::vector<unsigned char>& contents) {
  append_word(bytes, static_cast<std::uint32_t>(contents.size()));
  const std::size_t start = bytes.size();
  bytes.insert(bytes.end(), name.begin(), name.end());
  bytes.insert(bytes.end(), contents.begin(), contents.end());
  append_word(bytes, crc32_gzip_refl(0, bytes.data() + start, bytes.size() - start));
}

/// PNG's 16-bit samples begin with the more significant byte.
void turn_bytes(std::vector<unsigned char>& row) {
  for (std::size_t i = 0; i + 1 < row.size(); i += 2) std::swap(row[i], row[i + 1]);
}

}  // namespace

std::vector<unsigned char> png_tile(const Raster& picture, const std::byte* samples) {
  const auto sample_bytes = cppn_sample_bytes(picture.sample);
  const std::size_t pixel_bytes = static_cast<std::size_t>(picture.channels) * sample_bytes;
  const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * pixel_bytes;
  std::vector<unsigned char> filtered(static_cast<std::size_t>(picture.height) * (1 + row_bytes));
  std::vector<unsigned char> row(row_bytes);
  unsigned char* target = filtered.data();
  for (std::int64_t r = 0; r < picture.height; ++r, samples += row_bytes) {
    std::memcpy(row.data(), samples, row_bytes);
    if (sample_bytes == 2) turn_bytes(row);
    *target++ = kFilterSub;
    std::memcpy(target, row.data(), pixel_bytes);
    for (std::size_t i = pixel_bytes; i < row_bytes; ++i)
      target[i] = static_cast<unsigned char>(row[i] - row[i - pixel_bytes]);
    target += row_bytes;
  }

  static constexpr unsigned char kSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  std::vector<unsigned char> header;
  append_word(header, static_cast<std::uint32_t>(picture.width));
  append_word(header, static_cast<std::uint32_t>(picture.height));
  header.push_back(static_cast<unsigned char>(8 * sample_bytes));
  header.push_back(picture.channels == 1 ? 0 : 2);  // grey, RGB
  header.insert(header.end(), 3, 0);                // deflate, filters a row, not interlaced
  const std::vector<unsigned char> packed = deflated(filtered);
  std::vector<unsigned char> png(std::begin(kSignature), std::end(kSignature));
  png.reserve(packed.size() + static_cast<std::size_t>(kFrameBytes));
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", {});
  return png;
}

std::int64_t png_tile_bound(std::int64_t width, std::int64_t height, std::int64_t pixel_bytes) {
  return kFrameBytes + deflate_bound(height * (1 + width * pixel_bytes));
}

}  // namespace atelier::tools
