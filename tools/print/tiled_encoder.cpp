#include "tools/print/tiled_encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace atelier::tools {
namespace {

constexpr std::int64_t kSmallPixel = 6;    // bytes; larger ones have smaller parts
constexpr std::int64_t kEnoughParts = 16;  // for a picture to be encoded by several threads
constexpr int kMostPartLevels = 2;

/// Parts of 2048 x 2048 pixels; of 1024 x 1024 or 512 x 512 where there would be few of them.
int part_levels_of(const PyramidShape& shape) {
  int levels = shape.pixel_bytes() <= kSmallPixel ? kMostPartLevels : kMostPartLevels - 1;
  const auto parts = [&] {
    return (((shape.columns(0) - 1) >> levels) + 1) * (((shape.rows(0) - 1) >> levels) + 1);
  };
  while (levels > 0 && parts() < kEnoughParts) --levels;
  return levels;
}

std::int64_t cells_along(std::int64_t tiles, int part_levels) {
  return ((tiles - 1) >> part_levels) + 1;
}

}  // namespace

class TiledEncoder::Part final : public PictureEncoder::Encoded, public ReducedLevels::Sink {
 public:
  explicit Part(const TiledEncoder& encoder) : encoder_(encoder) {}

  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }
  void tile(const PyramidTile& tile, const std::byte* samples) override {
    tiles.emplace_back(tile, encoder_.pack(tile, samples));
    bytes_ += tiles.back().second.size() + static_cast<std::uint64_t>(encoder_.bytes_beside());
  }
  void rest(const PyramidTile& tile, const std::byte* half) override {
    top = tile;
    top_half.assign(half, half + ReducedLevels::half_bytes(encoder_.shape()));
  }

  std::vector<std::pair<PyramidTile, Packed>> tiles;
  PyramidTile top;                  // the part, reduced to one tile
  std::vector<std::byte> top_half;  // for the levels above; empty where there are none

 private:
  const TiledEncoder& encoder_;
  std::uint64_t bytes_ = 0;
};

TiledEncoder::TiledEncoder(const PyramidShape& shape)
    : shape_(shape),
      part_levels_(part_levels_of(shape_)),
      order_(cells_along(shape_.columns(0), part_levels_), cells_along(shape_.rows(0), part_levels_)),
      above_(shape_, part_levels_ + 1, shape_.levels - 1) {}

PixelRegion TiledEncoder::part(std::int64_t index) const {
  const TileOrder::Cell cell = order_.cell(index);
  const std::int64_t side = PyramidShape::kTileSide << part_levels_;
  const std::int64_t column = cell.column * side;
  const std::int64_t row = cell.row * side;
  return {column, row, std::min(side, shape_.format.width - column),
          std::min(side, shape_.format.height - row)};
}

std::int64_t TiledEncoder::largest_part_bytes() const {
  const std::int64_t side = PyramidShape::kTileSide << part_levels_;
  return std::min(side, shape_.format.width) * std::min(side, shape_.format.height) * shape_.pixel_bytes();
}

std::int64_t TiledEncoder::encoding_bytes() const {
  const PackingBytes packing = packing_bytes();
  std::int64_t tiles = 0;
  for (int level = 0; level <= part_levels_ && level < shape_.levels; ++level)
    tiles += std::int64_t{1} << 2 * (part_levels_ - level);
  return tiles * packing.kept + packing.held + shape_.tile_bytes() +
         ReducedLevels::bytes(shape_, std::min(part_levels_, shape_.levels - 1)) +
         2 * ReducedLevels::half_bytes(shape_);
}

std::int64_t TiledEncoder::own_bytes() const {
  const int levels = std::max(0, shape_.levels - 1 - part_levels_);
  // Writing down the state takes a copy of the levels.
  return 2 * ReducedLevels::bytes(shape_, levels) + packing_bytes().held;
}

std::unique_ptr<PictureEncoder::Encoded> TiledEncoder::encode(std::int64_t index,
                                                              const std::byte* samples) const {
  const PixelRegion region = part(index);
  const std::int64_t row_bytes = region.width * shape_.pixel_bytes();
  const std::int64_t first_column = region.column / PyramidShape::kTileSide;
  const std::int64_t first_row = region.row / PyramidShape::kTileSide;
  const auto tiles_of = [](std::int64_t side) {
    return (side + PyramidShape::kTileSide - 1) / PyramidShape::kTileSide;
  };
  const TileOrder order(tiles_of(region.width), tiles_of(region.height));

  auto encoded = std::make_unique<Part>(*this);
  const bool reduced = shape_.levels > 1;
  ReducedLevels levels(shape_, 1, std::min(part_levels_, shape_.levels - 1));
  std::vector<std::byte> tile_samples(static_cast<std::size_t>(shape_.tile_bytes()));
  std::vector<std::byte> half(static_cast<std::size_t>(reduced ? ReducedLevels::half_bytes(shape_) : 0));
  for (std::int64_t i = 0; i < order.count(); ++i) {
    const TileOrder::Cell cell = order.cell(i);
    const PyramidTile tile = shape_.tile(0, first_column + cell.column, first_row + cell.row);
    const std::int64_t tile_row_bytes = tile.width * shape_.pixel_bytes();
    const std::byte* source = samples + cell.row * PyramidShape::kTileSide * row_bytes +
                              cell.column * PyramidShape::kTileSide * shape_.pixel_bytes();
    for (std::int64_t r = 0; r < tile.height; ++r, source += row_bytes)
      std::memcpy(tile_samples.data() + r * tile_row_bytes, source, static_cast<std::size_t>(tile_row_bytes));
    encoded->tile(tile, tile_samples.data());
    if (!reduced) continue;
    halve_samples(shape_.raster(tile), tile_samples.data(), half.data(),
                  ReducedLevels::half_row_bytes(shape_));
    levels.add(tile, half.data(), *encoded);
  }
  return encoded;
}

void TiledEncoder::store(std::int64_t index, std::unique_ptr<Encoded> encoded) {
  class Writer final : public ReducedLevels::Sink {
   public:
    explicit Writer(TiledEncoder& encoder) : encoder_(encoder) {}
    void tile(const PyramidTile& tile, const std::byte* samples) override {
      encoder_.write(tile, encoder_.pack(tile, samples));
    }
    void rest(const PyramidTile& /*tile*/, const std::byte* /*half*/) override {}

   private:
    TiledEncoder& encoder_;
  };
  if (index == 0) begin();
  const auto& part = static_cast<const Part&>(*encoded);
  for (const auto& [tile, packed] : part.tiles) write(tile, packed);
  if (part.top_half.empty()) return;
  Writer writer(*this);
  above_.add(part.top, part.top_half.data(), writer);
}

}  // namespace atelier::tools
