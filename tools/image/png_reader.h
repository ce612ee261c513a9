#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace atelier::tools {

/// What a PNG says of itself, pixels left alone.
struct PngFacts {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int bit_depth = 0;
  int channels = 0;                   // 1 grey (or palette), 2 grey + alpha, 3 RGB, 4 RGBA
  std::uint64_t bytes = 0;            // of the whole file
  std::optional<std::string> recipe;  // iTXt "atelier"
  std::optional<std::string> sheet;   // iTXt "atelier-sheet": how a contact sheet was made
};

/// Keywords of the iTXt chunks that Atelier writes.
inline constexpr const char* kRecipeKeyword = "atelier";
inline constexpr const char* kSheetKeyword = "atelier-sheet";

/// Walks the chunks of a PNG from end to end. Lengths are checked against what is there, checksums of the
/// header and of Atelier's texts against their contents; a text unpacks to at most 64 MiB. Pixels are neither
/// read nor unpacked. `source` names the file in messages.
/// Throws InvalidArgument with one line for anything that is not a whole, well-formed PNG, and for nothing
/// else.
[[nodiscard]] PngFacts parse_png(std::span<const std::byte> bytes, const std::string& source);
/// The same for a file; also when it cannot be read.
[[nodiscard]] PngFacts read_png(const std::filesystem::path& path);

/// The recipe inside a PNG; throws InvalidArgument, also when there is none.
[[nodiscard]] std::string parse_png_recipe(std::span<const std::byte> bytes, const std::string& source);
[[nodiscard]] std::string read_png_recipe(const std::filesystem::path& path);

/// True when the bytes start as every PNG does.
[[nodiscard]] bool starts_as_png(std::span<const std::byte> bytes);

}  // namespace atelier::tools
