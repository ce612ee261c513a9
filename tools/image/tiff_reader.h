#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace atelier::tools {

/// What a TIFF says of itself in its directories, pixels left alone.
struct TiffFacts {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  int bits = 1;  // of a sample
  int channels = 1;
  bool floating = false;              // samples are floating-point numbers
  bool big = false;                   // BigTIFF: 64-bit offsets
  int levels = 1;                     // the picture and its reduced levels
  double pixels_per_inch = 0;         // 0: it does not say
  std::uint64_t bytes = 0;            // of the whole file
  std::optional<std::string> recipe;  // ImageDescription, where that is a recipe
};

/// Reads the first directory of a TIFF or BigTIFF of either byte order and looks through the others. Every
/// offset and count is checked against what is there; more than 1,000 directories or 4,096 entries in one,
/// and a description beyond 64 MiB are refused. `source` names the file in messages. Throws InvalidArgument
/// with one line for anything else, and for nothing else.
[[nodiscard]] TiffFacts parse_tiff(std::span<const std::byte> bytes, const std::string& source);
/// The same for a file, of which no more than that is read; also when it cannot be read.
[[nodiscard]] TiffFacts read_tiff(const std::filesystem::path& path);

/// The recipe inside a TIFF; throws InvalidArgument, also when there is none.
[[nodiscard]] std::string parse_tiff_recipe(std::span<const std::byte> bytes, const std::string& source);
[[nodiscard]] std::string read_tiff_recipe(const std::filesystem::path& path);

/// True when the bytes start as every TIFF does.
[[nodiscard]] bool starts_as_tiff(std::span<const std::byte> bytes);
/// Whether it is a regular file that does. Throws InvalidArgument when it cannot be read.
[[nodiscard]] bool is_tiff_file(const std::filesystem::path& path);

}  // namespace atelier::tools
