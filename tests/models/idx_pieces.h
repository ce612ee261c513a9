#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

// idx files, whole and broken ones, plain and packed, for tests and fuzz targets.
namespace atelier::testing {

inline std::vector<std::byte> bytes_of_text(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// An idx file: two zeros, the element type, the sides, the elements.
inline std::string idx_file(const std::vector<std::uint32_t>& sides, const std::string& elements,
                            unsigned char type = 8) {
  std::string file{'\0', '\0', static_cast<char>(type), static_cast<char>(sides.size())};
  for (const std::uint32_t side : sides)
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<char>(side >> shift & 0xFFU));
  return file + elements;
}

/// As gzip packs it (RFC 1952).
inline std::string gzipped(const std::string& bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflate failed");
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return packed;
}

}  // namespace atelier::testing
