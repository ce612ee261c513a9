#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/print/picture_encoder.h"
#include "tools/print/pyramid.h"
#include "tools/print/tile_order.h"

namespace atelier::tools {

/// A picture whose file holds tiles, and tiles of its reduced levels. Parts are squares of whole tiles in Z
/// order (a quadtree's, depth first), so that of each reduced level one tile at most is under way and memory
/// does not grow with the picture. encode() packs a part's tiles and those of its own reduced levels; store()
/// writes them and lets the levels above grow, whose tiles are a fiftieth of all.
class TiledEncoder : public PictureEncoder {
 public:
  [[nodiscard]] std::int64_t part_count() const final { return order_.count(); }
  [[nodiscard]] PixelRegion part(std::int64_t index) const final;
  [[nodiscard]] std::int64_t largest_part_bytes() const final;
  [[nodiscard]] std::int64_t encoding_bytes() const final;
  [[nodiscard]] std::int64_t own_bytes() const final;
  [[nodiscard]] std::unique_ptr<Encoded> encode(std::int64_t index, const std::byte* samples) const final;
  void store(std::int64_t index, std::unique_ptr<Encoded> encoded) final;

 protected:
  using Packed = std::vector<unsigned char>;

  explicit TiledEncoder(const PyramidShape& shape);

  [[nodiscard]] const PyramidShape& shape() const { return shape_; }
  /// A tile as it stands in the file; `samples`: dense rows in native byte order. Called from several
  /// threads.
  [[nodiscard]] virtual Packed pack(const PyramidTile& tile, const std::byte* samples) const = 0;
  /// Bytes that pack() may hold at most, what it returns included, of which that is `kept`.
  struct PackingBytes {
    std::int64_t kept = 0;
    std::int64_t held = 0;
  };
  [[nodiscard]] virtual PackingBytes packing_bytes() const = 0;
  /// Bytes of the file that a tile takes beside pack()'s.
  [[nodiscard]] virtual std::int64_t bytes_beside() const = 0;
  /// Before the first tile of a picture.
  virtual void begin() = 0;
  virtual void write(const PyramidTile& tile, const Packed& packed) = 0;

  /// For state() and restore(): the reduced levels under way.
  [[nodiscard]] std::string levels_state() const { return above_.state(); }
  /// False when it is not what levels_state() gives.
  [[nodiscard]] bool restore_levels(std::string_view state) { return above_.restore(state); }

 private:
  class Part;

  PyramidShape shape_;
  int part_levels_;  // a part is a tile of this level, seen at full size
  TileOrder order_;
  ReducedLevels above_;
};

}  // namespace atelier::tools
