#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>

// Pieces of PNG files, for files that no writer would make.
namespace atelier::testing {

inline std::string png_signature() {
  return "\x89PNG\r\n\x1a\n";
}

inline std::string big_endian_word(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift & 0xFF));
  return bytes;
}

inline std::string png_chunk(const std::string& type, const std::string& contents) {
  const std::string covered = type + contents;
  const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
  return big_endian_word(static_cast<std::uint32_t>(contents.size())) + covered +
         big_endian_word(static_cast<std::uint32_t>(sum));
}

inline std::string png_header(std::uint32_t width, std::uint32_t height) {
  return png_chunk("IHDR",
                   big_endian_word(width) + big_endian_word(height) + std::string("\x08\x02\0\0\0", 5));
}

/// As zlib packs it.
inline std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string result(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(result.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), 9) != Z_OK)
    throw std::runtime_error("deflate failed");
  result.resize(size);
  return result;
}

/// iTXt contents: the text is deflated when `compressed`.
inline std::string png_text(const std::string& keyword, const std::string& text, bool compressed) {
  return keyword + std::string(1, '\0') + std::string(1, compressed ? '\1' : '\0') + std::string(3, '\0') +
         (compressed ? deflated(text) : text);
}

/// Signature, header, the given chunks and IEND.
inline std::string png_file(const std::string& chunks) {
  return png_signature() + png_header(2, 1) + chunks + png_chunk("IEND", "");
}

}  // namespace atelier::testing
