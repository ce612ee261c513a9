#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::tools {

/// Tags of TIFF 6.0 and its supplements.
enum class TiffTag : std::uint16_t {
  new_subfile_type = 254,
  image_width = 256,
  image_length = 257,
  bits_per_sample = 258,
  compression = 259,
  photometric = 262,
  image_description = 270,
  samples_per_pixel = 277,
  x_resolution = 282,
  y_resolution = 283,
  planar_configuration = 284,
  resolution_unit = 296,
  software = 305,
  predictor = 317,
  tile_width = 322,
  tile_length = 323,
  tile_offsets = 324,
  tile_byte_counts = 325,
  sample_format = 339,
};

/// Types of values: of 2 bytes, 4 bytes, 8 bytes (BigTIFF); characters; fractions of two words.
enum class TiffType : std::uint16_t { text = 2, half = 3, word = 4, ratio = 5, double_word = 16 };

/// A directory of a little-endian TIFF or BigTIFF on the way into a file. Entries are added in the order of
/// their tags.
class TiffDirectory {
 public:
  /// What a file begins with: the first directory follows it.
  [[nodiscard]] static std::string header(bool big);
  [[nodiscard]] static std::uint64_t header_bytes(bool big) { return big ? 16 : 8; }

  void add(TiffTag tag, TiffType type, const std::vector<std::uint64_t>& values);
  void add_text(TiffTag tag, std::string_view text);
  /// To the nearest millionth, or as far as words reach.
  void add_ratio(TiffTag tag, double value);
  /// Tile offsets and tile byte counts of so many tiles, to be filled in later.
  void add_tables(std::uint64_t tiles);

  struct Written {
    std::string bytes;              // at `position`
    std::uint64_t table_bytes = 0;  // zeros that follow them
    std::uint64_t offsets = 0;      // where in the file the table of tile offsets is
    std::uint64_t byte_counts = 0;  // and that of 4-byte tile byte counts
  };
  /// `position`: where in the file it will stand, a multiple of 8; so is where it ends. Unless it is the
  /// `last`, another one follows there.
  [[nodiscard]] Written written(bool big, std::uint64_t position, bool last) const;

 private:
  struct Entry {
    TiffTag tag;
    TiffType type;
    std::uint64_t count;
    std::string value;  // empty: a table
  };
  std::vector<Entry> entries_;
};

}  // namespace atelier::tools
