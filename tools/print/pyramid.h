#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cppn.h"
#include "tools/image/picture_writer.h"
#include "tools/print/halving.h"

namespace atelier::tools {

/// A tile of a picture or of one of its reduced levels.
struct PyramidTile {
  int level = 0;  // 0: the picture itself
  std::int64_t column = 0;
  std::int64_t row = 0;
  std::int64_t width = 0;  // in pixels; the last of a row or column of tiles may be smaller
  std::int64_t height = 0;
};

/// A picture and its reduced levels, each half as wide and high as the one before, rounded up; all cut into
/// tiles of kTileSide x kTileSide pixels from the upper left.
struct PyramidShape {
  static constexpr std::int64_t kTileSide = 512;

  PictureFormat format;
  int levels = 1;

  /// Throws InvalidArgument for sides outside 1..2^31 - 1 and channels other than 1 and 3.
  PyramidShape(const PictureFormat& picture, int level_count);
  /// Levels until width and height are at most `longest`.
  [[nodiscard]] static int levels_down_to(const PictureFormat& format, std::int64_t longest);

  [[nodiscard]] std::int64_t width(int level) const { return reduced(format.width, level); }
  [[nodiscard]] std::int64_t height(int level) const { return reduced(format.height, level); }
  [[nodiscard]] std::int64_t columns(int level) const { return tiles(width(level)); }
  [[nodiscard]] std::int64_t rows(int level) const { return tiles(height(level)); }
  [[nodiscard]] PyramidTile tile(int level, std::int64_t column, std::int64_t row) const;

  [[nodiscard]] Raster raster(const PyramidTile& tile) const {
    return {format.sample, format.channels, tile.width, tile.height};
  }
  [[nodiscard]] std::int64_t pixel_bytes() const { return format.row_bytes() / format.width; }
  [[nodiscard]] std::int64_t tile_bytes() const { return kTileSide * kTileSide * pixel_bytes(); }
  /// Of a row of a tile's linear values.
  [[nodiscard]] std::int64_t linear_row_bytes() const {
    return kTileSide * format.channels * linear_bytes(format.sample);
  }

 private:
  [[nodiscard]] static std::int64_t reduced(std::int64_t side, int level) {
    return ((side - 1) >> level) + 1;
  }
  [[nodiscard]] static std::int64_t tiles(std::int64_t side) { return (side + kTileSide - 1) / kTileSide; }
};

/// Levels `first` to `last` on the way, one tile of each at most, fed with the tiles of the level below in Z
/// order.
class ReducedLevels {
 public:
  /// Where tiles go that are complete.
  class Sink {
   public:
    Sink() = default;
    virtual ~Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    /// Dense rows in native byte order, valid during the call.
    virtual void tile(const PyramidTile& tile, const std::byte* samples) = 0;
    /// Half of a tile of the last level, where the picture has a level above it.
    virtual void rest(const PyramidTile& tile, const std::byte* half) = 0;
  };

  /// None when last < first.
  ReducedLevels(const PyramidShape& shape, int first, int last);

  /// `half`: the linear values of half that tile, rows of half_row_bytes() from one to the next.
  void add(const PyramidTile& tile, const std::byte* half, Sink& sink);
  [[nodiscard]] static std::int64_t half_row_bytes(const PyramidShape& shape) {
    return shape.linear_row_bytes() / 2;
  }
  [[nodiscard]] static std::int64_t half_bytes(const PyramidShape& shape) {
    return half_row_bytes(shape) * (PyramidShape::kTileSide / 2);
  }

  /// Bytes held at most by so many levels.
  [[nodiscard]] static std::int64_t bytes(const PyramidShape& shape, int levels);
  /// Everything that add() depends on (binary).
  [[nodiscard]] std::string state() const;
  /// False when it is not what state() gives.
  [[nodiscard]] bool restore(std::string_view state);

 private:
  struct Level {
    bool begun = false;
    std::vector<std::byte> linear;  // of the tile under way
    std::vector<std::byte> half;
  };

  PyramidShape shape_;
  int first_;
  std::vector<Level> levels_;
  std::vector<std::byte> samples_;
};

}  // namespace atelier::tools
