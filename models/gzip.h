#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

// Included by .cpp files of models/ only.
namespace atelier::detail {

/// True when the bytes start as a gzip file does (RFC 1952).
[[nodiscard]] bool is_gzip(std::span<const std::byte> bytes);

/// Bytes read from the front on, unpacked on the way where they are gzip (also several members in a row).
/// Only what is asked for is unpacked, so the caller's sizes are the bound of memory and time.
class ByteReader {
 public:
  /// `bytes` must outlive the reader; `source` names the file in messages.
  ByteReader(std::span<const std::byte> bytes, std::string source);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Fills `target` as far as there are bytes; returns how many. Throws InvalidArgument where the gzip data
  /// are damaged or cut off, or their checksum is wrong.
  std::size_t read(std::span<std::byte> target);
  /// No more than this can still come: the bytes left, times deflate's best ratio where they are packed.
  [[nodiscard]] std::uint64_t most_left() const;

 private:
  struct Inflater;
  std::size_t read_packed(std::span<std::byte> target);

  std::span<const std::byte> left_;
  std::string source_;
  std::unique_ptr<Inflater> inflater_;  // null: plain bytes
};

}  // namespace atelier::detail
