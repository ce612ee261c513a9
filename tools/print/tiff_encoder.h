#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/atomic_file.h"
#include "tools/image/picture_writer.h"
#include "tools/print/tiled_encoder.h"

namespace atelier::tools {

/// What a TIFF is to hold beside its samples.
struct TiffOptions {
  std::string recipe;    // JSON, as ImageDescription
  bool pyramid = false;  // reduced levels too, each half the size of the one before, down to a single tile
};

/// TIFF 6.0 of any size (sides up to 2^31 - 1): little-endian, tiles of at most 512 x 512 pixels, grey or
/// RGB, 8 and 16 bits, float and double, packed by deflate behind a predictor (2: differences to the left; 3
/// for floating point: differences of bytes sorted by weight; Adobe's Technical Notes 1 and 3). A picture
/// that could pass 4 GiB is a BigTIFF; a smaller one stays classic, which every program opens. Reduced levels
/// are further directories of NewSubfileType 1: means of 2 x 2 pixels in linear light
/// (tools/print/halving.h).
///
/// The directories and the tables of all tiles stand first, their sizes being known; tiles are appended as
/// they come and noted in the tables, so that nothing is held in memory that grows with the picture.
class TiffEncoder final : public TiledEncoder {
 public:
  /// `file` is empty, unless restore() follows; it is written to from store(0) on. Throws InvalidArgument for
  /// sides outside 1..2^31 - 1 and channels other than 1 and 3.
  TiffEncoder(AtomicFile& file, const PictureFormat& format, const TiffOptions& options);

  void finish() override {}
  void commit() override { file_.commit(); }
  [[nodiscard]] std::uint64_t bytes_written() const override { return file_.bytes_written(); }
  [[nodiscard]] std::string state() override;
  void restore(std::string_view state) override;

 protected:
  [[nodiscard]] Packed pack(const PyramidTile& tile, const std::byte* samples) const override;
  [[nodiscard]] PackingBytes packing_bytes() const override;
  [[nodiscard]] std::int64_t bytes_beside() const override { return big_ ? 12 : 8; }
  void begin() override;
  void write(const PyramidTile& tile, const Packed& packed) override;

 private:
  /// Where a level's tables stand in the file.
  struct Tables {
    std::uint64_t offsets = 0;
    std::uint64_t byte_counts = 0;
  };
  /// What stands before the tiles: bytes, and so many zeros behind them for tables.
  struct Start {
    std::string bytes;
    std::uint64_t zeros = 0;
  };
  /// Before packing.
  [[nodiscard]] std::int64_t tile_bytes() const;

  AtomicFile& file_;
  PictureFormat format_;
  std::int64_t tile_width_;
  std::int64_t tile_height_;
  bool big_;
  std::vector<Tables> tables_;  // of each level
  std::vector<Start> start_;
};

}  // namespace atelier::tools
